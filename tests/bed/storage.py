"""Where the exported folder can lie: nfs-ganesha wants a file system with file handles.

It opens files by handle, which the overlay of a container does not know, and from version 5 on it
passes over every tmpfs.
"""

import ctypes
import os
import struct
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_MAX_HANDLE: Final = 128
_IMAGE_BYTES: Final = 4 << 30  # sparse
_CHECKOUT: Final = Path(__file__).parents[2]


def gives_handles(path: Path) -> bool:
    """Whether name_to_handle_at(2) works on ``path``."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = ctypes.create_string_buffer(8 + _MAX_HANDLE)
    struct.pack_into("=Ii", handle, 0, _MAX_HANDLE, 0)
    mount = ctypes.c_int()
    status = libc.name_to_handle_at(_AT_FDCWD, os.fsencode(path), handle, ctypes.byref(mount), 0)
    return bool(status == 0)


def suits(path: Path) -> bool:
    """Whether nfs-ganesha can export a folder below ``path``."""
    told = subprocess.run(
        ["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=True
    )
    return told.stdout.strip() not in {"tmpfs", "ramfs", "overlayfs"} and gives_handles(path)


def suitable_parent() -> Path | None:
    """A folder for temporary files whose file system suits; None if there is none."""
    cache = _CHECKOUT / ".cache"
    cache.mkdir(exist_ok=True)
    candidates = (Path(tempfile.gettempdir()), Path("/var/tmp"), cache)
    return next((path for path in candidates if suits(path)), None)


def mounting(
    stack: ExitStack,
    folder: Path,
    at: str,
    *,
    parent: Callable[[], Path | None] = suitable_parent,
) -> list[str]:
    """The shell commands that give a box a file system that suits, at the path ``at``.

    Args:
        stack: removes what was made outside ``folder``.
        folder: of the bed; for an image, where no other place suits.
        at: an empty folder inside the box.
        parent: finds the place.
    """
    if (found := parent()) is not None:
        store = stack.enter_context(
            tempfile.TemporaryDirectory(
                prefix="hostnfsd-share-", dir=found, ignore_cleanup_errors=True
            )
        )
        return [f"mount --bind {store} {at}"]
    image = folder / "share.img"
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    return [
        f"mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=1 {image}",
        f"mount -o loop {image} {at}",
    ]
