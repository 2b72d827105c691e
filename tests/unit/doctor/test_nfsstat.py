"""nfsstat's counts of a Mac: what else it may print. What it prints: test_macos_recordings.py."""

import json

import pytest

from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.nfsstat import Counts, judge, read


def printed(**rows: object) -> str:
    return json.dumps({"Exported Directory Info": {f"/{path}": row for path, row in rows.items()}})


@pytest.mark.parametrize(
    ("output", "text"),
    [
        # It could not be run.
        ("", "nfsstat does not tell"),
        # macOS 10.15 and before: getopt(3) knows no -f.
        (
            "nfsstat: illegal option -- f\nusage: nfsstat [-cseuv]\n",
            "nfsstat does not tell: nfsstat: illegal option -- f usage: nfsstat [-cseuv]",
        ),
        (
            "nfsstat: nfssvc failed: Operation not permitted\n",
            "nfsstat does not tell: nfsstat: nfssvc failed: Operation not permitted",
        ),
        ('{ "Exported', 'nfsstat does not tell: { "Exported'),
        ("{\n\n}", "nfsstat does not tell: { }"),
        ('{"Exported Directory Info": []}', None),
    ],
)
def test_what_it_does_not_tell_is_skipped(output: str, text: str | None) -> None:
    assert read(output) is None
    (finding,) = judge(output)
    assert finding.outcome is Outcome.SKIP
    assert finding.code is None
    if text is not None:
        assert finding.text == text


def test_what_stands_around_it_and_is_missing_in_it() -> None:
    output = f"nfsstat: a warning\n{printed(a={'Requests': 3}, b=7)}\n{{}}"

    assert read(output) == (Counts("/a", 3, 0, 0),)


def test_many_directories_are_summed_up() -> None:
    row = {"Requests": 1, "Read Bytes": 1, "Write Bytes": 1}
    found = judge(printed(**{f"d{number:02}": row for number in range(20)}))

    assert len(found) == 13
    assert found[-1].text == "and 8 more"
    assert {finding.outcome for finding in found} == {Outcome.PASS}
