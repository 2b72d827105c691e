from dataclasses import replace

from hostnfsd.access_view import AccessView, Remedy
from hostnfsd.cli.access_text import lines
from hostnfsd.services import Service
from hostnfsd.snapshot import Refusal, RefusedView, Snapshot
from tests.support.snapshots import NOW, gateway, snapshot

REFUSED = RefusedView(
    "dev-gw", Service.NFS, "10.9.8.7", Refusal.NOT_ADMITTED, 1, NOW, "why not", Remedy("allow = []")
)


def text(whole: Snapshot) -> list[str]:
    return ["".join(word for word, _ in line) for line in lines(whole)]


def test_an_originator_that_was_refused_at_several_services_is_told_once() -> None:
    later = replace(REFUSED, service=Service.MOUNTD, text="another reason by now")

    told = text(snapshot(refused=(REFUSED, later)))
    assert told[2:] == [
        "10.9.8.7 was not admitted at dev-gw:",
        "  another reason by now",
        "  to admit it, [access] in /etc/hostnfsd/hostnfsd.toml:",
        "    allow = []",
    ]


def test_who_was_turned_away_for_another_reason_has_its_row_alone() -> None:
    assert len(text(snapshot(refused=(replace(REFUSED, reason=Refusal.LIMIT),)))) == 2


def test_there_may_be_nothing_that_would_let_it_in() -> None:
    assert text(snapshot(refused=(replace(REFUSED, host="unknown", remedy=Remedy()),)))[2:] == [
        "unknown was not admitted at dev-gw:",
        "  why not",
    ]


def test_who_is_admitted_may_not_be_known_yet() -> None:
    assert text(snapshot(gateway(access=AccessView()))) == [
        "who is admitted at dev-gw is not known yet"
    ]
