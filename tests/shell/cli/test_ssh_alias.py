"""What ssh_config says of a gateway is asked of the real ssh."""

import os
from pathlib import Path

import pytest

from hostnfsd.cli.ssh_alias import resolved
from hostnfsd.config.model import Config
from hostnfsd.config.reader import parse


def config(text: str) -> Config:
    reading = parse(text, "x.toml")
    assert reading.config is not None, reading.problems
    return reading.config


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(
        "Host dev-gw\n HostName 127.0.0.1\n Port 122\n User admin\n"
        " IdentityFile ~/.ssh/id_dev\n UserKnownHostsFile /k1 /k2\n GlobalKnownHostsFile none\n"
        "Host *\n CanonicalizeHostname yes\n"
    )
    return path


def test_the_alias_is_what_ssh_makes_of_it(file: Path) -> None:
    found = resolved(config(f'[gateway.dev-gw]\nssh_config = "{file}"'))

    assert found == {
        "dev-gw": {
            "host": "127.0.0.1",
            "port": 122,
            "user": "admin",
            "identity_files": ("~/.ssh/id_dev",),
            "known_hosts": ("/k1", "/k2"),
        }
    }


def test_a_name_that_is_no_alias_stands_for_itself(file: Path) -> None:
    (found,) = resolved(config(f'[gateway.other]\nssh_config = "{file}"')).values()

    assert (found["host"], found["port"], found["identity_files"]) == ("other", 22, None)


def test_without_ssh_config_nobody_is_asked() -> None:
    assert resolved(config('[gateway.dev-gw]\nssh_config = "none"')) == {}


def test_a_file_that_ssh_rejects_tells_nothing(file: Path) -> None:
    file.write_text("Host\n")

    assert resolved(config(f'[gateway.dev-gw]\nssh_config = "{file}"')) == {}


def test_without_ssh_nothing_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)

    assert resolved(config(f'[gateway.dev-gw]\nssh_config = "{file}"')) == {}
