"""The command: what it prints, and its exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostnfsd.cli.main import main


def test_explain_finds_an_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--explain", "mount.nfs: Stale file handle"]) == 0

    assert "[stale-handle]" in capsys.readouterr().out


def test_explain_of_what_is_not_known_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--explain", "hello world"]) == 1

    assert "Nothing like this" in capsys.readouterr().out


def test_explain_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--explain", "rpc.statd is not running"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["ok"]) == (1, True)
    assert document["entries"][0]["code"] == "no-nolock"


def test_nothing_to_explain_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--explain", "  "]) == 64
    assert "paste" in capsys.readouterr().err


def test_explain_reads_stdin() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hostnfsd", "doctor", "--explain", "-"],
        input="nfs: server x not responding,\nstill trying",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "[client-waits]" in done.stdout


def test_a_file_that_was_named_and_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", "/nowhere/h.toml", "doctor"]) == 66
    assert "/nowhere/h.toml" in capsys.readouterr().err


def test_a_configuration_with_errors_is_the_first_row(tmp_path: Path) -> None:
    file = tmp_path / "h.toml"
    file.write_text("[gateway.dev-gw]\nprt = 3\n")
    done = subprocess.run(
        [sys.executable, "-m", "hostnfsd", "--config", file, "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["ok"] is False
    first = document["problems"][0]
    assert (first["code"], first["path"], first["line"]) == ("config-invalid", str(file), 2)


@pytest.mark.patient
def test_a_terminal_that_knows_few_characters_gets_those(tmp_path: Path) -> None:
    file = tmp_path / "h.toml"
    file.write_text("[gateway.dev-gw]\n'你好' = 3\n")
    done = subprocess.run(
        [sys.executable, "-m", "hostnfsd", "--config", file, "doctor"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    )

    assert (done.returncode, done.stderr) == (1, "")
    assert r"\u4f60\u597d" in done.stdout
    assert "Mend first: configuration" in done.stdout


@pytest.mark.parametrize("command", ["", "  ", "docker exec 'kind"])
def test_a_client_command_that_is_none(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--client", command]) == 64
    assert "--client: " in capsys.readouterr().err
