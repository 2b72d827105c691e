"""A real Linux kernel as NFS client: User Mode Linux, one ordinary process with its own kernel.

It sits on the clients' network as :data:`~tests.bed.network.KERNEL`; its root is this machine's,
read-only, so ``mount``, ``sha256sum`` and ``python3`` in it are the machine's. ``/mnt/nfs`` and
``/mnt/nfs2`` wait to be mounted on; ``/mnt/share`` is :attr:`Kernel.share`, writable.
Never run ``ethtool`` in it: that panics this kernel.
"""

import base64
import binascii
import itertools
import os
import platform
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final, Self

from tests.bed import network
from tests.bed.box import Box, CommandError, Completed
from tests.bed.process import Process
from tests.bed.waiting import DeadlineError

_GUEST: Final = Path(__file__).parent / "guest"
_CACHE: Final = Path(__file__).parents[2] / ".cache"
_BOOT_S: Final = 60.0
#: Bytes of a command; the guest's serial line stops for good when several kilobytes come at once.
_MOST_ON_THE_LINE: Final = 1000


class NoKernelError(RuntimeError):
    """The kernel client cannot run on this machine; the text says why."""


def package() -> Path:
    """The folder where User Mode Linux is unpacked.

    Raises:
        NoKernelError: there is none for this machine, or it was not fetched.
    """
    machine = platform.machine()
    if machine != "x86_64":
        raise NoKernelError(f"User Mode Linux is built for amd64 only, this machine is {machine}")
    found = Path(os.environ.get("HOSTNFSD_CACHE", _CACHE)) / "user-mode-linux"
    if not (found / ".complete").exists():
        raise NoKernelError(
            f"User Mode Linux is not there ({found}). Cure: packaging/install-test-packages.sh"
        )
    if shutil.which("modprobe", path="/usr/sbin:/sbin") is None:
        raise NoKernelError(
            "modprobe is not installed. Cure: packaging/install-test-packages.sh (it installs kmod)"
        )
    return found


class Job:
    """A command that runs in the guest."""

    def __init__(self, kernel: "Kernel", command: str) -> None:
        self.command = command
        self._kernel = kernel
        self._ended = threading.Event()
        self._completed: Completed | None = None

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._completed is not None

    def finish(self, completed: Completed | None) -> None:
        """Called once: with the result, or with None when the guest has gone."""
        self._completed = completed
        self._ended.set()

    def wait(self, timeout_s: float = 60, *, check: bool = True) -> Completed:
        """Its result; ``output`` has stdout and stderr together.

        Raises:
            DeadlineError: no end within ``timeout_s``; it goes on in the guest.
            CommandError: it failed and ``check`` is set, or the guest has gone.
        """
        if not self._ended.wait(timeout_s):
            raise DeadlineError(
                f"kernel client: no end within {timeout_s:g} s: {self.command}\n"
                + self._kernel.console()
            )
        if self._completed is None:
            raise CommandError(f"the kernel client has gone\n{self._kernel.console()}")
        if check and self._completed.status != 0:
            raise CommandError(
                f"kernel client: {self.command}: status {self._completed.status}\n"
                + self._completed.output
            )
        return self._completed


