"""The command line: its words, its exit codes, and the one place where errors become one."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hostnfsd import __version__
from hostnfsd.cli import main as main_module
from hostnfsd.cli.main import main, parser
from hostnfsd.errors import (
    AlreadyRunningError,
    DaemonUnreachableError,
    Exit,
    HostnfsdError,
    NotPermittedError,
)

COMMANDS = [
    "init",
    "run",
    "check",
    "doctor",
    "exports",
    "status",
    "reload",
    "reconnect",
    "ports",
    "mount",
    "install",
    "uninstall",
    "completion",
]


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every command raise."""

    def fail(_args: argparse.Namespace) -> int:
        raise error

    doing(fail, monkeypatch)


def doing(what: Callable[[argparse.Namespace], int], monkeypatch: pytest.MonkeyPatch) -> None:
    class _Parser(argparse.ArgumentParser):
        def parse_args(self, *_args: object, **_kwargs: object) -> argparse.Namespace:  # type: ignore[override]  # takes whatever main passes
            return argparse.Namespace(run=what)

    monkeypatch.setattr(main_module, "parser", _Parser)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])

    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: hostnfsd {command}")


def test_help_lists_every_command_and_nothing_else() -> None:
    actions = [a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)]

    assert [list(action.choices) for action in actions] == [COMMANDS]


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    told = re.findall(r"\b[0-9]+\b", capsys.readouterr().out.partition("Exit codes:")[2])
    assert [int(code) for code in told] == sorted(Exit)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"hostnfsd {__version__}\n"


@pytest.mark.parametrize(
    "argv", [[], ["fly"], ["status", "--fast"], ["--conf", "x", "run"], ["status", "--jso"]]
)
def test_a_wrong_command_line_exits_64(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)

    assert caught.value.code == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: hostnfsd")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotPermittedError("no"), 77),
        (AlreadyRunningError("no"), 75),
        (DaemonUnreachableError("no"), 69),
        (HostnfsdError("no"), 70),
    ],
)
def test_an_error_becomes_its_sentence_and_its_code(
    error: HostnfsdError,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raising(error, monkeypatch)

    assert main([]) == code
    assert capsys.readouterr() == ("", "hostnfsd: no\n")


def test_an_interrupt_ends_as_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(KeyboardInterrupt(), monkeypatch)

    assert main([]) == 130


def test_a_bug_shows_where_and_is_not_mistaken_for_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(ZeroDivisionError("so it broke"), monkeypatch)

    assert main([]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert "ZeroDivisionError: so it broke" in err
    assert err.endswith("hostnfsd: this is a bug in hostnfsd: please report it\n")


def test_a_reader_that_left_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        raising(BrokenPipeError(), monkeypatch)

        assert main([]) == 0
        out.write("what is still to be flushed goes nowhere")
        out.flush()
        assert os.fstat(out.fileno()).st_rdev == Path(os.devnull).stat().st_rdev
    assert (tmp_path / "out").read_text() == ""


def test_the_result_of_a_command_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    exits: list[int] = []
    monkeypatch.setattr(os, "environ", {})
    doing(lambda _args: Exit.UNHEALTHY, monkeypatch)
    monkeypatch.setattr(sys, "argv", ["hostnfsd"])
    monkeypatch.setattr(os, "_exit", exits.append)

    main_module.entry()

    assert exits == [1]
    assert os.environ == {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
