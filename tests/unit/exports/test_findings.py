from hostnfsd.exports.findings import Findings
from hostnfsd.exports.source import Source, Span
from hostnfsd.problem import Place, Severity


def test_findings_stand_where_their_word_stands_and_cannot_forge_lines() -> None:
    findings = Findings(Source("exports", "a\nb\x1b["))
    findings.error("one", Span("b\x1b[", (2, 3, 4), 5), "wrong\nexports:9:9: error", "do\x07")
    findings.warning("two", Place("exports"), "whole file")
    findings.note("three", Span("", (), 0), "nothing")

    one, two, three = findings.all()

    assert one.render() == (
        "exports:2:1: error: b\\x1b[: wrong\\nexports:9:9: error [one]\n    hint: do\\x07"
    )
    assert (two.severity, two.subject, str(two.place)) == (Severity.WARNING, "exports", "exports")
    assert (three.severity, three.subject, three.hint) == (Severity.NOTE, "''", None)
