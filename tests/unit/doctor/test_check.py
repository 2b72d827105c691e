"""Which check is not run because of which other."""

from hostnfsd.doctor.check import Check, Id, Row, blocked, blocker
from hostnfsd.doctor.finding import Finding, Outcome, failed, passed, skipped, warned

FINE, ODD = passed("fine"), warned("server-down", "odd")
BAD, LEFT = failed("server-down", "bad"), skipped("not here")


def check(name: str, *needs: str) -> Check:
    return Check(Id(name), name, "section", needs=tuple(Id(need) for need in needs))


def rows(**findings: Finding) -> dict[Id, Row]:
    return {Id(name): Row(check(name), (found,)) for name, found in findings.items()}


def test_the_worst_finding_is_the_rows() -> None:
    for findings, worst in (
        ((FINE, ODD, BAD, LEFT), Outcome.FAIL),
        ((FINE, ODD, LEFT), Outcome.WARN),
        ((LEFT, FINE), Outcome.PASS),
        ((LEFT,), Outcome.SKIP),
    ):
        assert Row(check("a"), findings).outcome is worst


def test_only_a_failure_keeps_others_from_being_run() -> None:
    needy = check("c", "a", "b")

    assert blocker(needy, rows(a=FINE, b=ODD)) is None
    assert blocker(needy, rows(a=FINE, b=LEFT)) is None
    assert blocker(needy, rows(a=FINE)) is None, "what is not among the checks is not waited for"
    by = blocker(needy, rows(a=FINE, b=BAD))
    assert by is not None
    assert by.check.id == Id("b")


def test_the_root_is_named_not_what_it_took_with_it() -> None:
    done = rows(a=BAD)
    done[Id("b")] = blocked(check("b", "a"), done[Id("a")])
    by = blocker(check("c", "b"), done)

    assert by is not None
    assert by.check.id == Id("a")
    assert done[Id("b")].outcome is Outcome.SKIP
    assert done[Id("b")].findings[0].text == "not looked at: a failed"


def test_an_id_reads_well() -> None:
    assert str(Id("service", "nfs")) == "service nfs"
    assert str(Id("rpcbind")) == "rpcbind"
