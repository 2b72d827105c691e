import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostnfsd.cli.load import find, load, read
from hostnfsd.config.reader import MAX_BYTES
from hostnfsd.errors import ConfigError, FileMissingError, NotPermittedError


def environ(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), **more}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.toml"
    path.write_text("[gateway.dev-gw]\n")
    return path


def test_a_file_given_is_loaded(file: Path) -> None:
    config, path, reading = load(str(file))

    assert list(config.gateway) == ["dev-gw"]
    assert path == file
    assert reading.config is config
    assert reading.problems == ()


def test_a_relative_path_is_made_absolute(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)

    assert find(file.name) == file


def test_the_environment_names_the_file(file: Path) -> None:
    assert load(None, {"HOSTNFSD_CONFIG": str(file)}).path == file


def test_the_users_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / ".config/hostnfsd/hostnfsd.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[gateway.mine]")

    assert list(load(None, environ(tmp_path)).config.gateway) == ["mine"]


def test_a_file_given_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError) as caught:
        load(str(tmp_path / "nothing.toml"))

    assert str(caught.value) == f"{tmp_path}/nothing.toml (--config) is not there"
    assert "[gateway.dev-gw]" in (caught.value.hint or "")


def test_a_file_named_by_the_environment_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """The user's own file must not take its place."""
    path = tmp_path / ".config/hostnfsd/hostnfsd.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[gateway.mine]")

    with pytest.raises(FileMissingError, match="HOSTNFSD_CONFIG"):
        load(None, environ(tmp_path, HOSTNFSD_CONFIG="/nothing.toml"))


def test_every_place_searched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostnfsd.config.search.SYSTEM_FOLDERS", {"linux": (str(tmp_path / "e"),)})
    monkeypatch.setattr(sys, "platform", "linux")
    home = tmp_path / "it's home"

    with pytest.raises(FileMissingError) as caught:
        load(None, environ(home))

    assert f"{home}/.config/hostnfsd/hostnfsd.toml" in str(caught.value)
    assert f"{tmp_path}/e/hostnfsd/hostnfsd.toml" in str(caught.value)


def test_the_hint_is_a_command_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostnfsd.config.search.SYSTEM_FOLDERS", {"linux": (), "darwin": ()})
    home = tmp_path / "it's home"
    with pytest.raises(FileMissingError) as caught:
        load(None, environ(home))
    _, _, command = (caught.value.hint or "").partition("; ")

    subprocess.run(["sh", "-c", command], check=True)

    assert list(load(None, environ(home)).config.gateway) == ["dev-gw"]


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="Is a directory"):
        load(str(tmp_path))


def test_a_name_that_cannot_be_is_not_there() -> None:
    with pytest.raises(FileMissingError, match="no file name"):
        load("a\0b")


def test_a_file_below_a_file_is_not_there(file: Path) -> None:
    with pytest.raises(FileMissingError, match="Not a directory"):
        load(f"{file}/x.toml")


def test_a_file_that_may_not_be_read_is_named(file: Path) -> None:
    """In a process without root's rights, where this one has them."""
    file.chmod(0)
    program = (
        "import os, sys\n"
        "from hostnfsd.cli.load import load\n"
        "from hostnfsd.errors import NotPermittedError\n"
        "os.geteuid() == 0 and os.setuid(65534)\n"
        "try: load(sys.argv[1])\n"
        "except NotPermittedError as exc: print(exc)\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )

    assert str(file) in result.stdout, result.stderr
    assert "may not be read: Permission denied" in result.stdout


def test_a_refusal_of_the_system_is_no_permission(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(NotPermittedError, match="may not be read: Permission denied"):
        read(file)


def test_errors_of_the_file_come_with_all_problems(file: Path) -> None:
    file.write_text("[gateway.a]\nport = 0\nhots = 1\n")

    with pytest.raises(ConfigError) as caught:
        load(str(file))

    assert str(caught.value) == f"{file}: 2 errors"
    assert [p.code for p in caught.value.problems] == ["out-of-range", "unknown-key"]


def test_no_more_is_read_than_can_be_a_configuration() -> None:
    assert len(read(Path("/dev/zero"))) == MAX_BYTES + 1
