"""Whose files clients make, told to who asks."""

import pytest

from hostnfsd.doctor.map_rules import told
from hostnfsd.exports.model import Squash, Terms

ALL = Terms(read_only=False, squash=Squash.ALL, uid=501, gids=(20,))


@pytest.mark.parametrize(
    ("terms", "caller", "end"),
    [
        (ALL, 501, "all as 501:20, which is you: what they write is yours"),
        (ALL, 1000, "all as 501:20, not as you (1000): what they write is not yours"),
        (ALL, 0, "all as 501:20"),
        (Terms(read_only=False, squash=Squash.ROOT), 1000, "root as -2:-2"),
        (Terms(read_only=False, squash=Squash.NONE), 1000, "themselves, root too"),
        (
            Terms(read_only=False, squash=Squash.ALL, uid=None, identity="nobody"),
            1000,
            "all as nobody",
        ),
    ],
)
def test_whom_clients_act_as(terms: Terms, caller: int, end: str) -> None:
    assert told("/src", terms, caller) == f"/src: read and write; {end}"
