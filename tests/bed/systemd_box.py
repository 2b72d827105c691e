"""A machine booted by a real systemd: a container on a scratch copy of this machine's own root.

Or on another Debian's, of which ``packaging/pack-debian-root.sh`` has packed a root.
systemd-nspawn boots it. What is written inside goes to memory; what this machine has enabled is not
started. The mounts live in a namespace that ends with the container, and the container ends with
the tests, however they end.
"""

import contextlib
import itertools
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from tests.bed.box import Box, CommandError, Completed
from tests.bed.process import Pid, tail
from tests.bed.waiting import DeadlineError, wait_until

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SIZE: Final = "1g"
_NUMBERS: Final = itertools.count(1)
_SYSTEMD: Final = re.compile(r"\S*/systemd( |$)")
# Vendor units that a scratch machine has no use for, or that are slow or loud in a container.
_MASKED: Final = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "getty.target",
    "machines.target",
    "man-db.timer",
    "nfs-client.target",
    "rpcbind.socket",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
)
# Both lines of the container's life: the root is made and may be prepared; then it is booted.
_FIRST: Final = """set -e
mount -t tmpfs -o size={size} tmpfs {folder}
mkdir {folder}/upper {folder}/work {folder}/root
{fill}
rm -rf {folder}/root/etc/systemd/system/* {folder}/root/etc/systemd/user/*
for unit in {masked}; do ln -s /dev/null {folder}/root/etc/systemd/system/$unit; done
echo ready
read -r boot
exec </dev/null >{folder}.console 2>&1
exec systemd-nspawn --quiet --directory={folder}/root --machine={name} --boot --register=no \
    --keep-unit {network} --capability=CAP_BPF \
    --system-call-filter='bpf open_by_handle_at'
"""


_OVERLAY: Final = (
    "mount -t overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work"
    " overlay {folder}/root"
)
_UNPACK: Final = "tar --extract --file={packed} --directory={folder}/root --exclude=./dev/*"
_CACHE: Final = Path(__file__).parents[2] / ".cache"


def packed_root(suite: str) -> Path:
    """The packed root of a Debian.

    Raises:
        CommandError: it was not made.
    """
    packed = Path(os.environ.get("HOSTNFSD_CACHE", _CACHE)) / f"{suite}.tar"
    if not packed.exists():
        raise CommandError(f"no {packed}. Cure: packaging/pack-debian-root.sh {suite}")
    return packed


