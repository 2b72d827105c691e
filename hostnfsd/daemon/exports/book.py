"""What the host exports, as the daemon knows it: the one door through which that changes.

A reading goes in, and :mod:`hostnfsd.exports.verdict` decides what is in effect. What changed, and
what is wrong, is logged once; what stays wrong, once a minute.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from hostnfsd.exports import server_view
from hostnfsd.exports.addresses import Address
from hostnfsd.exports.changes import Change
from hostnfsd.exports.matching import mountable
from hostnfsd.exports.model import Dialect, Export
from hostnfsd.exports.verdict import (
    InForce,
    Presence,
    Standing,
    Verdict,
    judge,
    presence,
    unchanged,
    worst_first,
)
from hostnfsd.machine.exports import Findings
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.quiet import Quiet, Summary
from hostnfsd.readable import printable
from hostnfsd.snapshot import NOT_APPLIED, ApplyView, ExportsView, ExportView
from hostnfsd.tunnel.admission import Exported

#: Problems that a log line and the status show; ``hostnfsd exports`` shows all.
MOST_SHOWN: Final = 20
_DIFFERS: Final = "the server's own log tells why; is it another server that reads this file?"
_MISSING_HINT: Final = "create the file, or set host.exports"
_IN_EFFECT: Final = {
    True: "the exports before it stay in effect",
    False: "what the server makes of it is in effect",
}

_TROUBLES: Final = {
    Standing.INVALID: "it has errors",
    Standing.MISSING: "it is not there",
    Standing.UNREADABLE: "it cannot be read",
}

Listed = Mapping[str, Sequence[str]]

_log: Final = structlog.stdlib.get_logger("hostnfsd.exports")


class ExportsBook:
    """The exports of one file.

    Args:
        path: the file.
        dialect: whose.
        follow: called with this book whenever what is in effect, or the file, has changed.
        clock: gives seconds that never go back.
    """

    def __init__(
        self,
        path: str,
        dialect: Dialect,
        follow: Callable[["ExportsBook"], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.dialect = dialect
        self._follow = follow
        self._clock = clock
        self._quiet = Quiet()
        self._log = _log.bind(path=path)
        self._in_force = InForce()
        self._found: Findings | None = None
        self._presence = Presence.THERE
        self._standing = Standing.PENDING
        self._since = time.time()
        self._kept = False
        self._changed: float | None = None
        self._changes: tuple[Change, ...] = ()
        self._listed: Listed | None = None
        self._differences: tuple[Problem, ...] = ()
        self._error: tuple[str, str] | None = None
        self.applied: ApplyView | None = None

    @property
    def in_force(self) -> InForce:
        """What is in effect."""
        return self._in_force

    def inherit(self, before: InForce) -> None:
        """Begin with what was in effect by another file: a broken one does not replace it."""
        self._in_force = before

    # -- the door --------------------------------------------------------------------------------

    def enter(self, found: Findings, *, there: bool) -> bool:
        """Take a reading in.

        Args:
            found: it.
            there: whether anything is at the path of the file.

        Returns:
            Whether other exports are in effect than before, by what the files say.
        """
        before, first, dialled_from = self._in_force, self._found is None, self.dialled_from
        said = presence(found.reading, self.path, there=there)
        verdict = judge(before, found.reading, said)
        # Names that mean other addresses than a minute ago are no news to anybody.
        quietly = (
            self._found is not None
            and said is self._presence
            and unchanged(self._found.reading, found.reading)
        )
        news = self._problem_keys() != _keys(found.problems)
        stood, self._standing = self._standing, verdict.standing
        self._found, self._presence, self._kept = found, said, verdict.kept
        self._in_force = verdict.in_force
        changed = bool(verdict.changes) and not quietly
        if stood is not verdict.standing:
            self._since = time.time()
        if changed or first:
            self._changed = time.time()
            self._changes = () if first else verdict.changes
        self._answered()
        self._tell(verdict, stood, first=first, changed=changed, news=news)
        if changed and not first:
            self._listed = None  # the server is asked anew
        if verdict.standing is not Standing.VALID or stood is not Standing.VALID:
            self._compare()
        if (stood, before.exports, dialled_from) != (
            verdict.standing,
            self.exports,
            self.dialled_from,
        ):
            self._follow(self)
        return changed

    def _tell(
        self, verdict: Verdict, stood: Standing, *, first: bool, changed: bool, news: bool
    ) -> None:
        standing = verdict.standing
        if first and standing is Standing.VALID:
            self._log.info("exports_read", **self._sizes())
        elif changed and not first:
            texts = [text for change in verdict.changes for text in change.sentences]
            self._log.info("exports_changed", changes=texts, **self._sizes())
        if standing is not Standing.VALID:
            self._complain(verdict)
            return
        self._quiet.over_where(("standing",))
        if stood not in {Standing.VALID, Standing.PENDING}:
            self._log.info("exports_valid", before=str(stood), **self._sizes())
        found = () if self._found is None else self._found.problems
        warnings = [p for p in found if p.severity is Severity.WARNING]
        if warnings and news:
            self._log.warning("exports_doubtful", problems=rendered(warnings), hint=self._see_all())

    def _complain(self, verdict: Verdict) -> None:
        """The file is not as it should be: once, then once a minute."""
        now = self._clock()
        said = self._quiet.decide(("standing", verdict.standing), now)
        if said == "hush":
            return
        lasting = round(now - said.since) if isinstance(said, Summary) else 0
        log = self._log.bind(for_s=lasting)
        match verdict.standing:
            case Standing.MISSING:
                left = len(verdict.in_force.exports)
                effect = f"{left} exports of other files are in effect" if left else "nobody is"
                text = f"{self.path} is not there: {effect}{'' if left else ' admitted'}"
                log.error("exports_missing", error=text, hint=_MISSING_HINT)
            case Standing.UNREADABLE:
                problem = next(p for p in self._problems() if p.severity is Severity.ERROR)
                effect = _IN_EFFECT[True] if verdict.in_force.exports else "nobody is admitted"
                text = f"{problem.text}; {effect}"
                log.error("exports_unreadable", error=text, hint=problem.hint)
            case _:
                found = [p for p in self._problems() if p.severity is Severity.ERROR]
                log.error(
                    "exports_invalid",
                    error=f"{self.path} has errors: {_IN_EFFECT[verdict.kept]}",
                    problems=rendered(found),
                    hint=self._see_all(),
                )

    # -- a reading that does not come ------------------------------------------------------------

    def late(self, text: str, hint: str) -> None:
        """The file cannot be looked at now; what is in effect stays."""
        self._error = (text, hint)
        if self._quiet.decide(("late",), self._clock()) != "hush":
            self._log.warning("exports_late", error=text, hint=hint)

    def _answered(self) -> None:
        if self._error is not None:
            self._error = None
            self._quiet.over_where(("late",))
            self._log.info("exports_answer")

    # -- the server's view -----------------------------------------------------------------------

    def heard(self, listed: Listed) -> None:
        """What the server lists (MOUNT EXPORT), asked after the last change."""
        self._listed = listed
        self._compare()

    def _compare(self) -> None:
        found, listed = self._found, self._listed
        if found is None or listed is None or self._standing is not Standing.VALID:
            self._differ(())  # a broken file is another problem
        else:
            self._differ(server_view.compare(found.reading, listed, self.path))

    def confirm_applied(self) -> None:
        """It was told of the file, and then asked: it must list what the file says."""
        if self.applied is None or not self._differences:
            return
        worst = self._differences[0]
        text = f"{self.applied.text}: done, and the server still differs: {worst.subject}:"
        self.applied = replace(self.applied, ok=False, text=f"{text} {worst.text}", hint=_DIFFERS)
        self._log.warning("exports_not_applied", error=self.applied.text, hint=_DIFFERS)

    @property
    def differences(self) -> tuple[Problem, ...]:
        """Where the server differs from a valid file."""
        return self._differences

    def _differ(self, now: tuple[Problem, ...]) -> None:
        before, self._differences = self._differences, now
        if now and _keys(now) != _keys(before):
            self._log.warning("exports_differ", problems=rendered(now), hint=now[0].hint)
        elif before and not now and self._standing is Standing.VALID:
            self._log.info("exports_agree")

    # -- what is shown ---------------------------------------------------------------------------

    @property
    def exports(self) -> tuple[Export, ...]:
        """What is in effect."""
        return self._in_force.exports

    @property
    def dialled_from(self) -> Address | None:
        """The address that the server sees for all that comes through the tunnel; None: not yet."""
        return None if self._found is None else self._found.dialled_from

    @property
    def trouble(self) -> str | None:
        """What is wrong with the file, in a few words; None: nothing."""
        return _TROUBLES.get(self._standing)

    @property
    def exported(self) -> Exported | None:
        """What the gate judges by; None: nothing was read yet."""
        if self._found is None:
            return None
        where = self._found.dialled_from
        return Exported(self.exports, where, self.dialect, self.path, self.trouble)

    @property
    def standing(self) -> Standing:
        """How the file stands."""
        return self._standing

    def view(self) -> ExportsView:
        """All of it, as status shows it."""
        problems = worst_first(self._problems())
        error, hint = self._error or (None, None)
        return ExportsView(
            path=self.path,
            dialect=str(self.dialect),
            standing=self._standing,
            since=self._since,
            kept=self._kept,
            exports=tuple(ExportView(e.path, self._mountable(e)) for e in self.exports),
            changed=self._changed,
            changes=self._changes,
            counts=Counter(p.severity for p in problems),
            problems=problems[:MOST_SHOWN],
            error=error,
            hint=hint,
            applied=self.applied,
        )

    def _problems(self) -> tuple[Problem, ...]:
        found = () if self._found is None else self._found.problems
        return (*found, *self._differences, *self._not_applied())

    def _not_applied(self) -> tuple[Problem, ...]:
        applied = self.applied
        if applied is None or applied.ok:
            return ()
        text = printable(f"the server was not told of the last change: {applied.text}")
        place = Place(self.path)
        return (
            Problem(NOT_APPLIED, Severity.WARNING, place, "host.apply_exports", text, applied.hint),
        )

    def _problem_keys(self) -> frozenset[tuple[str, str, str]]:
        return frozenset() if self._found is None else _keys(self._found.problems)

    def _mountable(self, export: Export) -> bool:
        return self._found is not None and mountable(export, self._found.dialled_from)

    def _sizes(self) -> dict[str, int]:
        count = sum(map(self._mountable, self.exports))
        return {"exports": len(self.exports), "mountable": count}

    def _see_all(self) -> str:
        return "see all of it: hostnfsd exports"


def rendered(problems: Sequence[Problem]) -> list[str]:
    """The first of them as they are printed, and how many there are beyond."""
    texts = [problem.render() for problem in problems[:MOST_SHOWN]]
    more = len(problems) - len(texts)
    return [*texts, f"and {more} more"] if more else texts


def _keys(problems: Iterable[Problem]) -> frozenset[tuple[str, str, str]]:
    """What makes problems other ones: not the line they have moved to."""
    return frozenset((p.code, p.subject, p.text) for p in problems)
