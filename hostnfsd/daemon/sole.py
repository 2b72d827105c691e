"""One daemon per control socket: a lock file beside it, held for as long as the daemon lives.

The lock, not the socket, tells whether a daemon lives: the kernel drops it with the process, in
whatever way that ends, and taking it cannot race. The file itself is never removed, since a daemon
that waits at its door would then lock a file nobody else sees.
"""

import contextlib
import errno
import fcntl
import os
import socket
import stat
from pathlib import Path
from typing import Final

from hostnfsd.errors import AlreadyRunningError, CannotWriteError, HostnfsdError, NotPermittedError
from hostnfsd.machine.peers import peer_pid

_HINT: Final = "`hostnfsd status` shows it; stop that one first, or give this one another"


def lock_path(path: Path) -> Path:
    """The lock file of a control socket."""
    return path.with_name(f"{path.name}.lock")


def _already(path: Path, pid: str) -> AlreadyRunningError:
    return AlreadyRunningError(
        f"already running as process {pid}, with control socket {path}",
        f"{_HINT} [control] socket",
    )


def cannot(what: str, path: Path, exc: OSError) -> HostnfsdError:
    """The error for a file of the control socket that the system would not let us make."""
    text = f"{path}: {what}: {exc.strerror or exc}"
    if exc.errno in {errno.EACCES, errno.EPERM}:
        return NotPermittedError(text, "run as the folder's owner, or set [control] socket")
    return CannotWriteError(text, "set [control] socket to a place that can be written")


class HeldError(Exception):
    """Somebody holds a lock file; ``pid`` is his process, as far as the file says."""

    def __init__(self, pid: str) -> None:
        super().__init__(pid)
        self.pid = pid


def hold(lock: Path) -> int:
    """Hold a lock file for as long as this process lives.

    Returns:
        The descriptor that holds it; closing it gives it back.

    Raises:
        HeldError: another process does.
        OSError: the file cannot be made or locked.
    """
    held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(held, 0)
        os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as exc:
        pid = os.pread(held, 32, 0).decode("ascii", "replace").strip()
        os.close(held)
        raise HeldError(pid or "(unknown)") from exc
    except OSError:
        os.close(held)
        raise
    return held


def free(lock: Path) -> bool:
    """Whether nobody holds a lock file. Raises OSError if that cannot be found out."""
    looked = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(looked, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(looked)
    return True


def take_lock(path: Path) -> int:
    """Become the one daemon of this control socket.

    Returns:
        The descriptor that holds the lock; closing it gives the lock back.

    Raises:
        AlreadyRunningError: another daemon holds it; the message names its process.
        NotPermittedError, CannotWriteError: the file cannot be made.
    """
    lock = lock_path(path)
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return hold(lock)
    except HeldError as exc:
        raise _already(path, exc.pid) from exc
    except OSError as exc:
        raise cannot("the lock file cannot be made", lock, exc) from exc


def remove_stale(path: Path) -> None:
    """Remove the socket that a daemon left behind when it was killed. Call with the lock held.

    Raises:
        AlreadyRunningError: somebody answers there: a daemon whose lock file was swept away.
        CannotWriteError: something else than a socket is in the way.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotWriteError(
            f"{path}: not a socket, so it is not replaced", "move it, or set [control] socket"
        )
    with socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        try:
            connection.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        except BlockingIOError:
            # Its queue is full: somebody lives, too busy to answer.
            raise _already(path, "(unknown)") from None
        except OSError as exc:
            raise cannot("the old socket cannot be tried", path, exc) from exc
        raise _already(path, str(peer_pid(connection) or "(unknown)"))


def bind(path: Path) -> tuple[socket.socket, int]:
    """A bound socket that only our user (and root) may connect to; it does not listen yet.

    Returns:
        The socket, and the inode of its file.

    Raises:
        NotPermittedError, CannotWriteError: it cannot be made.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        # Before anybody can connect, which takes listen(2).
        path.chmod(0o600)
        return listener, path.lstat().st_ino
    except OSError as exc:
        listener.close()
        raise cannot("the control socket cannot be made", path, exc) from exc


def remove_own(path: Path, inode: int) -> None:
    """Remove our socket's file, unless it is gone (asyncio 3.13 removes it) or another's by now."""
    with contextlib.suppress(OSError):
        if path.lstat().st_ino == inode:
            path.unlink()