class SystemdBox:
    """One such machine.

    Attributes:
        name: host name inside; also names its cgroup, so it must differ from every other's.
    """

    def __init__(
        self, folder: Path, packed: Path | None = None, *, network_of: Box | None = None
    ) -> None:
        """Make the root. ``folder`` is made, and stays empty as seen from here.

        Args:
            folder: where it is.
            packed: of :func:`packed_root`; None for a copy of this machine's own root.
            network_of: share the network of that box; else it has a loopback alone.
        """
        folder.mkdir(parents=True)
        self.name = f"systemd-box-{os.getpid()}-{next(_NUMBERS)}"
        self._folder = folder
        self._console = folder.with_name(f"{folder.name}.console")
        self._cgroups = [group / self.name for group in _cgroup_roots()]
        fill = (_UNPACK if packed else _OVERLAY).format(folder=folder, packed=packed)
        network = "--private-network"
        if network_of is not None:
            network = f"--network-namespace-path=/proc/{network_of.first.number}/ns/net"
        script = _FIRST.format(
            folder=folder,
            size=_SIZE,
            name=self.name,
            masked=" ".join(_MASKED),
            fill=fill,
            network=network,
        )
        for cgroup in self._cgroups:
            cgroup.mkdir()
        # Without a cgroup of its own, two boxes would both use /payload of the root cgroup.
        join = "".join(f"echo $$ >{cgroup}/cgroup.procs\n" for cgroup in self._cgroups)
        self._nspawn = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", join + script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            # Newer versions refuse the mixed cgroup hierarchy that some machines have.
            env={"PATH": _PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )
        self._leader: Pid | None = None
        assert self._nspawn.stdout is not None
        if self._nspawn.stdout.readline() != b"ready\n":
            self.close()
            raise CommandError("the scratch root could not be made: see above")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def root(self) -> Path:
        """Its root directory, as seen from here; before and after it boots."""
        if self._leader is not None:
            return Path(f"/proc/{self._leader.number}/root")
        return Path(f"/proc/{self._nspawn.pid}/root{self._folder}/root")

    def open_to_everybody(self, *paths: Path) -> None:
        """Let every user inside reach these directories, which may lie in root's home here.

        Call it before :meth:`boot`.
        """
        for path in paths:
            for parent in path.parents:
                inside = self.root / parent.relative_to("/")
                inside.chmod(inside.stat().st_mode | 0o011)

    def boot(self, timeout_s: float = 60.0) -> None:
        """Boot it and wait until systemd has started what is enabled."""
        assert self._nspawn.stdin is not None
        self._nspawn.stdin.write(b"boot\n")
        self._nspawn.stdin.close()
        self._leader = wait_until(
            self._find_leader, "systemd to run", timeout_s=timeout_s, seen=self.console
        )
        wait_until(
            lambda: (
                self.run("systemctl", "is-system-running", check=False).output.strip()
                in {"running", "degraded"}
            ),
            "the machine to be up",
            timeout_s=timeout_s,
            poll_s=0.2,
            seen=self.console,
        )

    def run(
        self,
        *command: str,
        timeout_s: float = 60.0,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        user: str = "root",
    ) -> Completed:
        """Run a command inside to its end.

        Raises:
            CommandError: it failed, and ``check`` is set.
            subprocess.TimeoutExpired: it took longer than ``timeout_s``, and was ended.
        """
        assert self._leader is not None
        enter = ["nsenter", "--target", str(self._leader.number), "--all", "--wdns=/"]
        become = [] if user == "root" else ["setpriv", f"--reuid={user}", "--init-groups"]
        popen = subprocess.run(
            [*enter, *become, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            env={
                "PATH": _PATH,
                "HOME": "/root",
                "TERM": "dumb",
                "SYSTEMD_PAGER": "",
                "SYSTEMD_COLORS": "0",
                **(env or {}),
            },
        )
        done = Completed(popen.returncode, popen.stdout, popen.stderr)
        if check and done.status != 0:
            raise CommandError(f"{' '.join(command)}: status {done.status}\n{done.text}")
        return done

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit, as ``systemctl show`` gives them."""
        lines = self.run("systemctl", "show", unit, *(f"-p{p}" for p in properties)).output
        return dict(line.split("=", 1) for line in lines.splitlines())

    def journal(self, unit: str) -> str:
        """What the unit and systemd wrote about it."""
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit, check=False).output

    def console(self) -> str:
        """The last lines of its console."""
        return tail(self._console)

    def close(self) -> None:
        """Shut it down and take everything away. Can be called again."""
        for pipe in (self._nspawn.stdin, self._nspawn.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if self._leader is not None:
            # SIGTERM to nspawn powers the machine off in good order, which takes seconds: nothing
            # inside is worth it.
            self._leader.send(signal.SIGKILL)
        try:
            self._nspawn.wait(10)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(10)
        for cgroup in self._cgroups:
            with contextlib.suppress(DeadlineError):
                wait_until(lambda c=cgroup: _remove_cgroup(c), f"{cgroup} to be empty")  # type: ignore[misc]  # mypy cannot infer a lambda with a default

    def _find_leader(self) -> Pid | None:
        if self._nspawn.poll() is not None:
            raise CommandError(f"systemd-nspawn ended at once\n{self.console()}")
        nspawn = Pid.of(self._nspawn.pid)
        assert nspawn is not None
        return next(
            (p for p in nspawn.children() if re.search(r"systemd$", p.title.split(" ")[0])), None
        )


def _cgroup_roots() -> Iterator[Path]:
    """Where cgroups for systemd are made: one hierarchy, or two where versions are mixed."""
    base = Path("/sys/fs/cgroup")
    if (base / "cgroup.procs").exists():
        yield base
        return
    for name in ("systemd", "unified"):
        if (base / name / "cgroup.procs").exists():
            yield base / name


def _remove_cgroup(cgroup: Path) -> bool:
    """Remove a cgroup and those below it; False while a process is in one of them."""
    if not cgroup.exists():
        return True
    try:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            Path(folder).rmdir()
    except OSError:
        return False
    return True
