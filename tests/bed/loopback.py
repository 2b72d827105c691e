"""The test bed where namespaces cannot be made: everything on this machine's own loopback.

Used by the demo alone. Host and gateway share their addresses here, so the gateway's ports are
high ones, and nothing listens elsewhere than on 127.0.0.1.
"""

import getpass
import shutil
import signal
import socket
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from tests.bed.daemon import Config, Daemon, merge
from tests.bed.gateway import Session, make_key, sessions_among
from tests.bed.libnfs import Libnfs
from tests.bed.network import GATEWAY_NAME
from tests.bed.nfs_server import NfsOptions, NfsPorts, exports_line, ganesha_conf
from tests.bed.place import Here
from tests.bed.process import Pid, Process, tail
from tests.bed.rights import MissingRightsError, require_for_nfs
from tests.bed.storage import suitable_parent
from tests.bed.waiting import wait_until

LOOPBACK: Final = "127.0.0.1"
_RPCBIND: Final = 111


def free_port() -> int:
    """A TCP port of loopback that nobody holds now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


class LoopbackGateway:
    """sshd on a high port of loopback, for the user who runs the demo."""

    def __init__(self, place: Here, folder: Path) -> None:
        self.port = free_port()
        self._place = place
        self._folder = folder
        self._sshd: Process | None = None

    def start(self, public_key: str) -> None:
        """Start sshd; returns once it listens."""
        make_key(self._folder / "host_key")
        (self._folder / "authorized_keys").write_text(public_key + "\n")
        config = self._folder / "sshd_config"
        config.write_text(
            f"ListenAddress {LOOPBACK}:{self.port}\n"
            f"HostKey {self._folder}/host_key\n"
            f"AuthorizedKeysFile {self._folder}/authorized_keys\n"
            "PidFile none\n"
            "StrictModes no\n"  # the folder lies below /tmp
            "PasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\n"
            "UsePAM no\n"
            "PermitRootLogin prohibit-password\n"
            "GatewayPorts yes\n"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        log = self._folder / "sshd.log"
        self._sshd = self._place.start(
            "sshd", "/usr/sbin/sshd", "-D", "-f", str(config), "-E", str(log)
        )
        _await(self._sshd, self.port, log)

    @property
    def host_key(self) -> str:
        """Type and base64."""
        return " ".join((self._folder / "host_key.pub").read_text().split()[:2])

    def sessions(self) -> list[Session]:
        """The logins that stand now."""
        return sessions_among(self._family())

    def kill_sessions(self) -> int:
        """KILL them; returns how many there were."""
        sessions = self.sessions()
        for session in sessions:
            session.pid.send(signal.SIGKILL)
        return len(sessions)

    def _family(self) -> list[Pid]:
        return [] if self._sshd is None else list(self._sshd.pid.children())

    def stop(self) -> None:
        """End sshd and its sessions."""
        if self._sshd is not None:
            family = self._family()
            self._sshd.stop()
            for pid in family:
                pid.send(signal.SIGKILL)


class LoopbackBed:
    """NFS server, gateway, daemon and client, all on 127.0.0.1.

    Attributes:
        share: the exported folder, and ``export`` its path.
        gateway: sshd at ``ssh_port``.
    """

    def __init__(self) -> None:
        require_for_nfs()
        self.folder = _folder()
        self.share = self.folder / "project"
        self.share.mkdir()
        self.export = str(self.share)
        self.entering: list[str] = []
        self.daemons: list[Daemon] = []
        self._stack = ExitStack()
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._place = Here(self.folder / "log")
        self._nfs = NfsPorts(*(free_port() for _ in range(5)))
        self._forwards = {name: free_port() for name in ("rpcbind", "nfs", "mountd")}
        self.gateway = LoopbackGateway(self._place, self.folder)
        self.ssh_port = self.gateway.port
        self.libnfs = Libnfs(
            self._place, LOOPBACK, self._forwards["nfs"], self._forwards["mountd"], self.export
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_nfs(self) -> None:
        """Start ganesha, and rpcbind unless this machine has one already."""
        if not _accepts(_RPCBIND):
            Path("/run/rpcbind").mkdir(exist_ok=True)
            self._start("rpcbind", "/sbin/rpcbind", "-f", port=_RPCBIND)
        conf = self.folder / "ganesha.conf"
        conf.write_text(ganesha_conf(NfsOptions(ports=self._nfs, bind=LOOPBACK), self.export))
        log = self.folder / "ganesha.log"
        self._start(
            "ganesha",
            *("/usr/bin/ganesha.nfsd", "-F", "-f", str(conf), "-L", str(log)),
            *("-p", str(self.folder / "ganesha.pid"), "-N", "NIV_EVENT"),
            port=self._nfs.nfs,
        )
        wait_until(lambda: _accepts(self._nfs.mountd), "mountd to listen", seen=lambda: tail(log))

    def _start(self, name: str, *command: str, port: int) -> None:
        process = self._place.start(name, *command)
        self._stack.callback(process.stop)
        _await(process, port, self.folder / f"{name}.log")

    def start_gateway(self) -> None:
        """Start sshd."""
        self._stack.callback(self.gateway.stop)
        self.gateway.start(make_key(self.folder / "id_ed25519"))

    def daemon(self, over: Mapping[str, Any] = {}) -> Daemon:
        """Start hostnfsd with a configuration that fits; see :meth:`tests.bed.bed.Bed.daemon`."""
        known_hosts = self.folder / "known_hosts"
        known_hosts.write_text(f"* {self.gateway.host_key}\n")
        exports = self.folder / "exports"
        exports.write_text(exports_line(self.export))
        at = {"rpcbind": _RPCBIND, "nfs": self._nfs.nfs, "mountd": self._nfs.mountd}
        config: Config = {
            "gateway": {
                GATEWAY_NAME: {
                    "host": LOOPBACK,
                    "port": self.ssh_port,
                    "user": getpass.getuser(),
                    "identity_files": [str(self.folder / "id_ed25519")],
                    "known_hosts": str(known_hosts),
                    "ssh_config": "none",
                    "listen": LOOPBACK,
                    "client_address": LOOPBACK,
                }
            },
            "services": {
                **{
                    name: {"port": port, "host_port": at[name]}
                    for name, port in self._forwards.items()
                },
                **dict.fromkeys(("nlockmgr", "status", "rquotad"), False),
            },
            "host": {"exports": str(exports)},
        }
        daemon = Daemon(self._place, self.folder / "daemon", merge(config, over), port=free_port())
        self.daemons.append(daemon)
        self._stack.callback(daemon.close)
        daemon.start()
        return daemon


def _folder() -> Path:
    """A new folder whose file system an NFS server can export."""
    if (parent := suitable_parent()) is None:
        raise MissingRightsError(
            "no folder for temporary files is on a file system that nfs-ganesha can export (tmpfs "
            "and the overlay of a container are not). Cure: TMPDIR=… on an ext4, xfs or btrfs"
        )
    return Path(tempfile.mkdtemp(prefix="hostnfsd-demo-", dir=parent))


def _await(process: Process, port: int, log: Path) -> None:
    wait_until(
        lambda: _accepts(port) or not process.running,
        f"{process.name} to listen",
        seen=lambda: f"{process.tail()}\n{tail(log)}",
    )
    assert process.running, f"{process.name} ended: {process.tail()}\n{tail(log)}"
