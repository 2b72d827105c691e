"""Rows as one document, in the form that all commands share."""

import json

from hostnfsd.doctor import report
from hostnfsd.doctor.check import Check, Id, Row, blocked
from hostnfsd.doctor.finding import Outcome, failed, passed, warned
from hostnfsd.problem import Place

GOOD = Row(Check(Id("rpcbind"), "rpcbind", "Host"), (passed("answers"),), 0.01234)
ODD = Row(
    Check(Id("exports-file"), "exports file", "Host"),
    (warned("exports-invalid", "odd", ("look",), Place("/etc/exports", 3, 5)), passed("one")),
)
BAD = Row(Check(Id("service", "nfs"), "nfs", "Host"), (failed("server-down", "gone", ("$ go",)),))
LOST = blocked(Check(Id("mount"), "mount", "Exports"), BAD)


def test_only_a_failure_is_unhealthy() -> None:
    assert report.healthy([GOOD, ODD])
    assert not report.healthy([GOOD, BAD, LOST])


def test_the_first_failure_is_the_nearest_to_the_host() -> None:
    assert report.first_failure([GOOD, ODD]) is None
    assert report.first_failure([GOOD, ODD, BAD, LOST]) == (BAD, BAD.findings[0])


def test_the_document() -> None:
    document = report.document([GOOD, ODD, BAD, LOST], version="1.2", daemon=None)

    assert json.loads(json.dumps(document)) == document
    assert document["schema"] == 1
    assert document["ok"] is False
    assert [(c["check"], c["subject"], c["outcome"]) for c in document["checks"]] == [
        ("rpcbind", None, "PASS"),
        ("exports-file", None, "WARN"),
        ("exports-file", None, "PASS"),
        ("service", "nfs", "FAIL"),
        ("mount", None, "SKIP"),
    ]
    assert document["checks"][0]["seconds"] == 0.012
    assert document["checks"][4]["blocked_by"] == "service nfs"
    assert document["problems"] == [
        {
            "code": "exports-invalid",
            "severity": "warning",
            "path": "/etc/exports",
            "line": 3,
            "column": 5,
            "text": "exports-file: odd",
            "hint": "look",
        },
        {
            "code": "server-down",
            "severity": "error",
            "path": "",
            "line": None,
            "column": None,
            "text": "service nfs: gone",
            "hint": "go",
        },
    ]


def test_the_worst_of_all() -> None:
    assert [report.worst(rows) for rows in ([GOOD], [GOOD, ODD], [ODD, BAD, LOST])] == [
        Outcome.PASS,
        Outcome.WARN,
        Outcome.FAIL,
    ]


def test_cures_are_those_of_the_platform() -> None:
    row = Row(BAD.check, (failed("server-down", "gone", ("macOS:", "$ a", "Linux:", "$ b")),))

    assert report.for_here(row, "linux", daemon=True).findings[0].cure == ("$ b",)
    assert report.for_here(row, "darwin", daemon=True).findings[0].cure == ("$ a",)


def test_a_daemon_that_does_not_run_is_told_nothing() -> None:
    row = Row(BAD.check, (failed("server-down", "gone", ("$ start it", "$ hostnfsd reconnect")),))

    assert report.for_here(row, "linux", daemon=True) == row
    assert report.for_here(row, "linux", daemon=False).findings[0].cure == ("$ start it",)
