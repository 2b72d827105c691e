"""The host's NFS server: real rpcbind, rpc.statd and nfs-ganesha, so all six services exist."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bed.box import Box
from tests.bed.process import Process, tail
from tests.bed.waiting import wait_until

EXPORT: Final = "/var/local/project"
_RPCBIND_PORT: Final = 111

_CONF: Final = """NFS_CORE_PARAM {{
    Bind_addr = {bind};
    Protocols = {protocols};
    NFS_Port = {nfs};
    MNT_Port = {mountd};
    NLM_Port = {nlockmgr};
    Rquota_Port = {rquotad};
    Enable_RQUOTA = true;
    Allow_Set_Io_Flusher_Fail = true;
}}
NFSv4 {{ {grace} }}
NFS_KRB5 {{ Active_krb5 = false; }}
# Without it a file removed behind the server's back still "exists" for a minute.
EXPORT_DEFAULTS {{ Attr_Expiration_Time = 0; }}
EXPORT {{
    Export_Id = 1;
    Path = {path};
    Pseudo = {path};
    Access_Type = RW;
    Squash = No_Root_Squash;
    SecType = sys;
    PrivilegedPort = {privileged};
    FSAL {{ Name = VFS; }}
    {extra}
}}
"""


@dataclass(frozen=True, slots=True)
class NfsPorts:
    """Where the services listen on the host; rpcbind is always at 111."""

    nfs: int = 2049
    mountd: int = 20048
    nlockmgr: int = 32803
    status: int = 662
    rquotad: int = 875


@dataclass(frozen=True, slots=True)
class NfsOptions:
    """What tests vary.

    Attributes:
        ports: where the services listen.
        protocols: versions of NFS.
        privileged: whether calls from source ports of 1024 and above are refused.
        extra: further text inside the EXPORT block of ganesha-config(8).
        bind: address they listen on; ``0.0.0.0`` leaves ``::1`` out, ``::`` means both families.
        grace_s: for how long clients may take their locks back after a start; 0 for not at all.
    """

    ports: NfsPorts = NfsPorts()
    protocols: str = "3"
    privileged: bool = False
    extra: str = ""
    bind: str = "0.0.0.0"
    grace_s: int = 0


def ganesha_conf(options: NfsOptions, path: str) -> str:
    """The text of ganesha.conf that exports ``path``."""
    ports = options.ports
    # Nobody waits for longer than a lease for clients to come back.
    grace = f"Grace_Period = {options.grace_s}; Lease_Lifetime = {max(1, options.grace_s // 2)};"
    return _CONF.format(
        grace=grace if options.grace_s else "Graceless = true;",
        bind=options.bind,
        protocols=options.protocols,
        nfs=ports.nfs,
        mountd=ports.mountd,
        nlockmgr=ports.nlockmgr,
        rquotad=ports.rquotad,
        path=path,
        privileged=str(options.privileged).lower(),
        extra=options.extra,
    )


def exports_line(path: str, clients: str = "*", options: str = "") -> str:
    """A line of exports(5) that says what ganesha.conf says: ganesha itself does not read it."""
    rights = ",".join(filter(None, ("rw", "sync", "no_root_squash", "insecure", options)))
    return f"{path} {clients}({rights})\n"


class NfsServer:
    """rpcbind, statd and ganesha in the host's box. Clients mount :data:`EXPORT`."""

    def __init__(self, folder: Path, options: NfsOptions = NfsOptions()) -> None:
        """Make the folders. :meth:`binds` goes to the box, then :meth:`attach`, then start."""
        self.options = options
        self._state = folder / "var-lib-nfs"
        self._run = folder / "run"
        for path in (
            self._state / "sm",
            self._state / "sm.bak",
            self._state / "ganesha",
            self._run / "rpcbind",
            self._run / "ganesha",
        ):
            path.mkdir(parents=True, exist_ok=True)
        for path in (self._state, self._state / "sm"):
            path.chmod(0o755)
        self.log = self._run / "ganesha.log"
        self._box: Box | None = None
        self._rpcbind: Process | None = None
        self._statd: Process | None = None
        self._ganesha: Process | None = None

    def binds(self) -> dict[str, Path]:
        """Path inside the box -> folder that takes its place."""
        return {"/var/lib/nfs": self._state}

    def attach(self, box: Box) -> None:
        """The box to run in."""
        self._box = box

    @property
    def box(self) -> Box:
        """The machine."""
        assert self._box is not None
        return self._box

    @property
    def share(self) -> Path:
        """The exported folder, as the tests see it while the box lives."""
        return Path(f"/proc/{self.box.first.number}/root{EXPORT}")

    @property
    def ports(self) -> NfsPorts:
        """Where the services listen."""
        return self.options.ports

    def start(self, options: NfsOptions | None = None) -> None:
        """Start all of it; returns once every service is registered and accepts."""
        self.options = options or self.options
        self.start_rpcbind()
        self.start_statd()
        self.start_ganesha()

    def start_rpcbind(self) -> None:
        """Start rpcbind; returns once it listens."""
        self._rpcbind = self.box.start("rpcbind", "/sbin/rpcbind", "-f")
        self._await(_RPCBIND_PORT, self._rpcbind)

    def start_statd(self) -> None:
        """Start rpc.statd, the service ``status``."""
        port = self.ports.status
        self._statd = self.box.start(
            "statd", "/sbin/rpc.statd", "-F", "-d", "--no-notify", "-p", str(port)
        )
        self._await(port, self._statd)

    def start_ganesha(self, options: NfsOptions | None = None) -> None:
        """Start nfs, mountd, nlockmgr and rquotad; returns once each accepts."""
        self.options = options or self.options
        ports = self.ports
        (self._run / "ganesha.conf").write_text(ganesha_conf(self.options, EXPORT))
        self.log.unlink(missing_ok=True)
        self._ganesha = self.box.start(
            "ganesha",
            "/usr/bin/ganesha.nfsd",
            *("-F", "-f", "/run/ganesha.conf", "-L", "/run/ganesha.log"),
            *("-p", "/run/ganesha.pid", "-N", "NIV_EVENT"),
        )
        of_version_3 = (ports.mountd, ports.nlockmgr, ports.rquotad)
        for port in (ports.nfs, *(of_version_3 if "3" in self.options.protocols else ())):
            self._await(port, self._ganesha)

    def _await(self, port: int, process: Process) -> None:
        wait_until(
            lambda: any(p == port for _, p in self.box.listening()) or not process.running,
            f"{process.name} to listen at port {port}",
            timeout_s=20,
            seen=lambda: f"{process.tail()}\n{tail(self.log)}",
        )
        assert process.running, f"{process.name} ended: {process.tail()}\n{tail(self.log)}"

    def stop(self) -> None:
        """Stop all of it in order."""
        for process in (self._ganesha, self._statd, self._rpcbind):
            if process is not None:
                process.stop()

    def stop_ganesha(self) -> None:
        """Stop nfs, mountd, nlockmgr and rquotad; they leave rpcbind's table."""
        if self._ganesha is not None:
            self._ganesha.stop()

    def kill_ganesha(self) -> None:
        """KILL it: its rows stay in rpcbind's table, as after a crash."""
        if self._ganesha is not None:
            self._ganesha.kill()

    def restart_ganesha(self, options: NfsOptions | None = None) -> None:
        """Stop and start, with other options if given."""
        self.stop_ganesha()
        self.start_ganesha(options)

    def freeze(self) -> None:
        """Stop ganesha in its tracks: it accepts and never answers."""
        assert self._ganesha is not None
        self._ganesha.freeze()

    def thaw(self) -> None:
        """Undo :meth:`freeze`."""
        assert self._ganesha is not None
        self._ganesha.thaw()

    def signal_rpcbind(self, number: signal.Signals) -> None:
        """Send rpcbind a signal, such as SIGKILL."""
        assert self._rpcbind is not None
        self._rpcbind.send(number)

    def registered(self) -> str:
        """``rpcinfo -p`` on the host."""
        return self.box.run("rpcinfo", "-p", "127.0.0.1").output
