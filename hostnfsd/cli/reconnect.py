"""``hostnfsd reconnect [GATEWAY]``: drop the wait between attempts and connect now."""

import argparse
from typing import Final

from hostnfsd.cli import control_client
from hostnfsd.errors import Exit, UsageError

#: What a gateway that has nothing to hasten is doing already; by phase.
_SAID: Final = {
    "up": "is up already",
    "connecting": "is connecting already",
    "binding": "is connecting already",
    "stopping": "is stopping",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of ``reconnect``."""
    parser = commands.add_parser(
        "reconnect",
        help="drop the wait between attempts and connect now",
        description="Drop the wait between connection attempts and connect now.",
    )
    parser.add_argument(
        "gateway", nargs="?", metavar="GATEWAY", help="only this one (default: every gateway)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print which gateways were told.

    Raises:
        UsageError: the daemon has no gateway of that name.
        DaemonUnreachableError: no daemon answers.
        NotPermittedError: the daemon does not admit this user.
    """
    import difflib  # noqa: PLC0415  # commands import when they run
    from http import HTTPStatus  # noqa: PLC0415
    from urllib.parse import quote  # noqa: PLC0415

    query = "" if args.gateway is None else f"?gateway={quote(args.gateway, safe='')}"
    candidates = control_client.sockets(args.config)
    answer = control_client.ask(candidates, "POST", f"/reconnect{query}")
    names = [str(name) for name in answer.document.get("gateways", [])]
    if answer.status == HTTPStatus.NOT_FOUND:
        near = difflib.get_close_matches(args.gateway, names, n=1)
        raise UsageError(
            f"the daemon has no gateway {args.gateway!r} (it has: {', '.join(names)})",
            f'did you mean "{near[0]}"?' if near else None,
        )
    phases = answer.document.get("phases", {})
    for name in names:
        print(f"{name}: {_SAID.get(phases.get(name, ''), 'connecting now')}")
    return Exit.OK
