"""The exports in the status document, and their reader; see :mod:`hostnfsd.status_document`."""

from typing import Any

from hostnfsd.exports.changes import Change, Kind
from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Severity
from hostnfsd.problem_document import problem_from_json, problem_to_json
from hostnfsd.snapshot import ApplyView, ExportsView, ExportView

Json = dict[str, Any]


def exports_to_json(view: ExportsView) -> Json:
    """The member "exports" of the status document."""
    applied = view.applied
    return {
        "path": view.path,
        "dialect": view.dialect,
        "state": str(view.standing),
        "since": view.since,
        "kept": view.kept,
        "exports": [{"path": each.path, "mountable": each.mountable} for each in view.exports],
        "changed": view.changed,
        "changes": [
            {"kind": str(change.kind), "path": change.path, "texts": list(change.texts)}
            for change in view.changes
        ],
        "counts": {str(severity): view.counts.get(severity, 0) for severity in Severity},
        "problems": [problem_to_json(problem) for problem in view.problems],
        "error": view.error,
        "hint": view.hint,
        "applied": None
        if applied is None
        else {"at": applied.at, "ok": applied.ok, "text": applied.text, "hint": applied.hint},
    }


def exports_from_json(document: Json | None) -> ExportsView | None:
    """What :func:`exports_to_json` made.

    Raises:
        KeyError, ValueError, TypeError: it was something else.
    """
    if document is None:
        return None
    applied = document["applied"]
    return ExportsView(
        standing=Standing(document["state"]),
        exports=tuple(
            ExportView(**_picked(each, "path", "mountable")) for each in document["exports"]
        ),
        changes=tuple(
            Change(Kind(change["kind"]), change["path"], tuple(change["texts"]))
            for change in document["changes"]
        ),
        counts={Severity(k): count for k, count in document["counts"].items() if count},
        problems=tuple(problem_from_json(problem) for problem in document["problems"]),
        applied=None
        if applied is None
        else ApplyView(**_picked(applied, "at", "ok", "text", "hint")),
        **_picked(document, "path", "dialect", "since", "kept", "changed", "error", "hint"),
    )


def _picked(document: Json, *names: str) -> Json:
    return {name: document[name] for name in names}
