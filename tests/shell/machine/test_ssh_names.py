"""The aliases of real files."""

from pathlib import Path

import pytest

from hostnfsd.machine.ssh_names import names, of_user


def test_a_file_and_what_it_includes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".ssh"
    (folder / "config.d").mkdir(parents=True)
    (folder / "config.d/b").write_text("Host two\n")
    (folder / "config.d/a").write_text("Host one *.internal\n")
    (tmp_path / "more").write_text("Host three\n")
    (tmp_path / "absolute").write_text("Host four\n")
    file = tmp_path / "elsewhere"
    file.write_text(
        f"Include config.d/* ~/more\nInclude {tmp_path}/absolute missing\nHost dev-gw\n"
    )

    assert of_user(file) == ("one", "two", "three", "four", "dev-gw")
    assert names(file, tmp_path, tmp_path) == ("three", "four", "dev-gw")


def test_a_file_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert of_user(tmp_path / "config") == ()
