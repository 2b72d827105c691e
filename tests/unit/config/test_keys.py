import pytest

from hostnfsd.config import keys
from hostnfsd.config.model import Config
from hostnfsd.config.places import Path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("gateway", "dev-gw", "port"), "gateway.dev-gw.port"),
        (("access", "allow", 1), "access.allow[1]"),
        (("gateway", "10.0.0.7"), 'gateway."10.0.0.7"'),
        (("gateway", "\x1b"), 'gateway."\\u001B"'),
        (("gateway", ""), 'gateway.""'),
        ((), ""),
    ],
)
def test_a_path_is_written_as_toml_writes_it(path: Path, text: str) -> None:
    assert keys.dotted(path) == text


def test_a_table_knows_its_keys() -> None:
    spot = keys.at(("gateway", "any name"))

    assert spot is not None
    assert spot.table
    assert "identity_files" in spot.names


def test_a_choice_knows_its_words() -> None:
    spot = keys.at(("log", "format"))

    assert spot is not None
    assert spot.choices == ("auto", "console", "json")


def test_services_know_the_port_set() -> None:
    for path in (("services",), ("gateway", "x", "services")):
        spot = keys.at(path)
        assert spot is not None
        assert spot.names == ("rpcbind", "nfs", "mountd", "nlockmgr", "status", "rquotad")


def test_the_long_form_knows_its_keys() -> None:
    spot = keys.at(("gateway", "x", "services", "nfs"))

    assert spot is not None
    assert spot.names == ("port", "host_port", "required", "mode")
    assert spot.words is not None


def test_nothing_is_known_where_nothing_stands() -> None:
    assert keys.at(("nothing",)) is None
    assert keys.at(("log", "level", "deeper")) is None
    assert keys.at(("gateway", 0)) is None


def test_a_key_in_the_wrong_table_is_found_in_its_own() -> None:
    assert keys.tables_with("port") == ("[gateway.NAME]",)
    assert keys.tables_with("listen") == ("[metrics]", "[gateway.NAME]")
    assert keys.tables_with("nothing") == ()


def test_every_key_is_described() -> None:
    every = keys.every()

    assert len({key.pattern for key in every}) == len(every)
    for key in every:
        assert key.meaning.endswith("."), key.pattern
        assert key.takes, key.pattern


def test_every_table_is_listed() -> None:
    assert {key.table[0] for key in keys.every()} == set(Config.model_fields)


def test_units_are_in_the_names() -> None:
    for key in keys.every():
        assert key.name.endswith("_s") == ("seconds" in key.takes), key.pattern
