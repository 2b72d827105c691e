"""``hostnfsd mount``: prints what a client must run or apply. It mounts nothing itself."""

import argparse
import json
import sys
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from hostnfsd.errors import DaemonUnreachableError, Exit, HostnfsdError, UsageError
from hostnfsd.readable import printable

if TYPE_CHECKING:
    from hostnfsd.config.model import Config
    from hostnfsd.mount.offers import Offer
    from hostnfsd.mount.plan import Server

#: For what is good to know but can be done without.
_PATIENCE_S: Final = 2.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "mount",
        help="print what a client must run or apply to mount an export",
        description="Prints what a client must run or apply to mount an export through the"
        " gateway: exact, explained in comments, to be copied as a whole.",
        epilog="KIND is one of: linux (commands for a machine or container), fstab (a line for its"
        " /etc/fstab), docker (a volume, by the docker command), compose (a volume, for docker"
        " compose), kind-node (commands that mount inside a node of a kind cluster), pv (a"
        " PersistentVolume and its claim), pod (these and a pod that has them), storageclass (for"
        " csi-driver-nfs: a directory of its own for each claim).",
    )
    parser.add_argument("--for", required=True, dest="kind", metavar="KIND", help="kind of client")
    parser.add_argument("path", nargs="?", metavar="PATH", help="exported directory on the host")
    parser.add_argument("--gateway", metavar="NAME", help="which gateway, where there are several")
    parser.add_argument(
        "--dev", action="store_true", help="see what the host changes after a second at most"
    )
    parser.add_argument(
        "--vers",
        type=int,
        choices=(3, 4),
        default=3,
        metavar="N",
        help="version of NFS: 3 (default), or 4 where the host's server speaks it",
    )
    parser.add_argument(
        "--node", metavar="NAME", help="kind-node: its container (default: kind-control-plane)"
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the mount of one export through one gateway."""
    # The configuration's reader brings pydantic along: --help starts without it.
    from hostnfsd.cli.exported import offered  # noqa: PLC0415
    from hostnfsd.cli.load import load  # noqa: PLC0415
    from hostnfsd.mount.kinds import NODE, printed  # noqa: PLC0415
    from hostnfsd.mount.offers import of, only  # noqa: PLC0415
    from hostnfsd.mount.plan import Server, decide  # noqa: PLC0415

    _check(args)
    config = load(args.config).config
    gateway = _gateway(config, args.gateway)
    known = offered(config)
    path = args.path or only(known, f"hostnfsd mount --for {args.kind}")
    # What is wrong with the rest is told before what the daemon would be asked for.
    unasked = Server(gateway, (gateway,), config.carried(gateway), _darwin(config))
    decide(unasked, path, version=args.vers)
    server = _server(config, gateway, args.config, version=args.vers)
    offer = of(path, known)
    _doubt(path, offer, known, config)
    mount = decide(
        server,
        path,
        version=args.vers,
        dev=args.dev,
        exported=None if offer is None else offer.exported,
    )
    shown = printed(args.kind, mount, node=args.node or NODE)
    if args.json:
        print(json.dumps(shown.to_json(), indent=2))
    else:
        print(shown.text, end="")
    return Exit.OK


def _check(args: argparse.Namespace) -> None:
    from hostnfsd.mount.kinds import KINDS  # noqa: PLC0415  # see run

    if args.kind not in KINDS:
        raise UsageError(f"--for {args.kind!r} is no kind of client (allowed: {', '.join(KINDS)})")
    if args.node is not None and args.kind != "kind-node":
        raise UsageError(f"--node is for --for kind-node only, not for {args.kind}")
    if args.node is not None and (not args.node or args.node.startswith("-")):
        raise UsageError(f"--node {args.node!r} is no container's name")


def _doubt(path: str, offer: "Offer | None", known: "tuple[Offer, ...]", config: "Config") -> None:
    """Say on stderr what the exports have against it; the server may have others by now."""
    if offer is None and known:
        print(
            f"hostnfsd: warning: no export in {config.host.exports} holds {printable(path)}",
            file=sys.stderr,
        )
    elif offer is not None and offer.alone and PurePosixPath(path) != PurePosixPath(offer.path):
        print(
            f"hostnfsd: warning: the export {printable(offer.path)} has no -alldirs: nothing below"
            " it can be mounted",
            file=sys.stderr,
        )
    elif offer is not None and offer.refused:
        print(
            f"hostnfsd: warning: the export {printable(offer.path)} does not admit this host, so it"
            " cannot be mounted through the tunnel: `hostnfsd exports` tells more",
            file=sys.stderr,
        )


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


def _darwin(config: "Config") -> bool:
    platform = config.host.platform
    return (sys.platform if platform == "auto" else platform) == "darwin"


def _server(config: "Config", gateway: str, config_path: str | None, *, version: int) -> "Server":
    """The server and the way to it: as configured, and as far as the daemon has found out.

    Raises:
        DaemonUnreachableError: only the daemon could tell what must be known.
    """
    from hostnfsd.mount.plan import Server  # noqa: PLC0415  # see run

    configured = config.gateway[gateway].client_address
    try:
        view = _view(gateway, config_path, _PATIENCE_S if configured else None)
        missing: HostnfsdError | None = None
    except HostnfsdError as error:
        view, missing = {}, error
    # Read as plainly as can be: the daemon may be of another version.
    found = tuple(str(each) for each in view.get("client_address", ()))
    addresses = tuple(dict.fromkeys((*configured, *found)))
    if not addresses:
        raise _unknown(f"how clients reach gateway {gateway} is not configured", gateway, missing)
    services = view.get("services", ())
    nfs: dict[str, Any] = next((s for s in services if s.get("service") == "nfs"), {})
    versions = tuple(each for each in nfs.get("versions", ()) if isinstance(each, int)) or None
    if version == 4 and versions is None:  # noqa: PLR2004  # NFS version 4
        text = "--vers 4: which versions the host's server speaks is not known"
        if missing is not None:
            raise DaemonUnreachableError(
                f"{text}, and {missing}", hint="the daemon finds out: hostnfsd run"
            ) from missing
        raise DaemonUnreachableError(
            f"{text}: the daemon has not heard of it yet", hint="see `hostnfsd status`"
        )
    return Server(gateway, addresses, config.carried(gateway), _darwin(config), versions)


def _view(gateway: str, config_path: str | None, timeout_s: float | None) -> dict[str, Any]:
    """What the daemon tells of a gateway; empty if it does not know that one."""
    from hostnfsd.cli import control_client  # noqa: PLC0415  # only where the daemon is asked

    limit = {} if timeout_s is None else {"timeout_s": timeout_s}
    answer = control_client.ask(control_client.sockets(config_path), "GET", "/status", **limit)
    views = answer.document.get("gateways", ())
    view: dict[str, Any] = next((v for v in views if v.get("name") == gateway), {})
    return view


def _unknown(text: str, gateway: str, missing: HostnfsdError | None) -> HostnfsdError:
    cure = f'set client_address = "…" under [gateway.{gateway}]'
    if missing is None:
        return DaemonUnreachableError(f"{text}, and the daemon does not know", hint=cure)
    if not isinstance(missing, DaemonUnreachableError):
        return missing
    return DaemonUnreachableError(
        f"{text}, and {missing}", hint=f"{cure}, or start the daemon, which may find it out"
    )
