"""``hostnfsd exports``: the exports file as its server reads it, and what of it the tunnel gets."""

import argparse
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hostnfsd.errors import Exit, FileMissingError, HostnfsdError, NotPermittedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hostnfsd.cli.exports_text import Allow, Server, Told
    from hostnfsd.config.model import Config
    from hostnfsd.exports.addresses import Block
    from hostnfsd.machine.exports import Findings, Platform
    from hostnfsd.problem import Problem

#: Seconds in which the server must tell what it exports.
_ASKED_S: Final = 2.0
#: Seconds in which a daemon must tell what it knows.
_DAEMON_S: Final = 2.0
_RPCBIND: Final = 111
_STDIN: Final = "-"


class Settings(NamedTuple):
    """What the configuration says of exports; its defaults where there is none.

    Attributes:
        path: of the file; None: the server keeps its exports elsewhere.
        platform: ``host.platform``.
        address: where the server is dialled.
        low_ports: hostnfsd dials from source ports below 1024.
        allow: ``access.allow`` in effect.
        mountd: its port on the host, where it is given.
        rpcbind: the port of the host's rpcbind.
    """

    path: Path | None
    platform: "Platform"
    address: str
    low_ports: bool
    allow: "Allow"
    mountd: int | None = None
    rpcbind: int = _RPCBIND


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of ``exports``."""
    parser = commands.add_parser(
        "exports",
        help="show the exports, who may mount what through the tunnel, and every problem",
        description="Read the exports file as its server does: what is exported to whom, what a"
        " client of the tunnel gets, who is let through at the gateway, and every problem with its"
        " place. Where the server runs it is asked what it exports, and differences are told."
        " Exits 65 when the server would not take the file.",
    )
    parser.add_argument(
        "--file",
        metavar="PATH",
        help="read this file alone instead of the configured one (-: standard input); the server"
        " is not asked",
    )
    parser.add_argument(
        "--dialect",
        choices=("darwin", "linux"),
        help="whose rules apply; default: host.platform, or this system's",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the exports.

    Raises:
        ConfigError: the configuration cannot be used.
        FileMissingError: the file named with ``--file`` is not there, or none at all.
        NotPermittedError: it may not be read.
    """
    # Commands import when they run.
    from hostnfsd.cli import exports_text, styled  # noqa: PLC0415
    from hostnfsd.problem import errors  # noqa: PLC0415

    settings = _settings(args.config)
    if args.file is None and settings.path is None:
        return _kept_elsewhere(settings, as_json=args.json)
    try:
        told = _told(args, settings)
    except (FileMissingError, NotPermittedError) as exc:
        if not args.json:
            raise
        print(json.dumps(_no_file(exc, args.file), indent=2))
        return exc.exit_code
    if args.json:
        print(json.dumps(exports_text.to_json(told), indent=2))
    else:
        styled.print_lines(exports_text.lines(told))
    return Exit.EXPORTS_INVALID if errors(told.problems) else Exit.OK


def _settings(config: str | None) -> Settings:
    """What the configuration says; the defaults where none is there and none was named."""
    from hostnfsd.cli.load import load  # noqa: PLC0415  # brings pydantic along

    try:
        return settings_of(load(config).config)
    except FileMissingError:
        if config is not None or os.environ.get("HOSTNFSD_CONFIG"):
            raise
    return Settings(Path("/etc/exports"), "auto", "127.0.0.1", low_ports=True, allow="exports")


def settings_of(config: "Config") -> Settings:
    """What a configuration says of exports."""
    from hostnfsd.machine.exports import path_of  # noqa: PLC0415
    from hostnfsd.services import Service  # noqa: PLC0415

    host = config.host
    ports = {
        service: entry.host_port
        for service in (Service.MOUNTD, Service.RPCBIND)
        if (entry := config.services.get(service)) and isinstance(entry.host_port, int)
    }
    return Settings(
        path=None if host.exports == "none" else path_of(host),
        platform=host.platform,
        address=host.address,
        low_ports=host.reserved_source_port != "never",
        allow=config.access.allow,
        mountd=ports.get(Service.MOUNTD),
        rpcbind=ports.get(Service.RPCBIND, _RPCBIND),
    )


def _told(args: argparse.Namespace, settings: Settings) -> "Told":
    from hostnfsd.cli.exports_text import Told  # noqa: PLC0415
    from hostnfsd.exports.access import access  # noqa: PLC0415
    from hostnfsd.machine.exports import in_order  # noqa: PLC0415

    findings, content = _findings(args.file, args.dialect, settings)
    rules = access(findings.reading.exports, findings.dialled_from, _attached(args.config))
    problems = (*findings.problems, *rules.problems, *_second_opinion(findings, content))
    server = None
    if args.file is None:
        server, differences = _compared(settings, findings)
        problems += differences
    return Told(
        files=findings.sources,
        reading=findings.reading,
        access=rules,
        allow=settings.allow,
        dialled_from=findings.dialled_from,
        problems=in_order(problems, findings.sources),
        server=server,
    )


