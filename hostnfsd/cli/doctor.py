"""``hostnfsd doctor``: what is wrong between the exports file and a mounted path, and the cure."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from hostnfsd import __version__
from hostnfsd.errors import (
    ConfigError,
    DaemonDiffersError,
    DaemonMuteError,
    DaemonUnreachableError,
    Exit,
    FileMissingError,
    HostnfsdError,
    NotPermittedError,
    UsageError,
)

if TYPE_CHECKING:
    from hostnfsd.doctor.check import Row
    from hostnfsd.doctor.daemon_verdict import Mute
    from hostnfsd.doctor.scene import Scene
    from hostnfsd.problem import Problem
    from hostnfsd.snapshot import Snapshot

_DESCRIPTION = """\
Walk the way that a request takes, from the exports file of this host to a mounted path behind the
gateway, and look at each hop. What is wrong is told with its cause and the command that cures it;
what to mend first comes last.

PASS  looked at, and well          WARN  works, but less well than it could
FAIL  keeps clients from mounting  SKIP  not looked at, with the reason

A running daemon is asked for what it knows. Without one, the doctor connects to the gateway itself,
binds the ports, tries them and gives everything back. Each check has five seconds."""
_PATIENCE_S = 4.0  # for the daemon's word; it answers in milliseconds
_EPILOG = """\
examples:
  hostnfsd doctor
  hostnfsd doctor --client 'docker exec kind-control-plane'
  hostnfsd doctor --explain 'mount.nfs: access denied by server while mounting dev-gw:/src'
  dmesg | tail -1 | hostnfsd doctor --explain -

