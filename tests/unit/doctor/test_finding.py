"""A finding: its code is of the catalogue, its cure is what is to be done."""

import pytest

from hostnfsd.doctor.catalogue import entry
from hostnfsd.doctor.finding import Outcome, failed, passed, skipped, warned


def test_without_a_cure_of_its_own_a_failure_has_the_catalogues() -> None:
    found = failed("server-down", "nothing listens")

    assert found.outcome is Outcome.FAIL
    assert found.cure == entry("server-down").cure


def test_a_code_that_is_in_no_catalogue_is_a_bug() -> None:
    with pytest.raises(KeyError):
        failed("no-such-code", "?")


def test_commands_are_told_from_sentences() -> None:
    found = warned("server-down", "x", ("do this:", "$ one", "$ two", "or that"))

    assert found.commands == ("one", "two")
    assert found.hint == "do this:; one; two; or that"


def test_what_is_fine_or_not_looked_at_has_no_code_and_no_cure() -> None:
    for found in (passed("x"), skipped("y")):
        assert (found.code, found.hint, found.commands) == (None, None, ())