class Kernel:
    """One guest.

    Attributes:
        share: a folder that the guest sees as ``/mnt/share``.
        release: its kernel's version.
    """

    def __init__(self, box: Box, *, binds: Mapping[str, Path], folder: Path) -> None:
        """Boot it; returns once it takes commands.

        Args:
            box: the switch of the clients' network, whose tap it takes.
            binds: path inside -> file that takes its place; name look-up.
            folder: a folder of its own.

        Raises:
            NoKernelError: not on this machine.
        """
        unpacked = package()
        self.share = folder / "share"
        self.share.mkdir(parents=True, exist_ok=True)
        modules = folder / "modules"
        for place in ("lib", "usr/lib"):  # where modprobe of old and of new looks
            (modules / place).mkdir(parents=True, exist_ok=True)
            (modules / place / "modules").symlink_to(unpacked / "usr/lib/uml/modules")
        self._box = Box(
            "pod-kernel",
            folder,
            binds=binds,
            # The guest's memory is a file that must be executable; a container's may be too small.
            mounts=["mount -t tmpfs -o size=640m tmpfs /dev/shm"],
            network_of=box,
        )
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._up = Job(self, "boot")
        self.release = ""
        # The guest's serial line: two pipes.
        theirs_in, self._requests = os.pipe()
        answers, theirs_out = os.pipe()
        try:
            self._process: Process = self._box.start(
                "uml",
                *(str(unpacked / "usr/bin/linux.uml"), "umid=bed", "uml_dir=/run/uml/"),
                *("mem=384M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro"),
                *(f"init={_GUEST / 'init.sh'}", "con=null", "con0=null,fd:1"),
                *("ssl=null", f"ssl0=fd:{theirs_in},fd:{theirs_out}"),
                f"vec0:transport=tap,ifname={network.TAP},depth=128,gro=1",
                f"bed_address={network.KERNEL}/16",
                f"bed_address_v6={network.KERNEL_V6}/64",
                f"bed_modules={modules}",
                f"bed_share={self.share}",
                f"bed_agent={_GUEST / 'agent.sh'}",
                env={"TMPDIR": "/dev/shm", "HOME": "/run"},
                pass_fds=(theirs_in, theirs_out),
            )
        except BaseException:
            os.close(self._requests)
            os.close(answers)
            self._box.close()
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._reader = threading.Thread(
            target=self._read, args=(os.fdopen(answers, "rb"),), name="kernel", daemon=True
        )
        self._reader.start()
        try:
            self._up.wait(_BOOT_S)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the guest, mounted or not. Can be called again."""
        self._box.close()
        self._reader.join(10)
        with self._lock:
            if self._requests >= 0:
                os.close(self._requests)
                self._requests = -1

    def start(self, command: str) -> Job:
        """Start a shell command as root in the guest; several can run at once."""
        with self._lock:
            name = f"job{next(self._numbers)}"
            job = self._jobs[name] = Job(self, command)
            if len(command) > _MOST_ON_THE_LINE:
                script = self.share / f".{name}.sh"
                script.write_text(command, encoding="utf-8")
                command = f". /mnt/share/{script.name}"
            line = f"{name} {base64.b64encode(command.encode()).decode()}\n"
            try:
                os.write(self._requests, line.encode())
            except OSError as error:
                raise CommandError(f"the kernel client has gone: {error}") from None
        return job

    def run(self, command: str, *, timeout_s: float = 60, check: bool = True) -> Completed:
        """Run a shell command in the guest to its end; see :meth:`Job.wait`."""
        return self.start(command).wait(timeout_s, check=check)

    def mount(
        self,
        source: str,
        options: str = "vers=3,tcp,nolock",
        *,
        at: str = "/mnt/nfs",
        timeout_s: float = 60,
    ) -> None:
        """``mount -t nfs -o OPTIONS SOURCE AT``; SOURCE is ``dev-gw:/path``."""
        self.run(f"mount -t nfs -o {options} {source} {at}", timeout_s=timeout_s)

    def unmount(self, at: str = "/mnt/nfs", *, timeout_s: float = 60) -> None:
        """Unmount; whatever the state of the server, since ``-f -l`` asks nobody."""
        self.run(f"umount -f -l {at}", timeout_s=timeout_s)

    def console(self) -> str:
        """The end of its kernel log."""
        return self._process.tail(40)

    def _read(self, answers: IO[bytes]) -> None:
        with answers:
            for raw in answers:
                self._answer(raw.decode(errors="replace").split())
        for job in (self._up, *self._jobs.values()):
            if not job.done:
                job.finish(None)

    def _answer(self, words: list[str]) -> None:
        match words:
            case ["@@UP", release]:
                self.release = release
                self._up.finish(Completed(0, ""))
            case ["@@DONE", name, status, *rest]:
                try:
                    output = base64.b64decode("".join(rest), validate=True).decode(errors="replace")
                except binascii.Error:
                    output = "(the answer was garbled on the serial line)"
                self._jobs.pop(name).finish(Completed(int(status), output))
            case _:
                pass
