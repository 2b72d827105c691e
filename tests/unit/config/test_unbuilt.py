import pytest

from hostnfsd.config import unbuilt
from hostnfsd.config.keys import every


def test_every_row_is_a_key() -> None:
    known = {key.pattern for key in every()}

    for row in unbuilt.ROWS:
        assert row.key.replace("services.rpcbind.", "services.*.") in known


DEFAULTS = {key.pattern: key.default for key in every()}


@pytest.mark.parametrize("row", unbuilt.ROWS, ids=lambda row: row.key)
def test_a_default_is_either_in_effect_or_told(row: unbuilt.Unbuilt) -> None:
    default = DEFAULTS[row.key.replace("services.rpcbind.", "services.*.")]

    assert row.notice or default == row.effective


def test_a_key_without_a_row_keeps_its_value() -> None:
    assert unbuilt.effective("log.level", "debug") == "debug"
    assert unbuilt.find("log.level") is None
