"""All rows as one document, and the verdict."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from hostnfsd.doctor import cure
from hostnfsd.doctor.check import Row
from hostnfsd.doctor.finding import Finding, Outcome
from hostnfsd.problem import Place, Problem, Severity

_SEVERITY: Final = {Outcome.FAIL: Severity.ERROR, Outcome.WARN: Severity.WARNING}


def for_here(row: Row, platform: str, *, daemon: bool) -> Row:
    """The row with the cures for one platform, and for a daemon that runs or does not."""

    def fit(finding: Finding) -> Finding:
        steps = cure.for_platform(finding.cure, platform)
        return replace(finding, cure=steps if daemon else cure.without_daemon(steps))

    return replace(row, findings=tuple(map(fit, row.findings)))


def healthy(rows: Iterable[Row]) -> bool:
    """Whether nothing failed."""
    return all(row.outcome is not Outcome.FAIL for row in rows)


def count(rows: Iterable[Row]) -> Counter[Outcome]:
    """How many findings of each kind."""
    return Counter(finding.outcome for row in rows for finding in row.findings)


def worst(rows: Iterable[Row]) -> Outcome:
    """The worst of all; what was not looked at is no fault."""
    outcomes = {row.outcome for row in rows}
    return next((o for o in (Outcome.FAIL, Outcome.WARN) if o in outcomes), Outcome.PASS)


def first_failure(rows: Iterable[Row]) -> tuple[Row, Finding] | None:
    """What to mend first: the nearest to the host."""
    for row in rows:
        for finding in row.findings:
            if finding.outcome is Outcome.FAIL:
                return row, finding
    return None


def problems(rows: Iterable[Row]) -> tuple[Problem, ...]:
    """What is wrong, in the form that all commands share."""
    return tuple(
        Problem(
            finding.code or "",
            _SEVERITY[finding.outcome],
            finding.place or Place(""),
            str(row.check.id),
            finding.text,
            finding.hint,
        )
        for row in rows
        for finding in row.findings
        if finding.outcome in _SEVERITY
    )


def document(rows: Sequence[Row], *, version: str, daemon: str | None) -> dict[str, Any]:
    """The whole as JSON types, with ``"schema": 1``.

    Args:
        rows: in their order.
        version: of this command.
        daemon: version of the daemon that was asked; None where none runs.
    """
    return {
        "schema": 1,
        "ok": healthy(rows),
        "version": version,
        "daemon": daemon,
        "checks": [_check(row, finding) for row in rows for finding in row.findings],
        "problems": [problem.to_json() for problem in problems(rows)],
    }


def _check(row: Row, finding: Finding) -> dict[str, Any]:
    return {
        "check": row.check.id.name,
        "subject": row.check.id.subject or None,
        "section": row.check.section,
        "outcome": finding.outcome.value,
        "text": finding.text,
        "code": finding.code,
        "cure": list(finding.cure),
        "blocked_by": None if row.blocked_by is None else str(row.blocked_by),
        "seconds": round(row.seconds, 3),
    }
