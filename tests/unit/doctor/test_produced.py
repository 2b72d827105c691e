"""Each failure of the catalogue is produced on the test bed, or there is a reason why not."""

from types import ModuleType
from typing import Any

import pytest

from hostnfsd.doctor.catalogue import BY_CODE
from tests.integration.doctor import registry
from tests.integration.doctor.not_produced import NOT_PRODUCED

CODES = tuple(BY_CODE)
BY_TESTS = registry.produced()


def module(name: str, **content: Any) -> ModuleType:
    made = ModuleType(f"tests.integration.doctor.{name}")
    vars(made).update(content)
    return made


def marked(*codes: str) -> Any:
    @pytest.mark.produces(*codes)
    def test() -> None: ...

    return test


def test_each_failure_is_produced_or_there_is_a_reason() -> None:
    assert registry.disagreements(CODES, BY_TESTS, NOT_PRODUCED) == []


def test_most_are_produced() -> None:
    assert len(NOT_PRODUCED) < len(CODES) / 10


def test_reasons_are_the_ends_of_sentences() -> None:
    assert all(why[0].islower() and why[-1] not in ".,;" for why in NOT_PRODUCED.values())


def test_a_table_of_faults_and_a_mark_tell_what_a_test_produces() -> None:
    assert (
        "test_host.py::test_a_failure_is_named_and_its_cure_cures_it[the server is down]"
        in (BY_TESTS["server-down"])
    )
    assert BY_TESTS["no-nolock"] == [
        "test_client.py::test_what_a_real_client_prints_is_explained_and_the_cure_mounts"
    ]


def test_what_is_wrong_with_the_claim_is_told() -> None:
    found = registry.disagreements(
        ("new", "both", "excused", "unexcused", "fine"),
        {"both": ["test_a.py::test"], "fine": ["test_b.py::test"], "gone": ["test_c.py::test"]},
        {"both": "it cannot", "excused": "it cannot", "unexcused": "", "old": "it cannot"},
    )

    assert [text.split()[0].rstrip(":,") for text in found] == [
        *("new", "both", "unexcused", "gone", "old"),
    ]


def test_only_tests_can_say_that_they_produce_something() -> None:
    assert registry.produced(iter([module("test_a", test_it=marked("x", "y"))])) == {
        "x": ["test_a.py::test_it"],
        "y": ["test_a.py::test_it"],
    }
    with pytest.raises(ValueError, match="no test"):
        registry.produced(iter([module("test_a", helper=marked("x"))]))


def test_the_page_tells_of_each() -> None:
    found = registry.notes(CODES)

    assert found["full-disk-access"].startswith("Not produced here: it is macOS's own")
    assert found["server-down"] == "Produced, named and cured on the test bed."
    assert len(found) == len(CODES)
