"""One bed for the tests of a module: each gives back what it took."""

from collections.abc import Iterator

import pytest

from tests.bed.bed import Bed


@pytest.fixture(scope="module")
def shared() -> Iterator[Bed]:
    with Bed() as bed:
        yield bed
