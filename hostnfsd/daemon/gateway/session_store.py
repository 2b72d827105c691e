"""The file of our sessions on disk: read, written in one step, and one daemon's alone.

All of it blocks, for as long as the file system likes. What is read there decides which processes
are ended on a gateway: a file or folder that others may have written to is not believed.
"""

import errno
import os
import stat
from pathlib import Path, PurePath
from typing import Final

from hostnfsd.daemon import sole
from hostnfsd.errors import CannotWriteError
from hostnfsd.install import files
from hostnfsd.machine.identity import this_machine
from hostnfsd.tunnel import session_file
from hostnfsd.tunnel.session_file import Remembered, SessionFileError

_OTHERS_MAY_WRITE: Final = 0o022
#: Users whose files are believed besides our own's: root could do anything anyway.
_TRUSTED: Final = frozenset({0})
_ELSEWHERE: Final = "set [state] directory to a folder of the daemon's own user"


class StoreError(Exception):
    """The file cannot be used: a sentence, and what a person can do."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


class SessionStore:
    """The file of one configuration on one machine.

    Args:
        folder: ``[state] directory``.
        machine: what tells this machine from others that may see the folder.
        config_path: of the configuration, whole.
    """

    def __init__(self, folder: Path, machine: str, config_path: str) -> None:
        self.folder = folder
        self._config_path = config_path
        name = session_file.name(machine, config_path)
        self.path = folder / f"{name}.json"
        self._lock = folder / f"{name}.lock"
        self._held: int | None = None

    def take(self) -> None:
        """Make the folder, and be the only daemon that believes this file, until :meth:`release`.

        Raises:
            StoreError: that cannot be.
        """
        if self._held is not None:
            return
        try:
            files.make_directory(self.folder, 0o700)
        except CannotWriteError as exc:
            raise StoreError(str(exc), _ELSEWHERE) from exc
        self._check_folder()
        try:
            self._held = sole.hold(self._lock)
        except sole.HeldError as exc:
            text = f"{self._lock} is held by process {exc.pid}: another daemon has this file"
            raise StoreError(text, "one daemon for each configuration: stop the other") from exc
        except OSError as exc:
            raise StoreError(f"cannot lock {self._lock}: {exc.strerror}", _ELSEWHERE) from exc

    def release(self) -> None:
        """Let another daemon have it."""
        if self._held is not None:
            held, self._held = self._held, None
            os.close(held)

    def _check_folder(self) -> None:
        try:
            found = self.folder.stat()
        except OSError as exc:
            raise StoreError(f"cannot look at {self.folder}: {exc.strerror}", _ELSEWHERE) from exc
        _believe(self.folder, found)

    def check(self) -> None:
        """Whether a daemon of this user could use it; nothing is made or changed.

        Raises:
            StoreError: it could not.
        """
        if self.folder.exists():
            self._check_folder()
        above = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        if not above.is_dir():
            raise StoreError(f"{above} is no folder", _ELSEWHERE)
        if not os.access(above, os.W_OK | os.X_OK):
            raise StoreError(f"{_user()} may not write to {above}", _ELSEWHERE)

    def in_use(self) -> bool:
        """Whether a daemon has it now, so that its sessions stand and none of them is dead."""
        try:
            return not sole.free(self._lock)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # not ours to look at: nothing is known

    def read(self, *, anybodys: bool = False) -> tuple[Remembered, str | None]:
        """What is remembered; nothing where there is no file yet.

        Args:
            anybodys: whether the file may belong to another user: to be shown, not acted upon.

        Returns:
            That, and a sentence if some of it or all made no sense: it will be written anew.

        Raises:
            StoreError: it cannot be read, or not be believed.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path, flags)
        except FileNotFoundError:
            return {}, None
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise StoreError(f"{self.path} is a symbolic link", "remove it") from exc
            raise StoreError(f"cannot read {self.path}: {exc.strerror}", _ELSEWHERE) from exc
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise StoreError(f"{self.path} is no regular file", "remove it")
            if not anybodys:
                _believe(self.path, found)
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(session_file.SIZE_MOST)
        except OSError as exc:
            raise StoreError(f"cannot read {self.path}: {exc.strerror}", _ELSEWHERE) from exc
        finally:
            os.close(descriptor)
        try:
            remembered, odd = session_file.read(content)
        except SessionFileError as exc:
            return {}, f"{self.path} is not understood: {exc}"
        told = (
            f"{self.path}: {odd} of its sessions are not understood, and left out" if odd else None
        )
        return remembered, told

    def write(self, remembered: Remembered, version: str) -> None:
        """Replace the file in one step.

        Raises:
            StoreError: the old one, if any, is still there.
        """
        text = session_file.text(remembered, config_path=self._config_path, version=version)
        try:
            files.write(self.path, text.encode(), 0o600)
        except CannotWriteError as exc:
            hint = f"make room on its disk and let {_user()} write there, or {_ELSEWHERE}"
            raise StoreError(str(exc), hint) from exc


def _believe(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in _TRUSTED | {os.geteuid()}:
        text = f"{path} belongs to another user (uid {found.st_uid}), and is not believed"
        raise StoreError(text, f"chown it to {_user()}, or {_ELSEWHERE}")
    if found.st_mode & _OTHERS_MAY_WRITE:
        raise StoreError(f"others may write to {path}: it is not believed", f"chmod go-w {path}")


def _user() -> str:
    return f"uid {os.geteuid()}"


def of_config(folder: Path, config_path: PurePath) -> SessionStore:
    """The file of a configuration on this machine, by whatever name the configuration is called."""
    return SessionStore(folder, this_machine(), os.path.realpath(config_path))
