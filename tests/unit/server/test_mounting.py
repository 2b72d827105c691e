"""Which exports are tried, what is given back, and what a refusal says."""

import pytest

from hostnfsd.server import mounting
from hostnfsd.server.mounting import added, not_looked_at, not_mounted, order
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


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("127.0.0.0/8", OURS),
        ("127.0.0.1/32", OURS),
        ("127.0.0.0/255.0.0.0", OURS),
        ("0.0.0.0/0", OURS),
        ("::1", "::1"),
        ("::/0", "::1"),
        ("fe80::/10", "fe80::1%eth0"),
        ("127.0.0.0/8", "::ffff:127.0.0.1"),
        ("Mac.local", OURS),
        ("*.local", OURS),
        ("localhost", "192.168.1.5"),
        ("192.168.0.0/16", "192.168.1.5"),
    ],
)
def test_words_that_name_us_are_tried_before_others(word: str, ours: str) -> None:
    exports = [export("/net", "10.0.0.0/8"), export("/group", "@staff"), export("/us", word)]

    assert order(exports, None, ours, ("mac.LOCAL",)) == ("/us", "/group", "/net")


def test_each_is_tried_once() -> None:
    exports = [export(f"/{n % 20}") for n in range(1000)]

    assert order(exports, None, OURS) == tuple(f"/{n}" for n in range(20))


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