Exits 0 if nothing failed, 1 if something did; with --explain 0 if the message is known, 1 if not.
Every failure by name: docs/failures.md"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of ``doctor``."""
    parser = commands.add_parser(
        "doctor",
        help="find out what is wrong, and what cures it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument(
        "--explain",
        metavar="MESSAGE",
        help="what a message of a client, a command or a log means, or a code of the doctor's;"
        " - reads it from stdin",
    )
    parser.add_argument(
        "--client",
        metavar="COMMAND",
        help="also try the last hop from a real client, by its own shell: sh -c SCRIPT is added to"
        " COMMAND, such as 'docker exec NODE'",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="then do what is safe of the cures, after showing and asking: modes of keys, the"
        " server told to read its exports again, the daemon told to connect; and look again",
    )
    parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")
    parser.add_argument(
        "--accept-host-key",
        action="store_true",
        help="with --fix: also record a host key that is not known yet, never one that has changed",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the rows, or an explanation.

    Raises:
        FileMissingError, NotPermittedError: the configuration named with ``--config`` cannot be
            read.
        UsageError: there is nothing to explain.
    """
    if args.explain is not None:
        return _explain(args)
    if (args.yes or args.accept_host_key) and not args.fix:
        raise UsageError("--yes and --accept-host-key go with --fix")
    if args.client is not None:
        _check_client(args.client)
    if args.fix and args.json:
        raise UsageError("--fix asks, and tells what it does: it does not go with --json")
    rows, code = _walk(args)
    if args.fix and _mended(rows, args):
        print("\nLooking again:\n")
        _, code = _walk(args)
    return code


def _check_client(command: str) -> None:
    import shlex  # noqa: PLC0415  # commands import when they run

    try:
        words = shlex.split(command)
    except ValueError as exc:
        raise UsageError(f"--client: {command}: {exc}".replace("No", "no")) from exc
    if not words:
        raise UsageError("--client: there is no command", "such as 'docker exec NODE'")


def _mended(rows: "list[Row]", args: argparse.Namespace) -> bool:
    import os  # noqa: PLC0415  # commands import when they run

    from hostnfsd.cli import doctor_fix  # noqa: PLC0415
    from hostnfsd.doctor import fixes  # noqa: PLC0415

    root = os.geteuid() == 0
    plan = fixes.plan(rows, accept_host_key=args.accept_host_key, root=root, config=args.config)
    return doctor_fix.mend(plan, yes=args.yes, ask=doctor_fix.answered)


def _explain(args: argparse.Namespace) -> int:
    from hostnfsd.cli import doctor_text, status  # noqa: PLC0415  # commands import when they run
    from hostnfsd.cli.columns import fitting  # noqa: PLC0415
    from hostnfsd.doctor.explain import explain  # noqa: PLC0415

    text = sys.stdin.read() if args.explain == "-" else args.explain
    if not text.strip():
        raise UsageError("--explain: there is no message (paste what was printed)")
    matches = explain(text)
    if args.json:
        entries = [
            {
                "code": match.entry.code,
                "title": match.entry.title,
                "symptom": match.symptom,
                "cause": match.entry.cause,
                "cure": list(match.entry.cure),
            }
            for match in matches
        ]
        print(json.dumps({"schema": 1, "ok": bool(matches), "entries": entries}, indent=2))
    else:
        sys.stdout.write(
            doctor_text.explanation(
                matches,
                colour=status.colour(),
                platform=sys.platform,
                width=fitting(status.columns()),
            )
        )
    return Exit.OK if matches else Exit.UNHEALTHY


def _walk(args: argparse.Namespace) -> "tuple[list[Row], int]":
    import time  # noqa: PLC0415  # commands import when they run

    from hostnfsd.cli import doctor_text, status  # noqa: PLC0415
    from hostnfsd.cli.columns import fitting  # noqa: PLC0415
    from hostnfsd.daemon import logs  # noqa: PLC0415
    from hostnfsd.doctor import engine, report, walk  # noqa: PLC0415

    scene, trouble, problems = _scene(args)
    page = doctor_text.DoctorPage(
        colour=status.colour(), width=fitting(status.columns()), config=args.config
    )
    began = time.perf_counter()
    rows: list[Row] = []
    daemon_runs = scene.snapshot is not None or scene.mute is not None
    told = (lambda _: None) if args.json else _tell
    try:
        with logs.silenced():  # rows tell what the daemon's parts would log
            for found in engine.rows(lambda: walk.walk(scene, trouble, problems, args.client)):
                row = report.for_here(found, scene.platform, daemon=daemon_runs)
                rows.append(row)
                told(page.row(row))
    finally:
        told(page.rest())
    if args.json:
        daemon = None if scene.snapshot is None else scene.snapshot.version
        print(json.dumps(report.document(rows, version=__version__, daemon=daemon), indent=2))
    else:
        sys.stdout.write(page.verdict(rows, time.perf_counter() - began))
    return rows, Exit.OK if report.healthy(rows) else Exit.UNHEALTHY


def _tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _scene(
    args: argparse.Namespace,
) -> "tuple[Scene, HostnfsdError | None, tuple[Problem, ...]]":
    """What to look at. Without a configuration that can be used: the host, with the defaults."""
    from pathlib import Path  # noqa: PLC0415

    from hostnfsd.cli.load import load  # noqa: PLC0415  # commands import when they run
    from hostnfsd.cli.surroundings import surroundings  # noqa: PLC0415
    from hostnfsd.config.paths import state_directory  # noqa: PLC0415
    from hostnfsd.config.reader import parse  # noqa: PLC0415
    from hostnfsd.daemon.gateway import session_store  # noqa: PLC0415
    from hostnfsd.doctor.scene import Scene  # noqa: PLC0415

    try:
        loaded = load(args.config)
    except (FileMissingError, NotPermittedError) as exc:
        if args.config is not None:
            raise
        trouble: HostnfsdError = exc
    except ConfigError as exc:
        trouble = exc
    else:
        scene = Scene(loaded.config, str(loaded.path))
        folder = state_directory(loaded.config.state.directory, surroundings())
        scene.store = session_store.of_config(Path(folder), Path(loaded.path))
        scene.snapshot, scene.mute = _snapshot(args.config)
        scene.ask_daemon = lambda: _snapshot(args.config)[0]
        return scene, None, loaded.reading.problems
    defaults = parse(b"[gateway.none]", "").config
    assert defaults is not None  # noqa: S101  # the smallest file there is
    scene = Scene(defaults)
    # One that runs goes on with what it read before the file was broken.
    scene.snapshot, scene.mute = _snapshot(args.config)
    return scene, trouble, ()


def _snapshot(config: str | None) -> "tuple[Snapshot | None, Mute | None]":
    """What the daemon tells, or why one that runs tells nothing that can be understood."""
    from hostnfsd.cli import control_client, status  # noqa: PLC0415  # commands import when they run
    from hostnfsd.doctor.daemon_verdict import Mute, Why  # noqa: PLC0415

    try:
        document = status.fetch(control_client.sockets(config), _PATIENCE_S)
    except NotPermittedError as exc:
        return None, Mute(str(exc), Why.FORBIDDEN)
    except DaemonMuteError as exc:
        return None, Mute(str(exc), Why.SILENT if exc.silent else Why.FOREIGN, exc.pid, exc.hint)
    except DaemonUnreachableError:
        return None, None
    try:
        return status.read(document), None
    except DaemonDiffersError as exc:
        pid = document.get("pid")
        return None, Mute(str(exc), Why.DIFFERS, pid if isinstance(pid, int) else None)
