"""docs/states.md explains every state, and its table has a row for every fault."""

import re

import pytest

from hostnfsd.snapshot import ServiceState
from tests.bed.state_faults import FAULTS, Fault
from tests.bench.states import BEGIN, END, PAGE, Outcome, table, with_table

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("state", ServiceState)
def test_a_state_is_explained(state: ServiceState) -> None:
    assert re.search(rf"^\| `{state}` \| \w", TEXT, re.MULTILINE)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_has_its_row(fault: Fault) -> None:
    start = f"| {fault.name} | {fault.service}: `{fault.state}` | `{fault.metric()}` |"

    assert any(line.startswith(start) for line in TEXT.splitlines())


def test_every_state_but_the_first_is_injected() -> None:
    assert {fault.state for fault in FAULTS} == set(ServiceState) - {ServiceState.WAITING}


def test_a_new_table_takes_the_place_of_the_old_one() -> None:
    new = table([Outcome(FAULTS[0], 0.25, ready=True, mended_s=None)])
    page = with_table(TEXT, new)

    assert page.count(BEGIN) == page.count(END) == 1
    assert "| 200 | 0.2 s from the start |  |" in page
    assert page.replace(new, "") == with_table(TEXT, "")
