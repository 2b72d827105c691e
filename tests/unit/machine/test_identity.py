"""Which machine this is: Linux's own files, and macOS's call as its manual page has it."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hostnfsd.machine.identity import hardware_uuid, this_machine

UUID = bytes(range(1, 17))


def libc(uuid: bytes, *, result: int = 0) -> Any:
    """gethostuuid(uuid_t id, const struct timespec *wait): 0, or -1 where it cannot tell."""

    def gethostuuid(told: Any, wait: Any) -> int:
        assert len(told) == 16
        span = wait._obj
        # The manual page: with both zero it waits indefinitely.
        assert (span.tv_sec, span.tv_nsec) == (1, 0)
        told.raw = uuid
        return result

    call: Callable[[Any, Any], int] = gethostuuid
    return SimpleNamespace(gethostuuid=call)


def test_a_mac_is_known_by_its_hardware() -> None:
    assert hardware_uuid(libc(UUID)) == UUID.hex()


def test_one_that_does_not_tell_is_known_by_its_name() -> None:
    assert hardware_uuid(libc(UUID, result=-1)) is None
    assert hardware_uuid(libc(bytes(16))) is None
    assert hardware_uuid(SimpleNamespace()) is None
    # This C library has no such call.
    assert this_machine("darwin").endswith(f" {os.uname().nodename}")


def test_on_linux_copies_differ_by_their_names() -> None:
    number = Path("/etc/machine-id")
    known = number.read_text().strip() if number.exists() else ""

    assert this_machine("linux") == f"{known} {os.uname().nodename}"
