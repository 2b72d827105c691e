"""docs/phases.md says what the table says."""

from docs.phases_table import PAGE, page
from hostnfsd.snapshot import Phase
from hostnfsd.tunnel.backoff import AUTH_FLOOR_S, BLOCKED_RETRY_S, BRISK_S

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_is_fresh() -> None:
    assert page(TEXT) == TEXT, "run: python docs/phases_table.py"


def test_every_phase_is_explained() -> None:
    for phase in Phase:
        assert f"\n| {phase} | " in TEXT.partition("<!--")[0]


def test_the_waits_told_are_those_in_force() -> None:
    assert f"{BLOCKED_RETRY_S:g} s; when hastened" in TEXT
    assert f"not before {AUTH_FLOOR_S:g} s" in TEXT
    assert BRISK_S == 120.0
    assert "for two minutes, then up to `backoff_max_s`" in TEXT
