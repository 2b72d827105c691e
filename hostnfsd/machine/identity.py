"""What tells this machine from others that see the same directory, or were copied from it."""

import ctypes
import os
import sys
from pathlib import Path
from typing import Any, Final

_UUID_SIZE: Final = 16
#: Seconds the kernel may take; none would let it take for ever.
_WAIT_S: Final = 1


class _Timespec(ctypes.Structure):
    """``struct timespec`` of macOS's <sys/_types/_timespec.h>."""

    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


def this_machine(platform: str = sys.platform) -> str:
    """A text that stays the same for as long as this machine is this machine.

    On macOS the hardware's own UUID (gethostuuid(2)): its name changes with the network that it is
    in, and a Mac that was migrated from another has that one's. On Linux the name as well as
    ``/etc/machine-id`` (machine-id(5)), which copies of a machine often share. Not run on a Mac.
    """
    if platform == "darwin":
        told = hardware_uuid(ctypes.CDLL(None))
        if told is not None:
            return told
    try:
        number = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        number = ""
    return f"{number} {os.uname().nodename}"


def hardware_uuid(libc: Any) -> str | None:
    """What gethostuuid(2) tells, in hexadecimal; None where it does not.

    Args:
        libc: the C library, by ctypes.
    """
    told = ctypes.create_string_buffer(_UUID_SIZE)
    try:
        failed = libc.gethostuuid(told, ctypes.byref(_Timespec(_WAIT_S, 0)))
    except AttributeError:
        return None
    return None if failed or not any(told.raw) else told.raw.hex()
