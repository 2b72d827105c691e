"""Everything that keeps a service from serving, injected for real: one row for each cause.

A fault stands from the start (it is in the options of the bed or of the daemon), or is injected
while everything serves, and mended again. ``tests/integration/test_states.py`` asserts what comes
of each; ``tests/bench/states.py`` measures how soon, and writes the table of docs/states.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.gateway import SshdOptions
from tests.bed.nfs_server import NfsOptions, NfsPorts
from tests.bed.waiting import wait_until

#: Accepts at every port it is given, and closes at once, as macOS nfsd does to strangers.
_CLOSER: Final = """
import select, socket, sys
listeners = []
for port in sys.argv[1:]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(port)))
    listener.listen()
    listeners.append(listener)
while True:
    for listener in select.select(listeners, [], [])[0]:
        listener.accept()[0].close()
"""

Tables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One cause, and what must come of it.

    Attributes:
        name: what is done, as the table says it.
        service: whose state is looked at.
        state: that must result.
        says: what ``hostnfsd status`` must tell.
        family: in which it is looked at.
        ready: whether ``/readyz`` stays 200.
        host_up: what ``hostnfsd_host_service_up`` must be; None if it must not be there.
        options: of the bed.
        tables: laid over the daemon's configuration.
        prepare: done before the daemon starts.
        inject: done while everything serves, and returns what undoes it; None for a fault that
            stands from the start.
    """

    name: str
    service: str
    state: str
    says: str
    family: str = "ipv4"
    ready: bool = False
    host_up: float | None = 1.0
    options: BedOptions = field(default_factory=BedOptions)
    tables: Tables = field(default_factory=dict)
    prepare: Callable[[Bed], object] = lambda _bed: None
    inject: Callable[[Bed], Callable[[], object]] | None = None

    def metric(self) -> str:
        """The sample that is 1 while the fault stands, in Prometheus' words."""
        return (
            f'hostnfsd_service_state{{service="{self.service}",family="{self.family}",'
            f'state="{self.state}"}}'
        )


def sshd(**changes: Any) -> BedOptions:
    """A bed whose sshd differs."""
    return BedOptions(sshd=SshdOptions(**changes))


def _dev_gw(**keys: Any) -> Tables:
    return {"gateway": {network.GATEWAY_NAME: keys}}


_EVERYWHERE: Final = _dev_gw(listen="*", client_address=[network.GATEWAY, network.GATEWAY_V6])


def _back_with(**changes: Any) -> Callable[[Bed], Callable[[], object]]:
    """Ganesha goes, which the daemon notices, and comes back with other options."""

    def inject(bed: Bed) -> Callable[[], object]:
        before = bed.nfs.options
        _replace(bed, replace(before, **changes))
        return lambda: _replace(bed, before)

    return inject


def _replace(bed: Bed, options: NfsOptions) -> None:
    bed.nfs.stop_ganesha()
    bed.daemons[-1].await_service("nfs", "host-down", timeout_s=20)
    bed.nfs.start_ganesha(options)


def _stopped(bed: Bed) -> Callable[[], object]:
    bed.nfs.stop_ganesha()
    return bed.nfs.start_ganesha


def _killed(bed: Bed) -> Callable[[], object]:
    bed.nfs.kill_ganesha()
    return bed.nfs.start_ganesha


def _frozen(bed: Bed) -> Callable[[], object]:
    bed.nfs.freeze()
    return bed.nfs.thaw


def _without_statd(bed: Bed) -> None:
    bed.gateway.start()
    bed.nfs.start_rpcbind()
    bed.nfs.start_ganesha()


def _closing(bed: Bed) -> Callable[[], object]:
    """Ganesha goes, and something takes its places that closes what it accepts."""
    bed.nfs.stop_ganesha()
    ports = (NfsPorts().nfs, NfsPorts().mountd)
    closer = bed.network.host.start(
        "closer", "/usr/bin/python3", "-c", _CLOSER, *(str(port) for port in ports)
    )
    wait_until(
        lambda: {("0.0.0.0", port) for port in ports} <= bed.network.host.listening(),
        "the closer to listen",
        seen=closer.tail,
    )

    def end() -> None:
        closer.kill()
        bed.nfs.start_ganesha()

    return end


