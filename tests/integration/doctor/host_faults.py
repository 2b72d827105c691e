"""What goes wrong on the host, made so."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace

from tests.bed.bed import Bed
from tests.bed.nfs_server import EXPORT, NfsPorts
from tests.bed.state_faults import NOT_US
from tests.integration.doctor.faults import Fault, Report, Tables, Undo, server


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


def _mountd_ended(bed: Bed) -> Undo:
    """ganesha has it in its own process: taken out of rpcbind's table, and nobody at its port."""
    host = bed.network.host
    for version in ("1", "3"):
        host.run("rpcinfo", "-d", "mountd", version)
    host.run("nft", "-f", "-", stdin=_NO_MOUNTD)

    def start_again() -> None:
        host.run("nft", "delete", "table", "inet", "mountd")
        bed.nfs.restart_ganesha()

    return start_again


def made_anew(bed: Bed) -> Undo:
    """The exported folder is removed and made anew; ganesha reads its exports when it starts."""
    # Not at once: the new one would get the number of the old one.
    anew = f"mv {EXPORT} {EXPORT}.old && mkdir -m 777 {EXPORT} && rm -r {EXPORT}.old"
    bed.network.host.run("sh", "-c", anew)
    return bed.nfs.restart_ganesha


def _folder_of_a_user(mode: int) -> Callable[[Bed], Undo]:
    """Only a user of the host may work in the folder, and root of clients is nobody."""

    def inject(bed: Bed) -> Undo:
        before = bed.share.stat().st_mode
        os.chown(bed.share, _USER, _USER)
        bed.share.chmod(mode)
        undo = server(extra="Squash = Root_Squash;")(bed)

        def end() -> None:
            undo()
            os.chown(bed.share, 0, 0)
            bed.share.chmod(before & 0o7777)

        return end

    return inject


def _mapped_to_him(bed: Bed, _report: Report) -> None:
    squash = f"Squash = All_Squash; Anonymous_uid = {_USER}; Anonymous_gid = {_USER};"
    bed.nfs.restart_ganesha(replace(bed.nfs.options, extra=squash))


_USER = 1000
_NO_MOUNTD = """table inet mountd {
  chain incoming { type filter hook input priority 0; tcp dport 20048 reject with tcp reset; }
}
"""
WITHOUT_MOUNTD: Tables = {"services": {"mountd": False}}
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
    Fault("mountd has ended", "service-down", _mountd_ended, says="nothing listens"),
    Fault("a server of version 4 alone", "no-version-3", server(protocols="4"), says="Protocols"),
    Fault(
        "a server of version 4 alone, with which clients mount",
        "no-version-3",
        server(protocols="4"),
        says="mountd = false",
        cured=WITHOUT_MOUNTD,
    ),
    Fault("the exported folder was made anew", "stale-handle", made_anew, says="NFS3ERR_STALE"),
    Fault(
        "root of clients may not look into the folder",
        "root-refused",
        _folder_of_a_user(0o700),
        outcome="WARN",
        says="all_squash",
        cure=_mapped_to_him,
    ),
    Fault(
        "root of clients may not write",
        "root-squashed",
        _folder_of_a_user(0o755),
        outcome="WARN",
        says="all_squash",
        cure=_mapped_to_him,
    ),
)
