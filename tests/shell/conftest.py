"""What every test on loopback has to leave behind: nothing."""

import gc
from collections.abc import Iterator

import pytest


def pytest_collection_finish() -> None:
    """What was imported lives as long as the tests: nobody needs to look through it each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def leaves_nothing_open() -> Iterator[None]:
    """Let a socket, transport or coroutine that a test leaves behind fail this test, not another.

    What warns that it was not closed is an error (filterwarnings), but may be found at any time
    later. This is set up before all other fixtures, and so runs when they have ended. What outlives
    the test is looked through no more: it costs a millisecond.
    """
    yield
    gc.collect()
    gc.freeze()
