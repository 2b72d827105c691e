"""Which failures wait for a person."""

import pytest

from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure

FOR_A_PERSON = {
    FailureKind.AUTH,
    FailureKind.KEY,
    FailureKind.HOST_KEY,
    FailureKind.CONFIG,
    FailureKind.FORBIDDEN,
}


@pytest.mark.parametrize("kind", FailureKind)
def test_what_waiting_cannot_cure_needs_a_person(kind: FailureKind) -> None:
    assert Failure(kind, "so it went").needs_a_person is (kind in FOR_A_PERSON)
