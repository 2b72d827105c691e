"""What goes wrong on the host, made so."""

import signal

from tests.bed.bed import Bed
from tests.bed.nfs_server import NfsPorts
from tests.bed.state_faults import NOT_US
from tests.integration.doctor.faults import Fault, Tables, Undo, server


def _stopped(bed: Bed) -> Undo:
    bed.nfs.stop_ganesha()
    return bed.nfs.start_ganesha


def _killed_statd(bed: Bed) -> Undo:
    assert bed.nfs._statd is not None
    bed.nfs._statd.kill()
    return bed.nfs.start_statd


def _killed_rpcbind(bed: Bed) -> Undo:
    bed.nfs.signal_rpcbind(signal.SIGKILL)
    rpcbind = bed.nfs._rpcbind
    assert rpcbind is not None
    rpcbind.wait(5)

    def start() -> None:
        bed.nfs.stop()
        bed.nfs.start()

    return start


def _rpcbind_anew(bed: Bed) -> Undo:
    """rpcbind starts again and knows nobody: not even itself will do for mountd."""
    start = _killed_rpcbind(bed)
    bed.nfs.start_rpcbind()
    return start


def _frozen(bed: Bed) -> Undo:
    bed.nfs.freeze()
    return bed.nfs.thaw


def _folder_of_the_host(bed: Bed) -> Undo:
    """Only the host's own user may write in the folder, and root of clients is nobody."""
    before = bed.share.stat().st_mode
    bed.share.chmod(0o755)
    undo = server(extra="Squash = Root_Squash;")(bed)

    def end() -> None:
        undo()
        bed.share.chmod(before & 0o7777)

    return end


PORT_FIXED: Tables = {"services": {"mountd": {"port": 20048, "host_port": 20048}}}

SERVER_DOWN = Fault("the server is down", "server-down", _stopped, says="2049")

FAULTS = (
    SERVER_DOWN,
    Fault("rpcbind is down", "rpcbind-down", _killed_rpcbind),
    Fault(
        "rpcbind was restarted and knows nobody",
        "not-registered",
        _rpcbind_anew,
        outcome="WARN",
        first=False,
    ),
    Fault(
        "rpcbind lists a service that was killed",
        "stale-registration",
        _killed_statd,
        outcome="WARN",
        says="662",
    ),
    Fault(
        "mountd moved from the port that the configuration names",
        "host-port-moved",
        server(ports=NfsPorts(mountd=40123)),
        tables=PORT_FIXED,
        cured={"services": {"mountd": {"port": 20048, "host_port": "auto"}}},
        says="40123",
    ),
    Fault("no export admits us", "nothing-exported", server(extra=NOT_US)),
    Fault(
        "the server wants reserved ports",
        "reserved-port",
        server(privileged=True),
        tables={"host": {"reserved_source_port": "never"}},
        cured={"host": {"reserved_source_port": "auto"}},
        says="TOOWEAK",
    ),
    Fault(
        "the configuration sends mountd's clients to another service",
        "foreign-service",
        lambda _bed: lambda: None,
        tables={"services": {"mountd": {"port": 20048, "host_port": 662}}},
        cured={"services": {"mountd": {"port": 20048, "host_port": "auto"}}},
    ),
    Fault("the server is frozen", "service-frozen", _frozen),
    Fault(
        "a server of version 4 alone",
        "service-down",
        server(protocols="4"),
        says="nothing listens",
    ),
    Fault(
        "root of clients may not write",
        "root-squashed",
        _folder_of_the_host,
        outcome="WARN",
        first=False,
    ),
)
