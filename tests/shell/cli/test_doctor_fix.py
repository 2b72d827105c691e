"""--fix: the plan is shown, somebody agrees, and only then it is done."""

from pathlib import Path

import pytest

from hostnfsd.cli.doctor_fix import answered, mend
from hostnfsd.cli.main import main
from hostnfsd.doctor.fixes import Fix


def plan(file: Path) -> list[Fix]:
    return [Fix("others may read it", f"chmod 600 {file}"), Fix("odd", "echo no >&2; exit 3")]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "id"
    file.touch(0o644)
    return file


def test_it_is_done_and_told(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mend(plan(key), yes=True, ask=lambda _: pytest.fail("nobody is asked"))

    assert key.stat().st_mode & 0o777 == 0o600
    told = capsys.readouterr().out
    assert f"done: chmod 600 {key}" in told
    assert "failed: echo no >&2; exit 3 (status 3): no" in told


def test_nothing_is_done_unless_somebody_agrees(
    key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return False

    assert not mend(plan(key), yes=False, ask=ask)

    assert asked == ["Do it? [y/N] "]
    assert key.stat().st_mode & 0o777 == 0o644
    told = capsys.readouterr().out
    assert f"  chmod 600 {key}" in told, "it was shown"
    assert "Nothing was done" in told


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert not mend([], yes=True, ask=lambda _: True)
    assert "without you" in capsys.readouterr().out


def test_without_a_terminal_the_answer_is_no(capsys: pytest.CaptureFixture[str]) -> None:
    assert not answered("? ")
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--yes"], ["--accept-host-key"], ["--fix", "--json"]], ids=lambda words: words[0]
)
def test_options_that_do_not_go_together(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *words]) == 64
    assert "--fix" in capsys.readouterr().err
