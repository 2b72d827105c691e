"""Which exports are tried, what is given back, and what a refusal says."""

import pytest

from hostnfsd.server import mounting
from hostnfsd.server.mounting import MOST_TRIED, added, not_looked_at, not_mounted, order
from hostnfsd.sunrpc import nfs, rpc
from hostnfsd.sunrpc.mount import Export, Group, Mount, Status

OURS = "127.0.0.1"


def export(path: str, *groups: str) -> Export:
    return Export(path, tuple(Group(name) for name in groups))


def test_the_likeliest_is_tried_first() -> None:
    exports = [
        export("/net", "10.0.0.0/8"),
        export("/named", "localhost"),
        export("/last", "10.0.0.0/8"),
        export("/world"),
        export("/us", "10.0.0.1", OURS),
    ]

    assert order(exports, "/last", OURS) == ("/last", "/named", "/world", "/us", "/net")


def test_only_so_many_are_tried_and_each_once() -> None:
    exports = [export(f"/{n % 20}") for n in range(1000)]

    tried = order(exports, None, OURS)

    assert len(tried) == len(set(tried)) == MOST_TRIED


def test_what_went_away_is_not_tried() -> None:
    assert order([export("/a")], "/gone", OURS) == ("/a",)


@pytest.mark.parametrize(
    ("before", "after", "ours"),
    [
        ([], [Mount(OURS, "/a")], True),
        # A client through the tunnel has our address: the row is his.
        ([Mount(OURS, "/a")], [Mount(OURS, "/a")], False),
        ([Mount(OURS, "/b")], [Mount(OURS, "/b"), Mount("localhost", "/a")], True),
        ([], [Mount(OURS, "/b")], False),
        ([], [], False),
    ],
)
def test_only_a_row_of_our_own_is_given_back(
    before: list[Mount], after: list[Mount], ours: bool
) -> None:
    assert added(before, after, "/a") is ours


def test_refused_by_all_names_our_address_and_the_paths() -> None:
    refusals = [(f"/{n}", Status.ACCES) for n in range(5)]

    denial = not_mounted(refusals, OURS)

    assert denial.text == (
        f"no export admits {OURS}: mounting /0, /1, /2 and 2 more was refused with MNT3ERR_ACCES"
    )
    assert "insecure" in denial.hint
    assert "nfsd update" in denial.hint


def test_another_refusal_is_not_blamed_on_admission() -> None:
    denial = not_mounted([("/a", Status.NOENT), ("/b", 99)], OURS)

    assert "admits" not in denial.text
    assert "MNT3ERR_NOENT, 99" in denial.text


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (nfs.Status.STALE, "anew"),
        (nfs.Status.JUKEBOX, "later"),
        (nfs.Status.ACCES, "user 501"),
        (4711, "user 501"),
    ],
)
def test_a_root_that_may_not_be_looked_at(status: int, cure: str) -> None:
    denial = not_looked_at("/a", "FSINFO", status, OURS, 501)

    assert denial.text.startswith("refuses FSINFO on the root of /a: ")
    assert nfs.status_name(status) in denial.text
    assert cure in denial.hint


def test_other_refusals() -> None:
    assert OURS in mounting.nothing_exported(OURS).text
    assert "before it answered MNT" in mounting.not_answered("MNT", OURS).text
    weak = mounting.not_authenticated("FSINFO", rpc.AuthError(rpc.AuthStat.AUTH_TOOWEAK))
    assert weak.text == "refuses FSINFO: AUTH_ERROR, AUTH_TOOWEAK"
    assert "reserved_source_port" in weak.hint
