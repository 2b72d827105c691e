"""``hostnfsd mount``: prints what a client must run. It mounts nothing itself."""

import argparse
import json
from typing import TYPE_CHECKING

from hostnfsd.errors import DaemonUnreachableError, Exit, UsageError

if TYPE_CHECKING:
    from hostnfsd.config.model import Config


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "mount",
        help="print what a client must run to mount an export",
        description="Prints what a client must run to mount an export through the gateway.",
    )
    parser.add_argument(
        "--for", required=True, dest="kind", metavar="KIND", help="kind of client: linux"
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help="exported directory on the host")
    parser.add_argument("--gateway", metavar="NAME", help="which gateway, where there are several")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the mount of one export through one gateway."""
    # The configuration's reader brings pydantic along: --help starts without it.
    from hostnfsd.cli.load import load  # noqa: PLC0415
    from hostnfsd.mount import linux  # noqa: PLC0415

    _check_kind(args.kind)
    if args.path is None:
        raise UsageError(
            "PATH is missing: which directory of the host is to be mounted",
            hint=f"hostnfsd mount --for {args.kind} /PATH; what is exported stands in /etc/exports",
        )
    config = load(args.config).config
    gateway = _gateway(config, args.gateway)
    # Asked for only once the rest is known to be right.
    carried = config.carried(gateway)
    linux(gateway, gateway, args.path, carried)
    mount = linux(gateway, _address(config, gateway, args.config), args.path, carried)
    if args.json:
        print(json.dumps(mount.to_json(), indent=2))
    else:
        print(mount.render(), end="")
    return Exit.OK


def _check_kind(kind: str) -> None:
    from hostnfsd.mount import KINDS, LATER_KINDS  # noqa: PLC0415  # see run

    if kind in LATER_KINDS:
        raise UsageError(
            f"--for {kind} is not built yet (allowed: {', '.join(KINDS)})",
            hint="its options are the same: hostnfsd mount --for linux PATH prints them",
        )
    if kind not in KINDS:
        raise UsageError(f"--for {kind!r} is no kind of client (allowed: {', '.join(KINDS)})")


def _gateway(config: "Config", name: str | None) -> str:
    """The gateway asked for, or the only one."""
    known = tuple(config.gateway)
    if name is None and len(known) == 1:
        return known[0]
    allowed = ", ".join(known)
    if name is None:
        raise UsageError(
            f"--gateway is missing: the configuration has several (allowed: {allowed})",
            hint=f"hostnfsd mount --gateway {known[0]} …",
        )
    if name not in known:
        raise UsageError(f"--gateway {name!r} is not in the configuration (allowed: {allowed})")
    return name


def _address(config: "Config", gateway: str, config_path: str | None) -> str:
    """How clients reach a gateway: as configured, else as the daemon has found out."""
    configured = config.gateway[gateway].client_address
    if configured:
        return configured[0]
    from hostnfsd.cli import control_client  # noqa: PLC0415  # only where the daemon is asked

    cure = f'set client_address = "…" under [gateway.{gateway}]'
    try:
        answer = control_client.ask(control_client.sockets(config_path), "GET", "/status")
    except DaemonUnreachableError as error:
        raise DaemonUnreachableError(
            f"how clients reach gateway {gateway} is not configured, and {error}",
            hint=f"{cure}, or start the daemon, which may find it out",
        ) from error
    # Read as plainly as can be: the daemon may be of another version.
    for view in answer.document.get("gateways", ()):
        if view.get("name") == gateway and view.get("client_address"):
            return str(view["client_address"][0])
    raise DaemonUnreachableError(
        f"how clients reach gateway {gateway} is not configured, and the daemon does not know",
        hint=cure,
    )
