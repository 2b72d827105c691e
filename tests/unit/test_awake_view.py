"""What people read of it."""

from hostnfsd.awake_view import AwakeView


def test_one_that_is_not_held_is_no_news() -> None:
    assert AwakeView("while-connected", held=False, since=0.0).sentence(50.0) is None


def test_clients_at_work_are_the_reason() -> None:
    view = AwakeView("while-connected", held=True, since=1000.0, worked=1700.0)
    told = view.sentence(1720.0)
    assert told == "this machine has been kept awake for 12 min: clients worked 20 s ago"


def test_always_is_the_reason_itself() -> None:
    told = AwakeView("always", held=True, since=1000.0, worked=1700.0).sentence(1060.0)
    assert told == "this machine has been kept awake for 1 min (host.keep_awake)"
