"""``hostnfsd run``: the daemon, in the foreground."""

import argparse
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from hostnfsd.cli import output
from hostnfsd.errors import Exit, HostnfsdError

if TYPE_CHECKING:
    from hostnfsd.cli.load import Loaded

#: launchd restarts a job for any exit status but 0, and cannot tell them apart: those that no
#: restart cures are reported and turned into 0.
_FOR_A_PERSON = frozenset({Exit.USAGE, Exit.FILE_MISSING, Exit.NO_PERMISSION, Exit.CONFIG_INVALID})


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        help="run the daemon in the foreground",
        description="Run the daemon in the foreground; SIGHUP reloads, SIGTERM drains and stops.",
    )
    parser.add_argument(
        "--launchd",
        action="store_true",
        help="exit 0 where a restart could not help (launchd cannot tell exit codes apart)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until stopped."""
    # Whoever rotates logs at boot must not end a daemon that is still starting.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return _serve(args.config)
    except HostnfsdError as exc:
        if not args.launchd or exc.exit_code not in _FOR_A_PERSON:
            raise
        output.report(exc)
        return Exit.OK


def _serve(explicit: str | None) -> int:
    from hostnfsd.cli import load as loading  # noqa: PLC0415  # heavy: only this command needs it

    loaded = loading.load(explicit)
    return _run_daemon(loaded)


def _run_daemon(loaded: "Loaded") -> int:
    import asyncio  # noqa: PLC0415  # heavy: only this command needs it

    import uvloop  # noqa: PLC0415  # likewise

    from hostnfsd.cli import load as loading  # noqa: PLC0415
    from hostnfsd.cli.surroundings import surroundings  # noqa: PLC0415
    from hostnfsd.config.paths import control_socket, state_directory  # noqa: PLC0415
    from hostnfsd.daemon import logs, watchdog  # noqa: PLC0415
    from hostnfsd.daemon.beginning import Beginning  # noqa: PLC0415
    from hostnfsd.daemon.notify import watchdog_interval_s  # noqa: PLC0415
    from hostnfsd.daemon.service import Daemon  # noqa: PLC0415

    log = logs.configure(loaded.config.log, environ=os.environ, moved=watchdog.tell_crashes)
    here = surroundings()
    path = Path(loaded.path)
    beginning = Beginning(
        config=loaded.config,
        path=path,
        problems=loaded.reading.problems,
        read=lambda: loading.read(path),
        control_path=lambda config: control_socket(config.control.socket, here),
        logs=log,
        state_folder=Path(state_directory(loaded.config.state.directory, here)),
    )

    async def work() -> None:
        # systemd's, where it has one, needs no help: it sees a process that is stopped, too.
        if watchdog_interval_s(os.environ, os.getpid()) is not None:
            await Daemon(beginning).run()
            return
        with watchdog.watching(asyncio.get_running_loop(), watchdog.Watchdog()):
            await Daemon(beginning).run()

    try:
        uvloop.run(work())
    finally:
        log.close()
    return Exit.OK
