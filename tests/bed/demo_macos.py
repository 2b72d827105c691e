"""The demo on macOS: the system's own nfsd, Docker for gateway and client.

Written from Apple's sources and manual pages; it was not run on a Mac. What it changes it has
backed up before, and it puts every file back byte for byte, in whatever way the demo ends.
"""

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bed.daemon import Daemon
from tests.bed.demo_client import Client, ShellClient
from tests.bed.demo_narration import Narrator
from tests.bed.docker_parts import DockerGateway
from tests.bed.gateway import make_key
from tests.bed.network import GATEWAY_NAME
from tests.bed.place import Here
from tests.bed.rights import MissingRightsError
from tests.bed.waiting import wait_until

EXPORTS: Final = Path("/etc/exports")
NFS_CONF: Final = Path("/etc/nfs.conf")
_MOUNT_PORT: Final = 20048
_NFS_PORTS: Final = (2049, _MOUNT_PORT, 111)

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command; its output is kept, sudo may ask at the terminal."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def with_export(text: str, folder: Path, uid: int, gid: int) -> str:
    """exports(5) with one more line: ``folder`` for this machine itself, where hostnfsd dials from.

    All clients become this user, so that what they write is the user's.
    """
    ending = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{ending}{folder} -mapall={uid}:{gid} localhost\n"


