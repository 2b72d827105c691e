"""The exports in the status document: nothing is lost on the way."""

import json

import pytest

from hostnfsd.exports.verdict import Standing
from hostnfsd.exports_document import exports_from_json, exports_to_json
from hostnfsd.problem import Severity
from hostnfsd.snapshot import ApplyView, ExportsView
from tests.support.snapshots import NOW, broken_exports, exports


@pytest.mark.parametrize(
    "view",
    [
        exports(),
        broken_exports(),
        exports(applied=ApplyView(NOW, ok=True, text="exportfs -ra")),
        ExportsView("/etc/exports", "darwin", Standing.PENDING, NOW),
    ],
)
def test_a_view_survives_the_way_to_json_and_back(view: ExportsView) -> None:
    assert exports_from_json(json.loads(json.dumps(exports_to_json(view)))) == view


def test_no_file_is_no_view() -> None:
    assert exports_from_json(None) is None


def test_every_severity_has_its_count() -> None:
    counts = exports_to_json(exports())["counts"]

    assert counts == dict.fromkeys(map(str, Severity), 0)


def test_words_that_are_not_known_are_no_view() -> None:
    document = exports_to_json(exports())
    document["state"] = "dubious"

    with pytest.raises(ValueError, match="dubious"):
        exports_from_json(document)
