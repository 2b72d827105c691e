"""The first check: is there a configuration, and can it be used."""

from collections.abc import Iterator, Sequence
from typing import Final

from hostnfsd.doctor.catalogue import entry
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.cure import LINE
from hostnfsd.doctor.finding import Finding, Outcome, failed, passed
from hostnfsd.doctor.scene import Scene
from hostnfsd.errors import ConfigError, HostnfsdError
from hostnfsd.problem import Problem, Severity

SECTION: Final = "Configuration"
#: Problems of which the hint is words, a colon, and the line as it should be: exports/explain.py.
_CORRECTED: Final = frozenset(
    {"world-export", "not-for-tunnel", "map-breaks-chown", "needs-low-ports"}
)
CONFIGURATION: Final = Id("configuration")


def checks(
    scene: Scene, trouble: HostnfsdError | None, problems: Sequence[Problem]
) -> Iterator[Check]:
    """One check.

    Args:
        scene: with the configuration, or with defaults.
        trouble: why it cannot be used; None if it can.
        problems: warnings in one that can.
    """

    def work() -> Sequence[Finding]:
        return judge(scene, trouble, problems)

    yield Check(CONFIGURATION, "configuration", SECTION, blocking=work)


def judge(
    scene: Scene, trouble: HostnfsdError | None, problems: Sequence[Problem]
) -> tuple[Finding, ...]:
    """A row for each problem, or one that says what the file carries."""
    if isinstance(trouble, ConfigError):
        return tuple(of_problem(each, "config-invalid") for each in trouble.problems) or (
            failed("config-invalid", str(trouble)),
        )
    if trouble is not None:
        return (failed("config-missing", str(trouble)),)
    gateways = len(scene.config.gateway)
    text = (
        f"{scene.config_path}: {gateways} gateway{'' if gateways == 1 else 's'},"
        f" {len(scene.carried)} services"
    )
    warnings = [each for each in problems if each.severity is Severity.WARNING]
    return (passed(text), *(of_problem(each, "config-invalid") for each in warnings))


def _advice(problem: Problem, otherwise: str) -> tuple[str, ...]:
    """What was suggested; where that is a line for the file it is a step of its own."""
    if problem.hint is None:
        return (otherwise,)
    words, found, line = problem.hint.partition(": ")
    if found and problem.code in _CORRECTED:
        return (f"{words}:", f"{LINE}{line}")
    return (problem.hint,)


def of_problem(problem: Problem, code: str) -> Finding:
    """A problem that another part of hostnfsd found, as a row.

    What was suggested there stands for the first step of the catalogue's cure; the others tell
    whom it concerns that the file was mended.
    """
    outcome = Outcome.FAIL if problem.severity is Severity.ERROR else Outcome.WARN
    first, *others = entry(code).cure
    cure = (*_advice(problem, first), *others)
    text = f"{problem.subject}: {problem.text} ({problem.code})"
    return Finding(outcome, text, code, cure, problem.place)
