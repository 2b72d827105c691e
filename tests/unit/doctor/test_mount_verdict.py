"""Trial mounts of all exports, and what they say."""

import pytest

from hostnfsd.doctor import mount_verdict
from hostnfsd.doctor.finding import Outcome
from hostnfsd.server.finding import Denial, Tried
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount

FINE = Tried("/a", mount.Status.OK, root_writes=True)
REFUSED = Tried("/b", mount.Status.ACCES)
WEAK = Tried("/c", denial=Denial("refuses MNT: AUTH_ERROR, AUTH_TOOWEAK", "hint"))
CLOSED = Tried("/d", denial=Denial("closed the connection before it answered MNT", "hint"))
LATE = Tried("/e", unknown="mountd, called for MNT, did not answer within 1 s")


def test_one_export_that_lets_us_in_is_enough() -> None:
    assert mount_verdict.admitted([FINE], "127.0.0.1").text == "/a admits 127.0.0.1"
    found = mount_verdict.admitted([REFUSED, FINE], "127.0.0.1")
    assert found.outcome is Outcome.PASS
    assert found.text == "1 of 2 exports admit 127.0.0.1: /a"


@pytest.mark.parametrize(
    ("tried", "code"),
    [
        ([], "nothing-exported"),
        ([REFUSED], "exports-deny"),
        ([REFUSED, LATE], "exports-deny"),
        ([LATE], "service-frozen"),
        ([CLOSED], "connection-closed"),
    ],
)
def test_where_none_does_the_reason_is_named(tried: list[Tried], code: str) -> None:
    found = mount_verdict.admitted(tried, "127.0.0.1")

    assert (found.outcome, found.code) == (Outcome.FAIL, code)


def test_a_refusal_is_told_with_path_and_status() -> None:
    found = mount_verdict.admitted([REFUSED, REFUSED], "127.0.0.1")

    assert "/b" in found.text
    assert "MNT3ERR_ACCES" in found.text


@pytest.mark.parametrize(
    ("tried", "outcome", "code"),
    [
        (FINE, Outcome.PASS, None),
        (Tried("/a", mount.Status.OK), Outcome.PASS, None),
        (Tried("/a", mount.Status.OK, root_writes=False), Outcome.WARN, "root-squashed"),
        (Tried("/a", mount.Status.OK, root_reads=False), Outcome.WARN, "root-refused"),
        (REFUSED, Outcome.WARN, "exports-deny"),
        (WEAK, Outcome.FAIL, "reserved-port"),
        (CLOSED, Outcome.FAIL, "connection-closed"),
        (LATE, Outcome.WARN, "service-frozen"),
        *(
            (
                Tried(
                    "/x", 0, Denial(f"refuses FSINFO on the root of /x: {name}", ""), Service.NFS
                ),
                Outcome.FAIL,
                code,
            )
            for name, code in (
                ("NFS3ERR_STALE", "stale-handle"),
                ("NFS3ERR_JUKEBOX", "export-offline"),
                ("NFS3ERR_ACCES", "root-refused"),
            )
        ),
    ],
)
def test_each_export_has_its_row(tried: Tried, outcome: Outcome, code: str | None) -> None:
    (found,) = mount_verdict.each([tried])

    assert (found.outcome, found.code) == (outcome, code)
    assert found.text.startswith(tried.path)


def test_nobody_is_meant_to_write_in_what_is_read_only() -> None:
    tried = Tried("/a", mount.Status.OK, root_writes=False)
    (found,) = mount_verdict.each([tried], {"/a"})

    assert found.outcome is Outcome.PASS


def test_of_many_only_the_bad_ones_have_rows() -> None:
    rows = mount_verdict.each([FINE] * 30 + [REFUSED])

    assert [row.outcome for row in rows] == [Outcome.WARN, Outcome.PASS]
    assert rows[-1].text == "30 of 31 exports mounted and given back"


def test_a_weak_source_port_is_told_with_what_can_be_done() -> None:
    never = mount_verdict.weak_source_port(WEAK, low=True, mode="never")
    none = mount_verdict.weak_source_port(WEAK, low=False, mode="auto")
    odd = mount_verdict.weak_source_port(WEAK, low=True, mode="auto")

    assert {f.code for f in (never, none, odd)} == {"reserved-port"}
    assert "reserved_source_port is never" in never.text
    assert never.commands == ("hostnfsd reload",)
    assert "this user may have none" in none.text
    assert "all the same" in odd.text


def test_why_a_source_port_is_right() -> None:
    text = mount_verdict.source_port_text
    said = {text(low=low, mode=mode) for low in (True, False) for mode in ("auto", "never")}
    assert len(said) == 3
