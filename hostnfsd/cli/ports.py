"""``hostnfsd ports``: where clients dial, what they are told, and where that leads."""

import argparse
import json
import sys

from hostnfsd.cli import control_client, status
from hostnfsd.errors import Exit


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of ``ports``."""
    parser = commands.add_parser(
        "ports",
        help="show the ports of gateway and host side by side",
        description="Ask the daemon for the ports of each service: program number, the gateway's"
        " port and the versions that clients are told there, the host's port, where that is known"
        " from, and the versions registered there, and the state. Exits 69 when no daemon runs.",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the ports once.

    Raises:
        DaemonUnreachableError: no daemon answers, or one that is too new.
        NotPermittedError: the daemon does not admit this user.
    """
    from hostnfsd.cli import ports_text  # noqa: PLC0415  # commands import when they run

    snapshot = status.read(status.fetch(control_client.sockets(args.config)))
    if args.json:
        text = json.dumps(ports_text.to_json(snapshot), indent=2) + "\n"
    else:
        text = ports_text.render(snapshot, colour=status.colour())
    sys.stdout.write(text)
    return Exit.OK
