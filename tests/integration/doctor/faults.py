"""Failures that people meet, produced for real: the doctor names each, and its cure cures it.

Each fault is injected, the doctor is asked without a daemon, the cure that it suggests is applied
(literally, where it is a command that can run here), and the doctor is asked again. What it took it
must have given back each time.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.daemon import Daemon, merge
from tests.bed.waiting import wait_until

Tables = Mapping[str, Any]
#: The bed's server has no exports file.
PLAIN: Tables = {"host": {"exports": "none"}, "access": {"allow": "any"}}
WRONG = ("FAIL", "WARN")
#: The codes that the doctor has named in the test that runs; see conftest.py.
NAMED: set[str] = set()


def dev_gw(**keys: Any) -> Tables:
    return {"gateway": {network.GATEWAY_NAME: keys}}


@dataclass
class Report:
    """What ``doctor --json`` printed."""

    status: int
    checks: list[dict[str, Any]]
    problems: list[dict[str, Any]]

    def codes(self, *outcomes: str) -> set[str]:
        """What is wrong; mostly no daemon was started, and that none runs is understood."""
        told = {c["code"] for c in self.checks if c["outcome"] in (outcomes or WRONG)}
        return told - {"daemon-not-running"}

    def row(self, code: str) -> dict[str, Any]:
        return next(c for c in self.checks if c["code"] == code)

    def commands(self, code: str) -> list[str]:
        steps: list[str] = self.row(code)["cure"]
        return [step.removeprefix("$ ") for step in steps if step.startswith("$ ")]

    def describe(self) -> str:
        return "\n".join(
            f"{c['outcome']} {c['check']} {c['subject']}: {c['text']} [{c['code']}]"
            for c in self.checks
        )


def named(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the doctor's, noted as what it has named."""
    NAMED.update(c["code"] for c in checks if c["outcome"] in WRONG)
    return checks


def ask(daemon: Daemon) -> Report:
    done = daemon.command("doctor", "--json", timeout_s=40)
    document = json.loads(done.output)
    assert done.errors == ""
    assert document["schema"] == 1
    report = Report(done.status, document["checks"], document["problems"])
    named(report.checks)
    assert (
        document["ok"]
        == (done.status == 0)
        == ("FAIL" not in {c["outcome"] for c in report.checks})
    )
    return report


def explained(daemon: Daemon, text: str) -> dict[str, Any]:
    """The entry that the doctor thinks of first when it is shown what a client printed."""
    told = daemon.command("doctor", "--json", "--explain", text)
    entries: list[dict[str, Any]] = json.loads(told.output)["entries"]
    assert entries, f"nothing is known of: {text}"
    NAMED.add(entries[0]["code"])
    return entries[0]


def well(report: Report) -> None:
    assert report.codes() == set(), report.describe()
    assert report.status == 0
    for check in report.checks:
        assert check["outcome"] != "SKIP" or check["text"], "each SKIP has its reason"


def nothing_left(bed: Bed) -> None:
    """The doctor has given everything back."""
    ours = {111, 2049, 20048, 32803, 662, 875}
    wait_until(lambda: bed.gateway.sessions() == [], "the doctor's sessions to end")
    assert not ours & {port for _, port in bed.network.gateway.listening()}
    table = bed.network.host.run("showmount", "--no-headers", "-a", "127.0.0.1", check=False).output
    assert table.strip() == ""


Undo = Callable[[], object]


@dataclass(frozen=True)
class Fault:
    """One failure: how it is made, what it is called, and how the cure is applied."""

    name: str
    code: str
    inject: Callable[[Bed], Undo]
    tables: Tables = field(default_factory=dict)
    cured: Tables | None = None
    says: str = ""
    outcome: str = "FAIL"
    #: Do this instead of undoing the fault.
    cure: Callable[[Bed, Report], object] | None = None
    #: Run the cure's own commands in this box instead of undoing the fault.
    run_in: str | None = None
    first: bool = True


def filled(tables: Any, bed: Bed) -> Any:
    """The tables with the bed's folder in them."""
    if isinstance(tables, str):
        return tables.format(folder=bed.folder)
    if isinstance(tables, list):
        return [filled(each, bed) for each in tables]
    if isinstance(tables, Mapping):
        return {key: filled(value, bed) for key, value in tables.items()}
    return tables


@contextmanager
def injected(bed: Bed, fault: Fault) -> Iterator[Undo]:
    """The fault, undone at the end whatever happens; undoing twice does no harm."""
    with ExitStack() as stack:
        undo = fault.inject(bed)
        done: list[bool] = []

        def once() -> None:
            if not done:
                done.append(True)
                undo()

        stack.callback(once)
        yield once


def server(**changes: Any) -> Callable[[Bed], Undo]:
    def inject(bed: Bed) -> Undo:
        before = bed.nfs.options
        bed.nfs.restart_ganesha(replace(before, **changes))
        return lambda: bed.nfs.restart_ganesha(before)

    return inject


def sshd(**changes: Any) -> Callable[[Bed], Undo]:
    def inject(bed: Bed) -> Undo:
        before = bed.gateway.options
        bed.gateway.restart(replace(before, **changes))
        return lambda: bed.gateway.restart(before)

    return inject


def is_named_and_cured(bed: Bed, fault: Fault) -> None:
    """The doctor names it; with its cure applied nothing is wrong any more."""
    tables = merge(dict(PLAIN), filled(fault.tables, bed))
    doctor = bed.daemon(tables, start=False)
    with injected(bed, fault) as undo:
        report = ask(doctor)
        row = report.row(fault.code) if fault.code in report.codes() else None
        assert row is not None, report.describe()
        assert row["outcome"] == fault.outcome
        assert fault.says in row["text"] + " ".join(row["cure"]), row
        if fault.outcome == "FAIL" and fault.first:
            failures = [c for c in report.checks if c["outcome"] == "FAIL"]
            assert failures[0]["code"] == fault.code, report.describe()
        assert row["cure"], "there is something to do"
        if fault.run_in is not None:
            box = {b.name: b for b in (bed.network.host, bed.network.gateway)}[fault.run_in]
            for command in report.commands(fault.code):
                box.run("sh", "-c", command)
        elif fault.cure is not None:
            fault.cure(bed, report)
        elif fault.cured is not None:
            doctor.configure(bed.config(merge(dict(tables), filled(fault.cured, bed))))
        else:
            undo()
        if fault.run_in == "host" and fault.code == "port-busy":
            wait_until(lambda: not bed.gateway.sessions(), "the ssh to end")
        well(ask(doctor))
    nothing_left(bed)
