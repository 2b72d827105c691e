"""A file is read once it was left alone, and at the latest after the bound."""

from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.exports.settling import BARE_S, MOST_S, QUIET_S, Settling

#: Pauses between changes, and whether the file was bare after each.
CHANGES = st.lists(st.tuples(st.floats(0, 10), st.booleans()), min_size=1, max_size=50)


def test_what_did_not_change_is_not_read() -> None:
    settling = Settling()

    assert settling.due is None
    assert not settling.overdue(1e9)


def test_one_change_is_read_when_it_is_over() -> None:
    settling = Settling()
    settling.changed(100, bare=False)

    assert settling.due == 100 + QUIET_S


def test_an_editor_s_backup_dance_is_read_once_it_is_over() -> None:
    settling = Settling()
    settling.changed(100, bare=True)  # moved away
    assert settling.due == 100 + BARE_S
    settling.changed(100.4, bare=True)  # a new one, empty yet
    assert settling.due == 100.4 + BARE_S
    settling.changed(100.6, bare=False)  # written

    assert settling.due == 100.6 + QUIET_S


def test_a_file_that_stays_away_is_read_a_little_later() -> None:
    settling = Settling()
    settling.changed(100, bare=True)

    assert settling.due == 100 + BARE_S
    assert not settling.overdue(100 + BARE_S)


def test_what_was_read_is_forgotten() -> None:
    settling = Settling()
    settling.changed(100, bare=False)
    settling.over()
    assert settling.due is None

    settling.changed(200, bare=False)
    assert settling.due == 200 + QUIET_S


@given(CHANGES)
def test_it_is_never_due_before_the_last_change_nor_beyond_the_bound(
    changes: list[tuple[float, bool]],
) -> None:
    settling, now, first = Settling(), 0.0, None
    for pause, bare in changes:
        now += pause
        due = settling.due
        if due is not None and now >= due:
            settling.over()
            first = None
        first = now if first is None else first
        settling.changed(now, bare=bare)

        assert settling.due is not None
        assert now < settling.due <= first + MOST_S
        assert settling.due <= now + BARE_S


@given(st.floats(0.001, QUIET_S * 0.99), st.booleans())
def test_who_writes_without_a_pause_is_read_all_the_same(pause: float, bare: bool) -> None:
    settling, now, steps = Settling(), 0.0, 0
    while settling.due is None or now < settling.due:
        settling.changed(now, bare=bare)
        now += pause
        steps += 1
        assert steps <= MOST_S / pause + 2

    assert settling.overdue(now)
    assert now < MOST_S + 2 * pause