def with_fixed_ports(text: str) -> str:
    """nfs.conf(5): mountd at a fixed port, high source ports allowed; the last line wins."""
    ending = "" if not text or text.endswith("\n") else "\n"
    return (
        f"{text}{ending}nfs.server.mount.port = {_MOUNT_PORT}\n"
        "nfs.server.mount.require_resv_port = 0\n"
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """A system file as it was: None where there was none."""

    path: Path
    content: bytes | None
    mode: int = 0o644
    owner: str = "0:0"

    @classmethod
    def of(cls, path: Path) -> "Kept":
        """Read it."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return cls(path, None)
        status = path.stat()
        return cls(path, content, stat.S_IMODE(status.st_mode), f"{status.st_uid}:{status.st_gid}")

    @property
    def text(self) -> str:
        """Its text; empty where there was no file."""
        return (self.content or b"").decode("utf-8", "surrogateescape")

    @property
    def intact(self) -> bool:
        """Whether the file is now as it was."""
        return Kept.of(self.path) == self


def write(run_it: Run, kept: Kept, content: bytes) -> None:
    """Put ``content`` in the place of a system file by rename: nfsd exits when exports vanishes.

    Raises:
        MissingRightsError: the system would not let us.
    """
    beside = f"{kept.path}.hostnfsd-demo"
    with tempfile.NamedTemporaryFile() as scratch:
        scratch.write(content)
        scratch.flush()
        for command in (
            ("cp", scratch.name, beside),
            ("chmod", f"{kept.mode:o}", beside),
            ("chown", kept.owner, beside),
            ("mv", beside, str(kept.path)),
        ):
            done = run_it(("sudo", *command))
            if done.returncode != 0:
                raise MissingRightsError(
                    f"{kept.path} cannot be written ({done.stderr.strip()}). Cure: give your "
                    "terminal Full Disk Access (System Settings, Privacy & Security)"
                )


def restore(run_it: Run, kept: Kept) -> None:
    """Put a system file back as it was."""
    if kept.intact:
        return
    if kept.content is None:
        run_it(("sudo", "rm", "-f", str(kept.path)))
    else:
        write(run_it, kept, kept.content)


def nfsd_enabled(run_it: Run) -> bool:
    """Whether the system's NFS server is on. (Its exit status has meant two things over time.)"""
    return "service is enabled" in run_it(("nfsd", "status")).stdout


class MacBed:
    """nfsd, the gateway in Docker and hostnfsd between them, for the demo."""

    def __init__(self, folder: Path, share: Path, gateway: DockerGateway) -> None:
        self.folder = folder
        self.share = share
        self.gateway = gateway
        self.entering: list[str] = []
        self.daemons: list[Daemon] = []

    def daemon(self) -> Daemon:
        """Start hostnfsd."""
        config = {
            "gateway": {
                GATEWAY_NAME: {
                    "host": "127.0.0.1",
                    "port": self.gateway.port,
                    "user": "admin",
                    "identity_files": [str(self.folder / "id_ed25519")],
                    "known_hosts": str(self.folder / "known_hosts"),
                    "host_key_policy": "accept-new",
                    "ssh_config": "none",
                    "client_address": GATEWAY_NAME,
                }
            },
            # Their ports on this machine are not fixed, and mounts with nolock do not need them.
            "services": dict.fromkeys(("nlockmgr", "status", "rquotad"), False),
        }
        daemon = Daemon(Here(self.folder / "log"), self.folder / "daemon", config)
        self.daemons.append(daemon)
        daemon.start()
        return daemon

    def close(self) -> None:
        """End hostnfsd."""
        for daemon in self.daemons:
            daemon.close()


def plan(share: Path, *, enabled: bool) -> list[str]:
    """What will be done, for the user to agree to."""
    return [
        f"make the folder {share} and export it to this machine itself:",
        f"    one line more in {EXPORTS}, two in {NFS_CONF} (sudo asks for your password,",
        "    and perhaps once more at the end)",
        "have nfsd read them: sudo nfsd " + ("update" if enabled else "enable"),
        "build a small image with docker; run a gateway (sshd) and a client of it on a network",
        "run hostnfsd, mount in the client, read and write",
        f"at the end: containers, image, network and folder go, {EXPORTS} and {NFS_CONF}",
        "    are put back byte for byte, and nfsd is " + ("told" if enabled else "disabled again"),
    ]


def agreed(tell: Narrator) -> bool:
    """Whether the user says yes; ``YES=1`` says it beforehand."""
    if os.environ.get("YES", "") not in {"", "0"}:
        return True
    if not sys.stdin.isatty():
        tell.line("No terminal to ask at: YES=1 agrees beforehand.", "red")
        return False
    return input("Go on? [y/N] ").strip().lower() in {"y", "yes"}


@contextmanager
def stage(tell: Narrator) -> Iterator[tuple[MacBed, Client]]:
    """Print the plan, ask, bring everything up, and take it down again.

    Raises:
        MissingRightsError: docker is missing, the exports would be invalid, or the user said no.
    """
    if shutil.which("docker") is None or run(("docker", "info")).returncode != 0:
        raise MissingRightsError("docker does not answer: start Docker Desktop, OrbStack or colima")
    enabled = nfsd_enabled(run)
    share = Path(tempfile.mkdtemp(prefix="hostnfsd-demo-", dir="/Users/Shared"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, share, ignore_errors=True)
        tell.heading("The plan")
        for row in plan(share, enabled=enabled):
            tell.line(f"  {row}")
        if not agreed(tell):
            raise MissingRightsError("nothing was changed: you did not agree")
        folder = Path(tempfile.mkdtemp(prefix="hostnfsd-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        subprocess.run(["sudo", "-v"], check=False)  # asks for the password now, before the steps
        tell.heading("Bringing up real parts")
        with tell.step("host", f"the system's nfsd, exporting {share}"):
            _serve(stack, tell, folder, share, enabled=enabled)
        gateway = DockerGateway(run)
        stack.callback(gateway.close)
        with tell.step("gateway", "OpenSSH sshd in a container, and a client container beside it"):
            gateway.start(make_key(folder / "id_ed25519"))
        bed = MacBed(folder, share, gateway)
        stack.callback(bed.close)
        yield bed, ShellClient(gateway.in_client, str(share))


def _serve(stack: ExitStack, tell: Narrator, folder: Path, share: Path, *, enabled: bool) -> None:
    exports, conf = Kept.of(EXPORTS), Kept.of(NFS_CONF)
    wanted = with_export(exports.text, share, os.getuid(), os.getgid())
    trial = folder / "exports"
    trial.write_text(wanted, encoding="utf-8", errors="surrogateescape")
    checked = run(("nfsd", "-F", str(trial), "checkexports"))
    if checked.returncode != 0:
        raise MissingRightsError(f"{EXPORTS} with one line more is invalid: {checked.stderr}")
    copies = Path(tempfile.mkdtemp(prefix="hostnfsd-demo-backup-", dir=Path.home()))
    for kept in (exports, conf):
        if kept.content is not None:
            (copies / kept.path.name).write_bytes(kept.content)

    def put_back() -> None:
        for kept in (conf, exports) if enabled else (conf,):
            restore(run, kept)
        run(("sudo", "nfsd", "update" if enabled else "disable"))
        restore(run, exports)
        if exports.intact and conf.intact:
            shutil.rmtree(copies)
            tell.line(f"{EXPORTS} and {NFS_CONF} are as they were, byte for byte.", "dim")
        else:
            tell.line(f"{EXPORTS} or {NFS_CONF} differ: the originals are in {copies}", "red")

    stack.callback(put_back)
    write(run, conf, with_fixed_ports(conf.text).encode("utf-8", "surrogateescape"))
    write(run, exports, wanted.encode("utf-8", "surrogateescape"))
    run(("sudo", "nfsd", "update" if enabled else "enable"))
    for port in _NFS_PORTS:
        wait_until(lambda port=port: _accepts(port), f"port {port} of nfsd", timeout_s=20)  # type: ignore[misc]  # mypy cannot infer a lambda with a default


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
