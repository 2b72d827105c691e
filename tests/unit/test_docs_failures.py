"""docs/failures.md is what the doctor knows."""

from docs.failures_page import PAGE, page


def test_the_page_is_fresh() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert page(text) == text, "run: python docs/failures_page.py"
