from pathlib import PurePosixPath

import pytest

from hostnfsd.config.explain import Origin, Row, explain, toml
from hostnfsd.config.keys import every
from hostnfsd.config.paths import Surroundings
from hostnfsd.config.reader import parse

HERE = Surroundings("linux", PurePosixPath("/home/me"), 1000, {"XDG_RUNTIME_DIR": "/run/user/1000"})


def rows(text: str) -> dict[str, Row]:
    """The rows of a file, by key."""
    reading = parse(text, "/etc/x.toml")
    assert reading.config is not None, reading.problems
    return {row.key: row for row in explain(reading.config, reading.places, HERE)}


def test_every_key_has_a_row() -> None:
    shown = set(rows("[gateway.a]"))
    names = {key.pattern.replace("gateway.*", "gateway.a") for key in every()}

    for name in names - {"gateway.a.services"}:
        if name.startswith("services.*"):
            name = name.replace("services.*", "gateway.a.services.rpcbind")  # noqa: PLW2901  # one of six
        assert name in shown


def test_a_value_of_the_file_has_its_line() -> None:
    row = rows('[gateway.a]\nuser = "admin"')["gateway.a.user"]

    assert (row.value, row.shown, row.source()) == ("admin", '"admin"', "x.toml:2")
    assert row.to_json() == {"value": "admin", "origin": "file", "line": 2}


def test_a_default_says_so() -> None:
    row = rows("[gateway.a]")["tunnel.connect_timeout_s"]

    assert (row.value, row.shown, row.source()) == (10.0, "10", "default")


def test_an_unset_key_of_a_gateway_is_ssh_configs() -> None:
    row = rows("[gateway.a]")["gateway.a.port"]

    assert (row.value, row.shown, row.origin) == (None, "(Port, else 22)", Origin.SSH_CONFIG)


def test_what_ssh_config_says_is_shown_where_it_is_known() -> None:
    reading = parse('[gateway.a]\nuser = "me"\n[gateway.b]', "/etc/x.toml")
    assert reading.config is not None
    says = {"a": {"host": "10.0.0.7", "port": 122, "user": "admin", "identity_files": None}}
    found = {row.key: row for row in explain(reading.config, reading.places, HERE, says)}

    port, host = found["gateway.a.port"], found["gateway.a.host"]
    assert (port.value, port.shown, port.source()) == (122, "122", "ssh_config")
    assert (host.value, host.shown) == ("10.0.0.7", '"10.0.0.7"')
    assert found["gateway.a.user"].value == "me"
    assert found["gateway.a.identity_files"].shown.startswith("(IdentityFile")
    assert found["gateway.b.port"].value is None


def test_without_ssh_config_it_is_the_default() -> None:
    row = rows('[gateway.a]\nssh_config = "none"')["gateway.a.port"]

    assert (row.shown, row.origin) == ("22", Origin.DEFAULT)


def test_a_value_that_is_set_is_the_files() -> None:
    row = rows('[gateway.a]\nreclaim = "wait"')["gateway.a.reclaim"]

    assert (row.value, row.source()) == ("wait", "x.toml:2")


def test_a_services_port_has_the_line_that_gives_it() -> None:
    found = rows(
        "[gateway.a]\nservices.nfs = 12049\n[services]\nnfs = { port = 1, host_port = 2 }\n"
        "mountd = 3\nstatus = false"
    )
    port, host_port = (
        found["gateway.a.services.nfs.port"],
        found["gateway.a.services.nfs.host_port"],
    )

    assert (port.value, port.source()) == (12049, "x.toml:2")
    assert (host_port.value, host_port.source()) == (2, "x.toml:4")
    assert found["gateway.a.services.mountd.port"].source() == "x.toml:5"
    assert found["gateway.a.services.mountd.required"].source() == "default"
    off = found["gateway.a.services.status"]
    assert (off.value, off.source()) == (False, "x.toml:6")


def test_usual_places_are_worked_out() -> None:
    found = rows("[gateway.a]")

    assert found["control.socket"].value == "/run/user/1000/hostnfsd/control.sock"
    assert found["log.file"].shown == "(stderr)"
    assert found["gateway.a.client_address"].shown == "(discovered over SSH)"


def test_defaults_show_what_they_amount_to() -> None:
    found = rows("[gateway.a]")

    assert found["host.keep_awake"].source() == "default"
    assert found["gateway.a.services.nfs.host_port"].value == "auto"
    assert found["gateway.a.services.rpcbind.mode"].value == "virtual"
    assert found["state.directory"].value == "/home/me/.local/state/hostnfsd"
    assert found["access.allow"].value == "exports"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1, "1"),
        (10.0, "10"),
        (0.2, "0.2"),
        ("a" * 100, f'"{"a" * 100}"'),
        (("a", "b"), '["a", "b"]'),
        ((), "[]"),
    ],
)
def test_values_are_toml(value: object, text: str) -> None:
    assert toml(value) == text
