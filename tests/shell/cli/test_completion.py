"""What the program answers a shell that asks for the next word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostnfsd.cli.completion import SHELLS
from hostnfsd.cli.main import entry, main
from hostnfsd.errors import Exit

PROGRAM = f"import sys; sys.argv[0] = 'hostnfsd'; from {entry.__module__} import entry; entry()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "two.toml").write_text("[gateway.dev-gw]\n[gateway.prod]\n")
    (tmp_path / "broken.toml").write_text("[gateway.dev-gw\n")
    (tmp_path / "list.toml").write_text("gateway = [1]\n")
    (tmp_path / "two words").mkdir()
    (tmp_path / ".hidden").touch()
    return tmp_path


def answered(line: str, folder: Path) -> dict[str, str]:
    """The words for the end of a line, each with what is told of it, as fish asks for them."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" 8>&1 1>/dev/null', sys.executable, "-c", PROGRAM],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "HOME": str(folder),
            "HOSTNFSD_CONFIG": "two.toml",
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_DFS": "\t",
            "_ARGCOMPLETE_SHELL": "fish",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
    )
    assert done.stderr == ""
    return dict(row.split("\t") for row in done.stdout.splitlines())


def test_commands_are_told_with_what_they_do(folder: Path) -> None:
    words = answered("hostnfsd ", folder)
    assert words["status"] == "ask the daemon how it is"
    assert {"run", "check", "install", "completion", "--config"} <= set(words)


def test_options_of_a_command(folder: Path) -> None:
    assert set(answered("hostnfsd status --", folder)) == {
        "--clients",
        "--help",
        "--json",
        "--watch",
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hostnfsd sta", {"status"}),
        ("hostnfsd reconnect d", {"dev-gw"}),
        ("hostnfsd reconnect -", {"-h", "--help"}),
        ("hostnfsd mount --gateway ", {"dev-gw", "prod"}),
        ("hostnfsd mount --for l", {"linux"}),
        ("hostnfsd completion z", {"zsh"}),
        ("hostnfsd --config tw", {"two.toml", "two words/"}),
        ("hostnfsd --config .h", {".hidden"}),
        ("hostnfsd --config ~/two.t", {"~/two.toml"}),
        ("hostnfsd --config ./two.t", {"./two.toml"}),
        ("hostnfsd --config nowhere/", set[str]()),
        ("hostnfsd mount --for linux t", {"two words/"}),
        ("hostnfsd status sta", set[str]()),
    ],
)
def test_words_for(line: str, words: set[str], folder: Path) -> None:
    assert set(answered(line, folder)) == words


@pytest.mark.parametrize("file", ["broken.toml", "list.toml", "missing.toml", "two words"])
def test_a_configuration_that_cannot_be_read_names_no_gateway(file: str, folder: Path) -> None:
    assert set(answered(f"hostnfsd --config '{file}' reconnect ", folder)) == {"--help"}


def test_the_file_on_the_line_is_read_before_that_of_the_environment(folder: Path) -> None:
    (folder / "one.toml").write_text("[gateway.lab]\n")
    assert set(answered("hostnfsd --config one.toml reconnect ", folder)) == {"--help", "lab"}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_for_our_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == Exit.OK
    script = capsys.readouterr().out
    assert "hostnfsd" in script
    assert "-o default" not in script


def test_another_shell_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["completion", "tcsh"])
    assert caught.value.code == Exit.USAGE
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err
