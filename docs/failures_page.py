"""Writes the entries in failures.md: ``python docs/failures_page.py``.

A test compares, so the page cannot drift from the doctor's catalogue, nor from the tests that
produce its failures.
"""  # noqa: INP001  # a script beside the page it writes, not a package

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from hostnfsd.doctor.catalogue import BY_CODE
from hostnfsd.doctor.page import body
from tests.integration.doctor.registry import notes

PAGE = Path(__file__).with_name("failures.md")
BEGIN = "<!-- entries: made by docs/failures_page.py -->\n"
END = "<!-- end of entries -->\n"


def page(text: str) -> str:
    """The page with its entries as they should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{body(notes(tuple(BY_CODE)))}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
