"""Everything that is known to go wrong has an entry, or a reason why it cannot be met."""

from hostnfsd.doctor.catalogue import CATALOGUE
from hostnfsd.doctor.sources import NOT_MET, SOURCES

NAMED = {source for each in CATALOGUE for source in each.sources}


def test_every_source_has_an_entry_and_every_entry_names_real_ones() -> None:
    assert SOURCES.keys() == NAMED


def test_what_went_wrong_first_is_there_row_by_row() -> None:
    assert {f"T{number}" for number in range(1, 11)} <= NAMED


def test_every_row_of_the_diagnosis_table_is_there() -> None:
    assert {f"D{number}" for number in range(1, 11)} <= NAMED


def test_every_pain_of_other_tunnels_is_met_or_cannot_be() -> None:
    assert {f"P{number}" for number in range(1, 17)} <= NAMED | NOT_MET.keys()
    assert not NAMED & NOT_MET.keys()


def test_everything_seen_on_the_test_bed_is_there() -> None:
    seen = {source for source in SOURCES if source.startswith("B")}
    assert len(seen) >= 19
    assert seen <= NAMED
