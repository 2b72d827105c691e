"""The gateway: a real OpenSSH sshd in a box of its own, as in a container."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bed.box import Box
from tests.bed.process import Pid, Process, tail
from tests.bed.waiting import wait_until

_ACCOUNTS: Final = """root:x:0:0:root:/run/home/root:/bin/sh
admin:x:3022:3022:gateway login:/run/home/admin:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
sshd:x:3023:65534::/run/sshd:/usr/sbin/nologin
"""
# "*" is an account without a password; "!" would be a locked one, which sshd refuses.
_SHADOW: Final = "root:*:19000:0:99999:7:::\nadmin:*:19000:0:99999:7:::\n"
_GROUPS: Final = "root:x:0:\nadmin:x:3022:\nnogroup:x:65534:\n"
_UIDS: Final = {"root": 0, "admin": 3022}
# sshd up to 9.7 and sshd-session since 9.8 write "sshd: USER", "sshd: USER [priv]", "sshd: USER@…"
_TITLE: Final = re.compile(r"sshd(?:-session)?: (?P<user>[\w-]+)(?:@\S+)?(?P<priv> \[priv\])?$")


@dataclass(frozen=True, slots=True)
class SshdOptions:
    """What tests vary in sshd_config(5). The defaults are the main case of the specification.

    ``None`` leaves sshd's own default. ``extra``: further lines, as they stand in the file.
    """

    port: int = 22
    gateway_ports: str = "yes"
    allow_tcp_forwarding: str = "yes"
    permit_listen: str | None = None
    permit_root_login: str = "prohibit-password"
    client_alive_interval_s: int = 0
    client_alive_count_max: int = 3
    log_level: str = "VERBOSE"
    extra: tuple[str, ...] = ()

    def render(self) -> str:
        """The text of sshd_config."""
        lines = [
            f"Port {self.port}",
            "HostKey /run/ssh/host_key",
            "PidFile /run/sshd.pid",
            "AuthorizedKeysFile .ssh/authorized_keys",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "UseDNS no",
            f"PermitRootLogin {self.permit_root_login}",
            f"GatewayPorts {self.gateway_ports}",
            f"AllowTcpForwarding {self.allow_tcp_forwarding}",
            f"ClientAliveInterval {self.client_alive_interval_s}",
            f"ClientAliveCountMax {self.client_alive_count_max}",
            f"LogLevel {self.log_level}",
            *([] if self.permit_listen is None else [f"PermitListen {self.permit_listen}"]),
            *self.extra,
        ]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Session:
    """One login: the process that holds its listeners, and the monitor above it (none for root)."""

    user: str
    pid: Pid
    monitor: Pid | None


class Gateway:
    """sshd, its accounts, keys and sessions.

    Accounts, host key and home folders belong to the box: the machine's own are never touched.
    """

    def __init__(self, folder: Path, options: SshdOptions = SshdOptions()) -> None:
        """Write the files. :meth:`binds` goes to the box, then :meth:`attach`, then start."""
        self.options = options
        self.folder = folder
        self._etc = folder / "etc"
        self._ssh = folder / "run/ssh"
        self._box: Box | None = None
        self._sshd: Process | None = None
        for path in (self._etc, self._ssh, folder / "run/sshd", folder / "run/home"):
            path.mkdir(parents=True, exist_ok=True)
        (self._etc / "passwd").write_text(_ACCOUNTS)
        (self._etc / "shadow").write_text(_SHADOW)
        (self._etc / "shadow").chmod(0o600)
        (self._etc / "group").write_text(_GROUPS)
        self.log = folder / "run/sshd.log"
        self.new_host_key()
        for user, uid in _UIDS.items():
            home = folder / "run/home" / user
            (home / ".ssh").mkdir(parents=True, exist_ok=True)
            for path in (home, home / ".ssh"):
                path.chmod(0o700)
                shutil.chown(path, uid, uid)

    def binds(self) -> dict[str, Path]:
        """Path inside the box -> file that takes its place."""
        return {f"/etc/{name}": self._etc / name for name in ("passwd", "shadow", "group")}

    def attach(self, box: Box) -> None:
        """The box to run in."""
        self._box = box

    @property
    def box(self) -> Box:
        """The machine."""
        assert self._box is not None
        return self._box

    # -- sshd ----------------------------------------------------------------------------------

    def start(self, options: SshdOptions | None = None) -> None:
        """Start sshd, with other options if given; returns once it listens."""
        self.options = options or self.options
        (self._ssh / "sshd_config").write_text(self.options.render())
        # -E must be absolute: every session opens it again.
        self._sshd = self.box.start(
            "sshd", "/usr/sbin/sshd", "-D", "-f", "/run/ssh/sshd_config", "-E", "/run/sshd.log"
        )
        sshd = self._sshd
        wait_until(
            lambda: ("0.0.0.0", self.options.port) in self.box.listening() or not sshd.running,
            "sshd to listen",
            seen=lambda: tail(self.log),
        )
        assert sshd.running, f"sshd ended: {sshd.tail()}\n{tail(self.log)}"

    def stop(self) -> None:
        """End sshd and every session, as a stopped container does."""
        if self._sshd is not None:
            self._sshd.stop()
        self._end_all()

    def kill(self) -> None:
        """KILL sshd and every session at once, as ``docker kill`` does."""
        self.kill_listener()
        self._end_all()

    def kill_listener(self) -> None:
        """KILL the sshd that accepts logins. Sessions that stand live on."""
        if self._sshd is not None:
            self._sshd.kill()

    def restart(self, options: SshdOptions | None = None) -> None:
        """Stop and start."""
        self.stop()
        self.start(options)

    @property
    def running(self) -> bool:
        """Whether sshd accepts logins."""
        return self._sshd is not None and self._sshd.running

    def _end_all(self) -> None:
        def left() -> list[Pid]:
            return [pid for pid in self.box.processes() if pid.title.startswith("sshd")]

        def ended() -> bool:
            for pid in left():
                pid.send(signal.SIGCONT)
                pid.send(signal.SIGKILL)
            return not left()

        wait_until(ended, "every session of sshd to end")

    def freeze(self) -> None:
        """Stop every process of the gateway; its kernel goes on acknowledging (docker pause)."""
        self.box.freeze()

    def thaw(self) -> None:
        """Undo :meth:`freeze` and :meth:`freeze_sessions`."""
        self.box.thaw()

    def effective(self) -> dict[str, str]:
        """What sshd itself makes of its configuration (``sshd -T``), keys in lower case."""
        text = self.box.run("/usr/sbin/sshd", "-T", "-f", "/run/ssh/sshd_config").output
        return {key: value for key, _, value in (line.partition(" ") for line in text.splitlines())}

    # -- sessions ------------------------------------------------------------------------------

    def sessions(self, user: str | None = None) -> list[Session]:
        """The logins that stand now, oldest first."""
        found = sessions_among(self.box.processes())
        return [session for session in found if user in {None, session.user}]

    def kill_sessions(self) -> int:
        """KILL the process of every login that holds listeners; returns how many there were."""
        sessions = self.sessions()
        for session in sessions:
            session.pid.send(signal.SIGKILL)
        return len(sessions)

    def freeze_sessions(self) -> int:
        """Stop every login, monitor included; sshd itself goes on accepting."""
        sessions = self.sessions()
        for session in sessions:
            for pid in (session.pid, session.monitor):
                if pid is not None:
                    pid.send(signal.SIGSTOP)
        return len(sessions)

    # -- keys ----------------------------------------------------------------------------------

    def new_host_key(self) -> str:
        """Make a new host key; sshd uses it after a restart. Returns its public line."""
        key = self._ssh / "host_key"
        make_key(key)
        return self.host_key

    @property
    def host_key(self) -> str:
        """The public host key: type and base64, as in known_hosts."""
        text = (self._ssh / "host_key.pub").read_text(encoding="utf-8")
        return " ".join(text.split()[:2])

    def authorize(self, *keys: str, options: str = "") -> None:
        """These public keys may log in, as either user, and no others; none at all locks out.

        Args:
            keys: public key lines.
            options: put in front of each, such as ``restrict,port-forwarding``.
        """
        text = "".join(f"{options} {key}".strip() + "\n" for key in keys)
        for user, uid in _UIDS.items():
            file = self.folder / "run/home" / user / ".ssh/authorized_keys"
            file.write_text(text)
            file.chmod(0o600)
            shutil.chown(file, uid, uid)


def sessions_among(pids: Iterable[Pid]) -> list[Session]:
    """The logins among these processes, oldest first, by the titles that sshd gives itself."""
    ordered = sorted(pids, key=lambda pid: pid.start_ticks)
    matched = [(pid, match) for pid in ordered if (match := _TITLE.match(pid.title))]
    monitors = [pid for pid, match in matched if match["priv"]]
    # Before a login is over its process carries the title of a stage: "sshd: admin [net]".
    return [
        Session(match["user"], pid, next((m for m in monitors if pid in set(m.children())), None))
        for pid, match in matched
        if not match["priv"] and match["user"] != "unknown"
    ]


def ssh_version() -> str:
    """What this machine's OpenSSH calls itself, such as ``OpenSSH_9.2p1``."""
    told = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    return told.split(",")[0].split()[0]


def make_key(path: Path) -> str:
    """A new ed25519 key without a passphrase at ``path``; returns its public line."""
    for old in (path, path.with_name(path.name + ".pub")):
        old.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hostnfsd-test-bed", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path.with_name(path.name + ".pub").read_text(encoding="utf-8").strip()
