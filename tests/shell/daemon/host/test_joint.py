"""Work that several want is done once, and nobody suffers from another's fate."""

import asyncio

import pytest

from hostnfsd.daemon.host.joint import Joint


class Work:
    """Counts how often it is done, and takes as long as a test wants."""

    def __init__(self) -> None:
        self.done = 0
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.done += 1
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return self.done


async def asked(joint: Joint[int], work: Work, times: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(joint.do("key", work)) for _ in range(times)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_who_asks_meanwhile_shares_the_result() -> None:
    work = Work()
    tasks = await asked(Joint(), work, 5)
    work.may_end.set()

    assert await asyncio.gather(*tasks) == [1] * 5


async def test_who_asks_later_has_it_done_anew_and_keys_are_apart() -> None:
    joint: Joint[int] = Joint()
    work = Work()
    work.may_end.set()

    assert [await joint.do("a", work), await joint.do("a", work)] == [1, 2]
    (one,) = await asked(joint, work, 1)
    assert await joint.do("other", work) == 4
    assert await one == 3
    assert joint._under_way == {}


async def test_when_the_one_who_does_it_is_cancelled_another_does_it() -> None:
    work = Work()
    first, second, third = await asked(Joint(), work, 3)
    first.cancel()
    await asyncio.wait((first,))
    work.may_end.set()

    assert [await second, await third] == [2, 2]
    assert first.cancelled()


async def test_who_waits_and_is_cancelled_takes_nobody_with_him() -> None:
    work = Work()
    first, second, third = await asked(Joint(), work, 3)
    second.cancel()
    await asyncio.wait((second,))
    work.may_end.set()

    assert [await first, await third] == [1, 1]


async def test_a_failure_is_the_failure_of_who_did_it() -> None:
    work = Work()
    work.error = ValueError("a bug")
    work.may_end.set()
    joint: Joint[int] = Joint()

    with pytest.raises(ValueError, match="a bug"):
        await joint.do("key", work)
    assert joint._under_way == {}
