"""Memory as two kernels tell it, and what happens where one of them does not."""

import os
import resource
import struct
from pathlib import Path

import pytest

from hostnfsd.daemon.endpoints.process_metrics import (
    memory_from_statm,
    memory_from_taskinfo,
    process_values,
)


def test_statm_counts_pages() -> None:
    assert memory_from_statm("2000 500 300 1 0 400 0\n", 4096) == (8_192_000, 2_048_000)


def test_taskinfo_begins_with_virtual_and_resident_bytes() -> None:
    raw = struct.pack("=6Q12i", 400_000_000_000, 34_000_000, 1, 2, 3, 4, *range(12))

    assert len(raw) == 96
    assert memory_from_taskinfo(raw) == (400_000_000_000, 34_000_000)


def test_the_values_are_this_processes() -> None:
    values = process_values(started=7.0)
    rss = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    assert values["process_start_time_seconds"] == 7.0
    assert values["process_resident_memory_bytes"] == pytest.approx(rss, rel=0.2)
    assert values["process_max_fds"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_an_open_file_is_counted(tmp_path: Path) -> None:
    before = process_values(0)["process_open_fds"]
    with (tmp_path / "x").open("w"):
        assert process_values(0)["process_open_fds"] == before + 1


def test_without_proc_nothing_is_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", no_proc)
    monkeypatch.setattr(os, "listdir", no_proc)

    values = process_values(7.0)

    # No libproc on this system either: memory and descriptors are left out, the rest stands.
    assert set(values) == {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_start_time_seconds",
    }


def test_descriptors_come_from_dev_fd_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.listdir

    def only_dev(folder: str) -> list[str]:
        if folder.startswith("/proc"):
            raise FileNotFoundError
        return real(folder)

    expected = process_values(0)["process_open_fds"]
    monkeypatch.setattr(os, "listdir", only_dev)

    assert process_values(0)["process_open_fds"] == expected


def test_an_unlimited_descriptor_limit_is_infinite(monkeypatch: pytest.MonkeyPatch) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: unlimited)

    assert process_values(0)["process_max_fds"] == float("inf")
