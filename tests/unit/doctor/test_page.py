"""docs/failures.md, as made from the catalogue."""

from hostnfsd.doctor.catalogue import BY_CODE, CATALOGUE
from hostnfsd.doctor.page import body

NOTES = {code: f"Note on {code}." for code in BY_CODE}


def test_every_entry_is_there_once_with_its_symptoms_and_commands() -> None:
    text = body(NOTES)

    for each in CATALOGUE:
        assert text.count(f"\n### {each.code}\n") == 1
        assert text.count(f"\nNote on {each.code}.\n") == 1
        for step in each.cure:
            if step.startswith("$ "):
                assert f"    {step[2:]}" in text


def test_links_lead_to_entries() -> None:
    text = body(NOTES)

    assert all(f"(#{each.code})" in text for each in CATALOGUE)


def test_what_differs_is_in_capitals() -> None:
    assert "access denied by server while mounting HOST:PATH" in body(NOTES)
    assert "{" not in body(NOTES)
