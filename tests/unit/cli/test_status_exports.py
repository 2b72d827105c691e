"""What the text of status says of exports."""

from hostnfsd.cli.columns import Page
from hostnfsd.cli.status_exports import counted, exports
from hostnfsd.exports.changes import Change, Kind
from hostnfsd.exports.verdict import Standing
from hostnfsd.problem import Place, Problem, Severity
from hostnfsd.snapshot import ApplyView, ExportsView
from tests.support.snapshots import NOW
from tests.support.snapshots import exports as view


def text(shown: ExportsView) -> str:
    page = Page(colour=False)
    exports(page, shown, NOW)
    return "\n".join(page.lines)


def test_a_valid_file_takes_a_line_and_what_changed_last() -> None:
    assert text(view()) == (
        "\nexports /etc/exports: valid for 1 h, 2 exports,\n"
        "    1 can be mounted through the tunnel\n"
        "  changed 1 min 30 s ago:\n"
        "    /srv/a altered: now for everybody, read\n"
        "    /srv/c removed"
    )


def test_before_it_is_read_nothing_is_claimed() -> None:
    pending = ExportsView("/etc/exports", "linux", Standing.PENDING, NOW - 1)

    assert text(pending) == "\nexports /etc/exports: pending for 1 s"


def test_a_missing_file_admits_nobody() -> None:
    missing = view(standing=Standing.MISSING, exports=(), changed=None)

    assert text(missing) == (
        "\nexports /etc/exports: missing for 1 h, 0 exports, nobody is admitted by them"
    )


def test_a_broken_file_at_the_start_is_what_the_server_makes_of_it() -> None:
    shown = text(view(standing=Standing.INVALID, changed=None))

    assert "invalid for 1 h, what the server makes of it is in effect,\n" in shown


def test_many_changes_are_summed_up() -> None:
    changes = tuple(Change(Kind.ADDED, f"/srv/{n}", ()) for n in range(9))
    lines = text(view(changes=changes)).splitlines()

    assert lines[-2:] == ["    /srv/4 added", "    and 4 more"]


def test_one_problem_is_shown_whole_and_no_others_promised() -> None:
    problem = Problem("world", Severity.WARNING, Place("/etc/exports", 1, 1), "/srv/a", "open")
    shown = text(view(changes=(), counts={Severity.WARNING: 1}, problems=(problem,)))

    assert shown.endswith("  1 warning:\n    /etc/exports:1:1: warning: /srv/a: open [world]")


def test_it_tells_that_the_server_was_told() -> None:
    shown = text(view(applied=ApplyView(NOW - 5, ok=True, text="exportfs -ra")))

    assert shown.endswith("\n  the server was told 5 s ago: exportfs -ra")


def test_that_the_server_was_not_told_is_said_once() -> None:
    problem = Problem("not-applied", Severity.WARNING, Place("/f"), "x", "the server was not told")
    shown = text(
        view(
            changes=(),
            applied=ApplyView(NOW - 5, ok=False, text="it failed", hint="run it"),
            counts={Severity.WARNING: 1},
            problems=(problem,),
        )
    )

    assert shown.endswith("\n  the server was not told 5 s ago: it failed\n    hint: run it")


def test_what_a_file_says_moves_no_cursor() -> None:
    assert "\x1b" not in text(view(path="/etc/\x1b[2Jexports"))


def test_counts_are_words() -> None:
    assert counted(view()) == ""
    assert counted(view(counts={Severity.ERROR: 2, Severity.NOTE: 1})) == "2 errors, 1 note"
