"""The exports on the page: all that is in effect and wrong, everything foreign escaped."""

from html.parser import HTMLParser

from hostnfsd.daemon.endpoints.page_exports import exports
from hostnfsd.exports.changes import Change, Kind
from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.snapshot import ApplyView, ExportsView, ExportView
from tests.support.snapshots import NOW, broken_exports
from tests.support.snapshots import exports as view


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def shown(whole: ExportsView) -> str:
    return Reader("".join(exports(whole, NOW))).text


def test_what_is_in_effect_is_listed() -> None:
    text = shown(view())

    assert "valid for 1 h /etc/exports" in text
    assert "/srv/a /srv/b   not through the tunnel" in text
    assert "changed 1 min 30 s ago: /srv/a altered: now for everybody, read /srv/c removed" in text


def test_what_is_wrong_is_told_with_its_place() -> None:
    text = shown(broken_exports())

    assert "invalid" in text
    assert "what it said before is in effect" in text
    assert "it cannot be read within 15 s what was in effect stays" in text
    assert "error   /etc/exports:3:9: error: rv: no <option> [bad-option]" in text
    assert "and 1 more" in text
    assert "all of it:  hostnfsd exports" in text
    assert "not told 1 min 20 s ago: exit status 1: no <etab> hint: run it" in text


def test_nobody_is_admitted_by_no_exports() -> None:
    assert "nobody is admitted" in shown(view(standing=Standing.MISSING, exports=()))
    assert "nobody" not in shown(ExportsView("/f", "linux", Standing.PENDING, NOW))


def test_names_are_escaped() -> None:
    evil = "/srv/<script>&\x1b"
    problem = Problem("x", Severity.WARNING, Place(evil, 1, 1), evil, evil, evil)
    made = "".join(
        exports(
            view(
                path=evil,
                exports=(ExportView(evil, mountable=True),),
                changes=(Change(Kind.ADDED, evil, (evil,)),),
                problems=(problem,),
                applied=ApplyView(NOW, ok=True, text=evil),
            ),
            NOW,
        )
    )

    assert "<script>" not in made
    assert "\x1b" not in made


def test_of_many_some_are_shown() -> None:
    many = tuple(ExportView(f"/srv/{n}", mountable=True) for n in range(30))

    assert "and 10 more" in shown(view(exports=many))