def _findings(
    file: str | None, chosen: str | None, settings: Settings
) -> "tuple[Findings, bytes | None]":
    """What the file says; and its content, where it is not the configured one."""
    from hostnfsd.exports.model import Dialect  # noqa: PLC0415
    from hostnfsd.machine import exports  # noqa: PLC0415
    from hostnfsd.machine.names import Names  # noqa: PLC0415

    dialect = Dialect(chosen) if chosen else exports.dialect_of(settings.platform)
    names = Names()
    if file is None:
        assert settings.path is not None  # noqa: S101  # run() has looked
        findings = exports.read(
            settings.path,
            names,
            dialect=dialect,
            address=settings.address,
            low_ports=settings.low_ports,
        )
        return findings, None
    name, content = _given(file)
    findings = exports.judge(
        [exports.text_of(name, content)],
        names,
        dialect=dialect,
        address=settings.address,
        low_ports=settings.low_ports,
        files=(Path(name),),
    )
    return findings, content


def _second_opinion(findings: "Findings", content: bytes | None) -> "tuple[Problem, ...]":
    """On a Mac, whether nfsd itself counts the same errors."""
    from hostnfsd.exports.model import Dialect  # noqa: PLC0415

    if sys.platform != "darwin" or findings.reading.dialect is not Dialect.DARWIN:
        return ()
    from hostnfsd.machine.darwin import checkexports, second_opinion  # noqa: PLC0415

    name = findings.sources[0]
    if content is None:
        try:
            content = Path(name).read_bytes()
        except OSError:  # what is wrong with it is told
            return ()
    return second_opinion(findings.reading, checkexports(content), name)


def _given(file: str) -> tuple[str, bytes]:
    """What stands in the file of ``--file``: its name for messages, and its bytes.

    A pipe is read to its end, as one that a shell makes of a command's output.
    """
    from hostnfsd.machine.exports import MOST_BYTES  # noqa: PLC0415

    if file == _STDIN:
        return "<stdin>", sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with Path(file).open("rb") as opened:
            return file, opened.read(MOST_BYTES + 1)
    except PermissionError as exc:
        raise NotPermittedError(
            f"{file} may not be read: {exc.strerror}", f"see who may: ls -l {file}"
        ) from exc
    except FileNotFoundError as exc:
        raise FileMissingError(f"{file} is not there") from exc
    except OSError as exc:
        raise FileMissingError(f"{file} cannot be read: {exc.strerror or exc}") from exc
    except ValueError as exc:  # a NUL in the name
        raise FileMissingError(f"{file!r} is no file name") from exc


def _no_file(exc: HostnfsdError, named: str | None) -> dict[str, Any]:
    from hostnfsd.problem import Place, Problem, Severity  # noqa: PLC0415

    code = "file-missing" if isinstance(exc, FileMissingError) else "no-permission"
    place = Place(named or "")
    problem = Problem(code, Severity.ERROR, place, "exports", str(exc), exc.hint)
    return {"schema": 1, "ok": False, "problems": [problem.to_json()]}


def _compared(settings: Settings, findings: "Findings") -> "tuple[Server, tuple[Problem, ...]]":
    """What the server says, and how it differs from the file."""
    from hostnfsd.cli.exports_text import Server  # noqa: PLC0415
    from hostnfsd.cli.styled import count  # noqa: PLC0415
    from hostnfsd.exports.server_view import compare  # noqa: PLC0415

    server = _server(settings)
    if server.listed is None:
        return server, ()
    name = str(settings.path)
    differences = compare(findings.reading, server.listed, name)
    text = f"exports {count(len(server.listed), 'path')}"
    if differences:
        return Server(server.listed, f"{text}, and differs from the file: see below"), differences
    return Server(server.listed, f"{text}, as the file says"), ()


def _server(settings: Settings) -> "Server":
    """The server's list, or why there is none."""
    import asyncio  # noqa: PLC0415  # only where the server is asked

    from hostnfsd.cli.exports_text import Server  # noqa: PLC0415
    from hostnfsd.dial.listing import NotListedError, listing  # noqa: PLC0415

    asking = listing(settings.address, settings.mountd, settings.rpcbind, within_s=_ASKED_S)
    try:
        return Server(asyncio.run(asking), "exports these paths:")
    except NotListedError as exc:
        return Server(None, f"was not compared: {exc}")


def _kept_elsewhere(settings: Settings, *, as_json: bool) -> int:
    from hostnfsd.cli import exports_text, styled  # noqa: PLC0415

    server = _server(settings)
    if as_json:
        document = exports_text.kept_elsewhere_json(settings.allow, server)
        print(json.dumps(document, indent=2))
    else:
        styled.print_lines(exports_text.kept_elsewhere(settings.allow, server))
    return Exit.OK


def _attached(config: str | None) -> "Iterable[Block]":
    """The networks next to the gateways, as far as a running daemon knows them."""
    from hostnfsd.cli import control_client  # noqa: PLC0415
    from hostnfsd.errors import DaemonUnreachableError  # noqa: PLC0415

    sockets = [each for each in control_client.sockets(config) if Path(each.path).exists()]
    if not sockets:
        return ()
    try:
        answer = control_client.ask(sockets, "GET", "/status", _DAEMON_S)
    except (DaemonUnreachableError, NotPermittedError):
        return ()
    return networks_in(answer.document)


def networks_in(document: dict[str, Any]) -> "tuple[Block, ...]":
    """The networks next to the gateways in a status document; read as plainly as can be."""
    from hostnfsd.tunnel.admission import block_of  # noqa: PLC0415

    found: dict[Block, None] = {}
    for gateway in document.get("gateways", ()):
        for text in gateway.get("access", {}).get("networks", ()):
            with suppress(ValueError):  # a daemon of another version
                found[block_of(text)] = None
    return tuple(found)
