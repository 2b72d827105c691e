"""One service of the host: every way in which it can be, and its name in the catalogue."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hostnfsd.config.model import Carried
from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.service_verdict import Asked, at, judge, versions
from hostnfsd.server.finding import HostFinding, Origin, Place, Reached
from hostnfsd.server.ports import Candidate
from hostnfsd.services import FACTS, Service


def asked(
    service: Service,
    reached: Reached,
    *,
    text: str = "connection refused",
    rows: Sequence[tuple[int, tuple[int, ...]]] | None = (),
    origin: Origin = Origin.RPCBIND,
    answered: dict[int, bool] | None = None,
    required: bool = True,
    port: int = 1000,
) -> Asked:
    carried = Carried(service, FACTS[service].gateway_port, port, required, "virtual", True)
    probe = HostFinding(reached, Place("127.0.0.1", port, origin), text)
    listed = None if rows is None else [Candidate(p, Origin.RPCBIND, v) for p, v in rows]
    return Asked(carried, probe, listed, answered or {})


NFS, MOUNTD, QUOTA = Service.NFS, Service.MOUNTD, Service.RQUOTAD
HERE = [(1000, (1, 3))]
CASES = {
    "fine": (asked(MOUNTD, Reached.ANSWERED, rows=HERE, answered={1: True, 3: True}), None),
    "rpcbind silent": (asked(MOUNTD, Reached.ANSWERED, rows=None, answered={3: True}), None),
    "at two places": (
        asked(MOUNTD, Reached.ANSWERED, rows=[(7, (3,))], answered={3: True}),
        None,
    ),
    "a version is gone": (
        asked(MOUNTD, Reached.ANSWERED, rows=HERE, answered={1: False, 3: True}),
        "stale-registration",
    ),
    "no version 3": (
        asked(NFS, Reached.ANSWERED, rows=[(1000, (4,))], answered={4: True}),
        "no-version-3",
    ),
    "version 4 is what clients mount with": (
        replace(
            asked(NFS, Reached.ANSWERED, rows=[(1000, (4,))], answered={4: True}), by_version_4=True
        ),
        None,
    ),
    "a server of version 4 needs no mountd": (
        replace(asked(MOUNTD, Reached.DOWN), needless=True),
        "no-version-3",
    ),
    "not in the table": (asked(NFS, Reached.ANSWERED, answered={3: True}), "not-registered"),
    "nfs down": (asked(NFS, Reached.DOWN), "server-down"),
    "mountd down": (asked(MOUNTD, Reached.DOWN), "service-down"),
    "mountd down, rpcbind too": (asked(MOUNTD, Reached.DOWN, rows=None), "service-down"),
    "listed and gone": (asked(MOUNTD, Reached.DOWN, rows=HERE), "stale-registration"),
    "moved": (
        asked(MOUNTD, Reached.DOWN, rows=[(2000, (3,))], origin=Origin.CONFIGURED),
        "host-port-moved",
    ),
    "optional": (asked(QUOTA, Reached.DOWN, required=False), None),
    "closes": (asked(NFS, Reached.HUNG_UP), "connection-closed"),
    "closes, other": (asked(QUOTA, Reached.HUNG_UP), "foreign-service"),
    "weak": (asked(MOUNTD, Reached.DENIED, text="refuses us: AUTH_TOOWEAK"), "reserved-port"),
    "denied": (asked(MOUNTD, Reached.DENIED, text="refuses us: AUTH_BADCRED"), "exports-deny"),
    "silent": (asked(NFS, Reached.SILENT), "service-frozen"),
    "foreign": (asked(NFS, Reached.FOREIGN, text="speaks HTTP"), "foreign-service"),
    "other versions": (
        asked(NFS, Reached.FOREIGN, text="has versions 5 to 6 of nfs only"),
        "no-version-3",
    ),
    "foreign at a guessed port": (
        asked(QUOTA, Reached.FOREIGN, required=False, origin=Origin.ASSUMED),
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_way_has_its_name(name: str) -> None:
    case, code = CASES[name]
    found = judge(case)

    assert found.code == code
    bad = found.outcome in {Outcome.FAIL, Outcome.WARN}
    assert bad == (code is not None)


def test_a_port_that_moved_is_told() -> None:
    found = judge(CASES["moved"][0])

    assert "127.0.0.1:1000" in found.text
    assert "2000" in found.text
    assert found.commands == ("hostnfsd reload",)


def test_words() -> None:
    assert versions([3, 1]) == "versions 1 and 3 answer"
    assert versions([3]) == "version 3 answers"
    assert versions([]) == "answers"
    assert versions([1, 2, 3], verb=False) == "versions 1, 2 and 3"
    assert at("::1", 2049) == "[::1]:2049"


@pytest.mark.parametrize("reached", [Reached.SILENT, Reached.HUNG_UP, Reached.DENIED])
def test_what_mounts_do_without_keeps_nobody_out(reached: Reached) -> None:
    outcomes = [
        judge(asked(QUOTA, reached, required=required)).outcome for required in (True, False)
    ]

    assert outcomes == [Outcome.FAIL, Outcome.WARN]
