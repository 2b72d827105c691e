"""Whom a gateway's gate lets in, in a few words. Pure."""

from collections.abc import Sequence
from typing import Final

_MOST: Final = 4


def told(admitted: Sequence[str]) -> str:
    """Who may come in, each by what lets him: those that the same lets in stand together.

    Args:
        admitted: lines of an AccessView: ``10.0.0.0/8, by /srv (/etc/exports:1)``.
    """
    by: dict[str, list[str]] = {}
    for each in admitted:
        who, _, what = each.partition(", by ")
        by.setdefault(what, []).append(who)
    groups = [
        f"{', '.join(who)}, by {what}" if what else ", ".join(who) for what, who in by.items()
    ]
    more = "" if len(groups) <= _MOST else f"; and by {len(groups) - _MOST} more"
    return "; ".join(groups[:_MOST]) + more
