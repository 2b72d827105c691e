"""Each error has the exit code of the specification, section 3."""

import pytest

from hostnfsd import errors
from hostnfsd.errors import ConfigError, HostnfsdError
from hostnfsd.problem import Place, Problem, Severity

CODES = {
    "HostnfsdError": 70,
    "UsageError": 64,
    "ConfigError": 78,
    "FileMissingError": 66,
    "NotPermittedError": 77,
    "CannotWriteError": 73,
    "AlreadyRunningError": 75,
    "DaemonUnreachableError": 69,
    "DaemonMuteError": 69,
    "DaemonDiffersError": 69,
}


def kinds() -> list[type[HostnfsdError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [kind for kind in found if issubclass(kind, HostnfsdError)]


def test_every_error_has_its_exit_code() -> None:
    assert {kind.__name__: int(kind.exit_code) for kind in kinds()} == CODES


@pytest.mark.parametrize("kind", [k for k in kinds() if k is not ConfigError])
def test_an_error_carries_its_hint(kind: type[HostnfsdError]) -> None:
    assert str(kind("so it is", "do that")) == "so it is"
    assert kind("so it is", "do that").hint == "do that"
    assert kind("so it is").hint is None


def test_a_bad_configuration_carries_its_problems() -> None:
    problems = (Problem("c", Severity.ERROR, Place("f"), "s", "t"),)
    error = ConfigError("f: 1 error", problems)

    assert (str(error), error.hint, error.problems) == ("f: 1 error", None, problems)
