"""What is in effect after each reading: a broken file never replaces what works."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.exports.changes import Kind
from hostnfsd.exports.linux import reader
from hostnfsd.exports.model import Reading
from hostnfsd.exports.source import Source
from hostnfsd.exports.verdict import (
    InForce,
    Presence,
    Standing,
    judge,
    lasting,
    presence,
    unchanged,
    worst_first,
)
from hostnfsd.problem import Place, Problem, Severity
from tests.support.exports_system import LINUX, FakeSystem

PATH = "/etc/exports"
TWO = "/srv/a *(rw,sync)\n/srv/d 10.0.0.0/8(ro,sync)\n"
BROKEN = "/srv/a *(rw,sync)\n/srv/d *(rwx)\n"
GONE = reader.read([Source(PATH, "", missing=True)], LINUX)


def read(text: str, system: FakeSystem = LINUX) -> Reading:
    return reader.read([Source(PATH, text)], system)


def in_force(text: str) -> InForce:
    return judge(InForce(), read(text), Presence.THERE).in_force


def paths(what: InForce) -> list[str]:
    return [export.path for export in what.exports]


def test_a_valid_file_is_in_effect() -> None:
    verdict = judge(InForce(), read(TWO), Presence.THERE)

    assert (verdict.standing, verdict.kept) == (Standing.VALID, False)
    assert paths(verdict.in_force) == ["/srv/a", "/srv/d"]
    assert verdict.in_force.working
    assert [(c.kind, c.path) for c in verdict.changes] == [
        (Kind.ADDED, "/srv/a"),
        (Kind.ADDED, "/srv/d"),
    ]


def test_a_broken_file_does_not_replace_a_working_one() -> None:
    before = in_force(TWO)
    verdict = judge(before, read(BROKEN), Presence.THERE)

    assert (verdict.standing, verdict.kept, verdict.changes) == (Standing.INVALID, True, ())
    assert verdict.in_force == before


def test_at_the_start_a_broken_file_counts_for_what_the_server_makes_of_it() -> None:
    verdict = judge(InForce(), read(BROKEN), Presence.THERE)

    assert (verdict.standing, verdict.kept) == (Standing.INVALID, False)
    assert paths(verdict.in_force) == ["/srv/a"]
    assert not verdict.in_force.working


def test_a_broken_file_replaces_another_broken_one() -> None:
    verdict = judge(in_force(BROKEN), read("/srv/d *(rwx)\n"), Presence.THERE)

    assert paths(verdict.in_force) == []


def test_a_file_that_is_gone_admits_nobody() -> None:
    verdict = judge(in_force(TWO), GONE, Presence.MISSING)

    assert (verdict.standing, verdict.kept) == (Standing.MISSING, False)
    assert verdict.in_force == InForce()
    assert {change.kind for change in verdict.changes} == {Kind.REMOVED}


def test_what_was_before_a_file_was_gone_does_not_come_back_by_a_broken_one() -> None:
    gone = judge(in_force(TWO), GONE, Presence.MISSING).in_force
    verdict = judge(gone, read(BROKEN), Presence.THERE)

    assert paths(verdict.in_force) == ["/srv/a"]


def test_exports_of_other_files_stay_when_the_first_is_gone() -> None:
    more = Source("/etc/exports.d/a.exports", "/srv/d *(rw,sync)\n")
    reading = reader.read([Source(PATH, "", missing=True), more], LINUX)
    verdict = judge(in_force(TWO), reading, presence(reading, PATH, there=False))

    assert verdict.standing is Standing.MISSING
    assert paths(verdict.in_force) == ["/srv/d"]


def test_a_file_that_may_not_be_read_changes_nothing() -> None:
    before = in_force(TWO)
    verdict = judge(before, GONE, Presence.UNREADABLE)

    assert (verdict.standing, verdict.in_force, verdict.kept) == (Standing.UNREADABLE, before, True)


@pytest.mark.parametrize(
    ("reading", "there", "found"),
    [
        (read(TWO), True, Presence.THERE),
        (read(BROKEN), True, Presence.THERE),
        (GONE, False, Presence.MISSING),
        (GONE, True, Presence.UNREADABLE),
        # It was there when it was read, and has gone since.
        (read(TWO), False, Presence.THERE),
    ],
)
def test_how_a_file_was_found(reading: Reading, there: bool, found: Presence) -> None:
    assert presence(reading, PATH, there=there) is found


def test_names_may_mean_something_else_in_a_file_that_says_the_same() -> None:
    text = "/srv/a hostone(rw,sync)\n"
    moved = FakeSystem(directories=LINUX.directories, hosts={"hostone": ("10.1.1.1",)})

    assert unchanged(read(text), read(text, moved))
    assert read(text).exports != read(text, moved).exports
    assert not unchanged(read(text), read(text.replace("rw", "ro")))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", True),
        (TWO, True),
        ("/srv/a 10.0.0.1(rw,sync)\n", True),
        ("/srv/a localhost(rw,sync)\n", True),
        ("/srv/a hostone(rw,sync)\n", False),
        ("/srv/a @team(rw,sync)\n", False),
        ("/srv/a *(rw,sync) nobody-knows-it(rw,sync)\n", False),
        ("/srv/a/not/there *(rw,sync)\n", False),
        (BROKEN, False),
    ],
)
def test_what_names_nobody_and_is_right_means_the_same_tomorrow(text: str, found: bool) -> None:
    assert lasting(read(text)) is found


def test_errors_come_before_warnings_and_notes() -> None:
    problems = [
        Problem(str(n), severity, Place(PATH, n), "x", "y")
        for n, severity in enumerate([Severity.NOTE, Severity.ERROR, Severity.WARNING] * 2)
    ]

    assert [problem.code for problem in worst_first(problems)] == ["1", "4", "2", "5", "0", "3"]


FILES = st.sampled_from(
    [
        (read(TWO), Presence.THERE),
        (read("/srv/a *(ro,sync)\n"), Presence.THERE),
        (read(""), Presence.THERE),
        (read(BROKEN), Presence.THERE),
        (read("/srv/d *(rwx)\n"), Presence.THERE),
        (GONE, Presence.MISSING),
        (GONE, Presence.UNREADABLE),
    ]
)


@given(st.lists(FILES, max_size=20))
def test_whatever_comes_only_valid_files_and_missing_ones_replace_what_works(
    files: list[tuple[Reading, Presence]],
) -> None:
    now, valid = InForce(), InForce()
    for reading, found in files:
        verdict = judge(now, reading, found)
        if found is Presence.MISSING:
            valid = InForce()
        elif verdict.standing is Standing.VALID:
            valid = verdict.in_force
        if valid.working:
            assert verdict.in_force == valid
        assert bool(verdict.changes) == (verdict.in_force.exports != now.exports)
        now = verdict.in_force
