"""What this process uses, for the ``process_*`` metrics, on Linux and on macOS.

prometheus_client's own collector reads ``/proc/stat`` and ``/proc/self/limits``: it says nothing on
macOS nor under systemd's ``ProcSubset=pid``, and raises where the descriptor limit is unlimited.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# <sys/proc_info.h>: struct proc_taskinfo begins with pti_virtual_size, pti_resident_size.
_PROC_PIDTASKINFO: Final = 4
_PROC_TASKINFO: Final = struct.Struct("=6Q12i")


def memory_from_statm(text: str, page_size: int) -> tuple[int, int]:
    """Virtual and resident bytes from ``/proc/PID/statm``; proc(5): pages, size before resident."""
    size, resident = text.split()[:2]
    return int(size) * page_size, int(resident) * page_size


def memory_from_taskinfo(raw: bytes) -> tuple[int, int]:
    """Virtual and resident bytes from macOS's ``struct proc_taskinfo``."""
    virtual, resident = _PROC_TASKINFO.unpack(raw)[:2]
    return virtual, resident


def _memory() -> tuple[int, int] | None:
    try:
        text = Path("/proc/self/statm").read_text(encoding="ascii")
    except OSError:
        return _darwin_memory()
    return memory_from_statm(text, resource.getpagesize())


def _darwin_memory() -> tuple[int, int] | None:
    raw = ctypes.create_string_buffer(_PROC_TASKINFO.size)
    try:
        libproc = ctypes.CDLL("/usr/lib/libproc.dylib", use_errno=True)
        size = libproc.proc_pidinfo(
            os.getpid(), _PROC_PIDTASKINFO, ctypes.c_uint64(0), raw, ctypes.c_int(len(raw))
        )
    except (OSError, AttributeError):
        return None
    return memory_from_taskinfo(raw.raw) if size == len(raw) else None


def _open_descriptors() -> int | None:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            # One of them is the descriptor that lists the folder.
            return len(os.listdir(folder)) - 1  # noqa: PTH208  # names are enough, no Path each
        except OSError:
            continue
    return None


def process_values(started: float) -> Mapping[str, float]:
    """The value of each ``process_*`` metric that this platform tells.

    Args:
        started: when the daemon started, in seconds since the epoch.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    values: dict[str, float] = {
        "process_cpu_seconds_total": usage.ru_utime + usage.ru_stime,
        "process_max_fds": float("inf") if soft == resource.RLIM_INFINITY else soft,
        "process_start_time_seconds": started,
    }
    memory = _memory()
    if memory is not None:
        values["process_virtual_memory_bytes"], values["process_resident_memory_bytes"] = memory
    descriptors = _open_descriptors()
    if descriptors is not None:
        values["process_open_fds"] = descriptors
    return values
