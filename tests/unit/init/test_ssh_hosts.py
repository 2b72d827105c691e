import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.init.ssh_hosts import aliases, forwards


def names(text: str, **files: str) -> tuple[str, ...]:
    return aliases(text, lambda pattern: [files[pattern]] if pattern in files else [])


def test_names_on_host_lines_are_aliases_and_patterns_are_not() -> None:
    text = """
    Host dev-gw gw2   # both
        HostName 127.0.0.1
    Host *.example.org !bad ?x
    HOST=equals
    host "quoted one" plain
    Match host dev-gw
    #Host commented
    Hostname not-an-alias
    Host dev-gw
    """
    assert names(text) == ("dev-gw", "gw2", "equals", "quoted one", "plain")


def test_included_files_are_read_where_they_stand() -> None:
    text = "Host a\nInclude one two\nHost z\n"
    assert names(text, one="Host b\nInclude two\n", two="Host c") == ("a", "b", "c", "z")


def test_files_that_include_themselves_come_to_an_end() -> None:
    assert names("Include self", self="Host a\nInclude self") == ("a",)


@given(st.text())
def test_any_text_has_some_aliases_or_none(text: str) -> None:
    assert isinstance(names(text), tuple)


def test_remote_forwards_are_told_by_ssh_itself(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host dev-gw\n RemoteForward 2049 127.0.0.1:2049\n"
        " RemoteForward 0.0.0.0:111 localhost:111\n"
        " RemoteForward [::]:20048 localhost:20048\n RemoteForward 8080\n"
        " RemoteForward /run/s /run/t\n"
    )
    output = subprocess.run(
        ["ssh", "-F", config, "-G", "dev-gw"], capture_output=True, text=True, check=True
    ).stdout
    assert set(forwards(output)) == {2049, 111, 20048, 8080}


@pytest.mark.parametrize("output", ["", "remoteforward", "remoteforward \n", "remoteforward x:y z"])
def test_no_remote_forward_is_none(output: str) -> None:
    assert forwards(output) == ()
