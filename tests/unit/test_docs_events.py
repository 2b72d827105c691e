"""docs/events.md lists every event that the program logs, and what it means."""

import re

import pytest

from docs.events_table import PAGE, Event, events, meanings, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_is_fresh() -> None:
    assert page(TEXT) == TEXT, "run: python docs/events_table.py"


def test_events_are_found() -> None:
    found = {(event.name, event.level) for event in events()}

    assert {
        ("tunnel_up", "info"),
        ("tunnel_blocked", "error"),  # chosen by a condition
        ("tunnel_failed", "warning"),
        ("service_state_changed", "info"),  # by a variable
        ("service_state_changed", "warning"),
        ("attempt_broke", "exception"),
    } <= found
    assert ("tunnel_blocked", "warning") not in found


@pytest.mark.parametrize("event", events(), ids=lambda event: f"{event.module}:{event.line}")
def test_an_event_is_a_constant_in_snake_case(event: Event) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", event.name), event


@pytest.mark.parametrize("name", sorted({event.name for event in events()}))
def test_an_event_is_explained(name: str) -> None:
    assert meanings(TEXT).get(name), f"say in docs/events.md what {name} means"
