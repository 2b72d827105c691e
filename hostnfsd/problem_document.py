"""A problem as a program reads it back: its JSON form, and the subject once more."""

from typing import Any

from hostnfsd.problem import Place, Problem, Severity

Json = dict[str, Any]


def problem_to_json(problem: Problem) -> Json:
    """A problem, with the subject that its "text" begins with once more, for the reader."""
    return {**problem.to_json(), "subject": problem.subject}


def problem_from_json(document: Json) -> Problem:
    """What :func:`problem_to_json` made.

    Raises:
        KeyError, ValueError: it was something else.
    """
    subject = document["subject"]
    return Problem(
        code=document["code"],
        severity=Severity(document["severity"]),
        place=Place(document["path"], document["line"], document["column"]),
        subject=subject,
        text=document["text"].removeprefix(f"{subject}: "),
        hint=document["hint"],
    )
