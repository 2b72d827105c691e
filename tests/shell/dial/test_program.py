"""Real programs, run to their ends."""

import asyncio
from pathlib import Path

import pytest

from hostnfsd.dial.program import Ended, run
from tests.support.conditions import eventually

#: Tells its own number and its child's, and waits for the child, which holds the pipes.
WITH_A_CHILD = 'sleep 60 & echo "$$ $!" >"$0.tmp"; mv "$0.tmp" "$0"; wait'


def numbers(told: Path) -> list[Path]:
    return [Path("/proc") / number for number in told.read_text().split()]


@pytest.mark.parametrize(
    ("script", "together", "ended"),
    [
        ("echo a; echo b >&2", False, Ended(0, b"a\n", b"b\n")),
        ("echo a; echo b >&2; exit 3", True, Ended(3, b"a\nb\n", b"")),
        ("cat; kill -TERM $$", False, Ended(-15, b"", b"")),
    ],
)
async def test_what_came_of_it_is_told(script: str, together: bool, ended: Ended) -> None:
    assert await run("/bin/sh", "-c", script, within_s=10, together=together) == ended


async def test_one_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    told = tmp_path / "told"

    with pytest.raises(TimeoutError):
        await run("/bin/sh", "-c", WITH_A_CHILD, str(told), within_s=1)

    await eventually(lambda: not any(p.exists() for p in numbers(told)), "both to be gone")


async def test_so_is_one_that_nobody_waits_for_any_more(tmp_path: Path) -> None:
    told = tmp_path / "told"
    alone = 'echo $$ >"$0.tmp"; mv "$0.tmp" "$0"; exec sleep 60'
    task = asyncio.create_task(run("/bin/sh", "-c", alone, str(told), within_s=60))
    await eventually(told.exists, "it to begin")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await eventually(lambda: not any(p.exists() for p in numbers(told)), "it to be gone")


async def test_one_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        await run("/nowhere/program", within_s=1)
