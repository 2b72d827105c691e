"""A check, what it needs, and what became of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hostnfsd.doctor.finding import Finding, Outcome, skipped

#: A check's work: one finding at least.
Work = Callable[[], Awaitable[Sequence[Finding]]]


class Id(NamedTuple):
    """A check's name, and what it is about: a gateway, a service, nothing."""

    name: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.subject}" if self.subject else self.name


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        id: kebab-case name and subject, unique.
        title: for people, up to 18 characters.
        section: under which it is shown; those of one section follow each other.
        work: does it; None where ``blocking`` does.
        blocking: does it in a thread of its own: it reads files, or asks the system.
        needs: checks that must not have failed. They come before this one.
    """

    id: Id
    title: str
    section: str
    work: Work | None = None
    needs: tuple[Id, ...] = ()
    blocking: Callable[[], Sequence[Finding]] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A check that ended.

    Attributes:
        check: the check.
        findings: what it says; one at least.
        seconds: how long it took.
        blocked_by: the check that failed, and without which this one makes no sense.
    """

    check: Check
    findings: tuple[Finding, ...]
    seconds: float = 0.0
    blocked_by: Id | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst of its findings'."""
        outcomes = {finding.outcome for finding in self.findings}
        order = (Outcome.FAIL, Outcome.WARN, Outcome.PASS, Outcome.SKIP)
        return next(outcome for outcome in order if outcome in outcomes)


def blocker(check: Check, rows: Mapping[Id, Row]) -> Row | None:
    """The failed row because of which a check is not run; the root of it all, not what it took."""
    for need in check.needs:
        row = rows.get(need)
        if row is None:
            continue
        if row.outcome is Outcome.FAIL:
            return row
        if row.blocked_by is not None:
            return rows[row.blocked_by]
    return None


def blocked(check: Check, by: Row) -> Row:
    """The row of a check that is not run."""
    elsewhere = by.check.section != check.section
    where = f"{by.check.section}, {by.check.title}" if elsewhere else by.check.title
    text = f"not looked at: {where} failed"
    return Row(check, (skipped(text),), blocked_by=by.check.id)
