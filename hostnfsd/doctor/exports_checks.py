"""The checks of the exports file: what it says, whether the server knows, whom clients act as."""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from hostnfsd.dial.listing import NotListedError, listing
from hostnfsd.doctor import map_rules
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.config_checks import of_problem
from hostnfsd.doctor.engine import in_thread
from hostnfsd.doctor.finding import Finding, Outcome, failed, passed, skipped, warned
from hostnfsd.doctor.scene import ASK_S, Scene
from hostnfsd.exports.matching import serving
from hostnfsd.exports.server_view import compare
from hostnfsd.machine.exports import Findings, path_of, read_exports
from hostnfsd.machine.names import Names
from hostnfsd.problem import Severity
from hostnfsd.services import FACTS, Service

SECTION: Final = "Exports file"
EXPORTS_FILE: Final = Id("exports-file")
APPLIED: Final = Id("exports-applied")
MAP_RULES: Final = Id("map-rules")
#: What the reader says of a file that is not there, or may not be read.
CANNOT_OPEN: Final = "cannot-open"
_ELSEWHERE: Final = "the server keeps its exports elsewhere (host.exports is none)"
_MOST: Final = 12


def checks(scene: Scene, needs: tuple[Id, ...]) -> Iterator[Check]:
    """The file, and what it means."""
    yield Check(EXPORTS_FILE, "exports file", SECTION, partial(_file, scene), needs)
    yield Check(APPLIED, "in force", SECTION, partial(_applied, scene), (EXPORTS_FILE,))
    yield Check(MAP_RULES, "map rules", SECTION, partial(_rules, scene), (EXPORTS_FILE,))


async def read(scene: Scene) -> Findings | None:
    """The exports file, read and judged; None where the server keeps them elsewhere."""
    host = scene.config.host
    if host.exports == "none":
        return None
    low = host.reserved_source_port != "never"
    return await scene.once.get(
        "exports file", lambda: in_thread(lambda: read_exports(host, Names(), low_ports=low))
    )


async def _file(scene: Scene) -> Sequence[Finding]:
    findings = await read(scene)
    if findings is None:
        return (skipped(_ELSEWHERE),)
    told = [p for p in findings.problems if p.severity is not Severity.NOTE]
    rows: list[Finding] = []
    for problem in told[:_MOST]:
        if problem.code == CANNOT_OPEN:
            rows.append(failed("exports-missing", problem.text, place=problem.place))
        else:
            rows.append(of_problem(problem, "exports-invalid"))
    if not any(row.outcome is Outcome.FAIL for row in rows):
        count = len(findings.reading.exports)
        paths = f"{count} export{'' if count == 1 else 's'}"
        rows.insert(0, passed(f"{', '.join(findings.sources)}: {paths}"))
    return rows


async def _applied(scene: Scene) -> Sequence[Finding]:
    """Whether the server exports what the file says."""
    findings = await read(scene)
    if findings is None:
        return (skipped(_ELSEWHERE),)
    carried = scene.carried
    ports = {
        service: entry.host_port
        for service in (Service.MOUNTD, Service.RPCBIND)
        if (entry := carried.get(service)) is not None and not entry.ask_rpcbind
    }
    rpcbind = ports.get(Service.RPCBIND, FACTS[Service.RPCBIND].gateway_port)
    asking = listing(scene.config.host.address, ports.get(Service.MOUNTD), rpcbind, within_s=ASK_S)
    try:
        listed = await asking
    except NotListedError as exc:
        return (skipped(f"the server does not tell what it exports: {exc}"),)
    differences = compare(findings.reading, listed, str(path_of(scene.config.host)))
    if not differences:
        return (passed("the server exports what the file says"),)
    return [
        warned("not-applied", f"{problem.subject}: {problem.text}", place=problem.place)
        for problem in differences[:_MOST]
    ]


async def _rules(scene: Scene) -> Sequence[Finding]:
    """What clients of the tunnel may do, and whom they act as."""
    findings = await read(scene)
    if findings is None:
        return (skipped(f"{_ELSEWHERE}; see mount, where it is tried"),)
    rows = []
    for export in findings.reading.exports:
        grant = serving(export, findings.dialled_from)
        if grant is not None:
            rows.append(passed(map_rules.told(export.path, grant.terms, os.getuid())))
    if not rows:
        text = f"the file admits {findings.dialled_from} nowhere: nobody comes through the tunnel"
        return (failed("exports-deny", text),)
    return rows[:_MOST]


async def read_only(scene: Scene) -> frozenset[str]:
    """The exports that are meant to be read only, as far as a file says so."""
    findings = await read(scene)
    if findings is None:
        return frozenset()
    grants = (
        (export.path, serving(export, findings.dialled_from)) for export in findings.reading.exports
    )
    return frozenset(path for path, grant in grants if grant and grant.terms.read_only)
