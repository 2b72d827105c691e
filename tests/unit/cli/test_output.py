"""An error is told on stderr: problems first, the sentence that sums them up last."""

import pytest

from hostnfsd.cli.output import report
from hostnfsd.errors import ConfigError, FileMissingError
from hostnfsd.problem import Place, Problem, Severity


def test_an_error_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    report(FileMissingError("x.toml is not there"))

    assert capsys.readouterr() == ("", "hostnfsd: x.toml is not there\n")


def test_its_cure_follows(capsys: pytest.CaptureFixture[str]) -> None:
    report(FileMissingError("x.toml is not there", "make one"))

    assert capsys.readouterr() == (
        "",
        "hostnfsd: x.toml is not there\n    hint: make one\n",
    )


def test_every_problem_is_told_before_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    problems = tuple(
        Problem(f"c{n}", Severity.ERROR, Place("f", n), "key", "is wrong", "mend it")
        for n in (1, 2)
    )
    report(ConfigError("f: 2 errors", problems))

    assert capsys.readouterr().err == (
        "f:1: error: key: is wrong [c1]\n    hint: mend it\n"
        "f:2: error: key: is wrong [c2]\n    hint: mend it\n"
        "hostnfsd: f: 2 errors\n"
    )