#: The daemon dials from the host's own address: what pods may do does not help it.
NOT_US: Final = "CLIENT { Clients = 127.0.0.0/8; Access_Type = None; }"

FAULTS: Final = (
    Fault("nothing", "nfs", "serving", "serving", ready=True),
    Fault(
        "sshd: `GatewayPorts no`",
        "nfs",
        "unreachable",
        "GatewayPorts",
        options=sshd(gateway_ports="no"),
    ),
    Fault(
        "sshd binds one address family only (`AddressFamily inet`)",
        "nfs",
        "unreachable",
        "AddressFamily any",
        family="ipv6",
        options=sshd(extra=("AddressFamily inet",)),
        tables=_EVERYWHERE,
    ),
    Fault(
        "sshd: `AllowTcpForwarding remote`",
        "nfs",
        "unverified",
        "AllowTcpForwarding yes",
        ready=True,
        options=sshd(allow_tcp_forwarding="remote"),
    ),
    Fault(
        "sshd: `AllowTcpForwarding remote`, and the NFS server is down",
        "nfs",
        "host-down",
        "nfs on this host",
        host_up=0.0,
        options=sshd(allow_tcp_forwarding="remote"),
        prepare=lambda bed: bed.nfs.stop_ganesha(),
    ),
    Fault(
        "another process of the gateway holds the port",
        "nfs",
        "refused",
        "ss -ltnp 'sport = :2049'",
        host_up=None,
        prepare=lambda bed: bed.squatter(2049, "0.0.0.0", "::"),
    ),
    Fault(
        "another process of the gateway holds the port in one address family",
        "nfs",
        "refused",
        f"[{network.GATEWAY_V6}]:2049",
        family="ipv6",
        tables=_EVERYWHERE,
        prepare=lambda bed: bed.squatter(2049, "::"),
    ),
    Fault(
        "an `ssh -R` of the user's own holds the port in one family, and reaches the server",
        "nfs",
        "refused",
        "even reaches",
        options=sshd(gateway_ports="clientspecified"),
        tables=_EVERYWHERE,
        prepare=lambda bed: bed.plain_ssh(2049, listen="0.0.0.0"),
    ),
    Fault(
        "the NFS server is stopped",
        "nfs",
        "host-down",
        "nfs on this host",
        host_up=0.0,
        inject=_stopped,
    ),
    Fault(
        "the NFS server is killed: rpcbind still lists it",
        "mountd",
        "host-down",
        "mountd on this host",
        host_up=0.0,
        inject=_killed,
    ),
    Fault(
        "the NFS server is frozen (`kill -STOP`)",
        "nfs",
        "stalled",
        "did not answer within",
        host_up=0.0,
        inject=_frozen,
    ),
    Fault(
        "the service closes connections before it answers",
        "nfs",
        "denied",
        "closed the connection before it answered",
        host_up=0.0,
        inject=_closing,
    ),
    Fault(
        "the NFS server comes back, and no export admits the host itself (MNT refused)",
        "mountd",
        "denied",
        "export",
        inject=_back_with(extra=NOT_US),
    ),
    Fault(
        "the NFS server comes back, and wants reserved source ports (AUTH_TOOWEAK); "
        "`reserved_source_port` is never",
        "nfs",
        "denied",
        "AUTH_TOOWEAK",
        tables={"host": {"reserved_source_port": "never"}},
        inject=_back_with(privileged=True),
    ),
    Fault(
        "an optional service that the host does not run",
        "status",
        "absent",
        "this host runs no status",
        ready=True,
        host_up=0.0,
        options=BedOptions(start=False),
        prepare=_without_statd,
    ),
    Fault(
        "`services.rquotad = false`",
        "rquotad",
        "off",
        "off: rquotad",
        ready=True,
        host_up=None,
        tables={"services": {"rquotad": False}},
    ),
)
