import re
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings

from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.model import Dialect, Reading
from hostnfsd.exports.remarks import CODES
from hostnfsd.exports.system import ServerState
from hostnfsd.problem import Problem, Severity
from tests.support.exports_system import LINUX, MAC
from tests.support.exports_text import TEXTS
from tests.vectors.exports_vectors import LOOPBACK, read

HERE = {
    Dialect.DARWIN: Surroundings(MAC, LOOPBACK, low_ports=False),
    Dialect.LINUX: Surroundings(LINUX, LOOPBACK, low_ports=False),
}


def told(dialect: Dialect, text: str) -> tuple[Reading, dict[str, Problem]]:
    reading = read(dialect, text)
    return reading, {problem.code: problem for problem in explain(reading, HERE[dialect])}


#: What is written, the hint of the one remark it deserves, and the line that the hint is about.
SINGLE = {
    "network-host-bits": (
        Dialect.DARWIN,
        "/Users/dev/src localhost\n/Users/dev/src -ro,network=10.0.0.1 -mask 255.0.0.0\n",
        "write: ",
        "/Users/dev/src -ro,network=10.0.0.0 -mask 255.0.0.0",
    ),
    "world-export": (
        Dialect.DARWIN,
        "/Users/dev/src -maproot=501:20\n",
        "for the tunnel alone: ",
        "/Users/dev/src -maproot=501:20 localhost",
    ),
    "not-for-tunnel": (
        Dialect.DARWIN,
        '"/Users/dev/a b" -ro,alldirs -network 10.0.0.0\n',
        "add a line: ",
        '"/Users/dev/a b" -ro -alldirs localhost',
    ),
    "ro-dropped": (
        Dialect.DARWIN,
        "/Users/dev/src -alldirs,foo,ro localhost\n",
        "write: ",
        "/Users/dev/src -alldirs,ro localhost",
    ),
    "map-breaks-chown": (
        Dialect.DARWIN,
        "/Users/dev -alldirs -mapall=501:20 localhost\n",
        "for those: ",
        "/Users/dev -alldirs -maproot=0:0 localhost",
    ),
    "needs-low-ports": (
        Dialect.LINUX,
        "/srv/a 127.0.0.1(rw,async)\n",
        "write, or let hostnfsd use low ports: ",
        "/srv/a 127.0.0.1(rw,insecure,async)",
    ),
}


@pytest.mark.parametrize("code", SINGLE)
def test_a_trap_is_told_and_the_corrected_line_is_free_of_it(code: str) -> None:
    dialect, text, words, corrected = SINGLE[code]
    _, problems = told(dialect, text)

    assert set(problems) == {code}
    assert problems[code].hint == words + corrected
    after, rest = told(dialect, corrected + "\n")
    assert after.problems == ()
    assert code not in rest


def test_a_path_that_is_resolved_is_told() -> None:
    _, problems = told(Dialect.LINUX, "/srv/link 127.0.0.1(rw,insecure)\n")

    assert problems["client-path"].hint == "write: /srv/a"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("-network 127.0.0.1", "/Users/dev/src localhost"),
        ("-network fd00::", "/Users/dev/src -network fd00:: -mask ffff:ffff:ffff:ffff::"),
        ("-network=10.1.0.0", "/Users/dev/src -network=10.0.0.0"),
        ("-n 10.1.0.0 -m 255.0.0.0", "/Users/dev/src -n 10.0.0.0 -m 255.0.0.0"),
    ],
)
def test_a_network_that_matches_nobody_is_respelled(text: str, line: str) -> None:
    _, problems = told(Dialect.DARWIN, f"/Users/dev/src {text}\n")

    assert problems["network-host-bits"].hint == f"write: {line}"


@pytest.mark.parametrize(
    "path", ["/Users/dev/Documents/work", "/Users/dev/Desktop", "/Volumes/Disk/data"]
)
def test_guarded_places_are_told_where_nfsd_cannot_be_asked(path: str) -> None:
    stopped = replace(HERE[Dialect.DARWIN], system=replace(MAC, state=ServerState.STOPPED))
    reading = read(Dialect.DARWIN, f"{path} localhost\n")

    assert [p.code for p in explain(reading, stopped)] == ["needs-disk-access"]
    assert explain(reading, HERE[Dialect.DARWIN]) == ()


def test_paths_behind_firmlinks_have_a_plain_name() -> None:
    _, problems = told(Dialect.DARWIN, "/System/Volumes/Data/Users/dev/src localhost\n")

    assert problems["client-path"].hint == "write: /Users/dev/src"


def test_an_ordinary_option_list_drops_nothing() -> None:
    text = "/Users/dev/src -ro -alldirs,maproot 501:20 localhost\n"

    assert told(Dialect.DARWIN, text)[1] == {}


def test_an_address_of_the_host_other_than_loopback_may_be_dialled_from() -> None:
    around = Surroundings(MAC, IPv4Address("10.9.8.7"), low_ports=True)
    reading = read(Dialect.DARWIN, "/Users/dev/src two\n")
    (problem,) = explain(reading, around)

    assert problem.hint == "add a line: /Users/dev/src 10.9.8.7"


def test_with_low_ports_secure_is_no_trap() -> None:
    around = replace(HERE[Dialect.LINUX], low_ports=True)

    assert explain(read(Dialect.LINUX, "/srv/a 127.0.0.1(rw)\n"), around) == ()
    (problem,) = explain(read(Dialect.LINUX, "/srv/a two(rw)\n"), around)
    assert problem.hint == "add to its line: 127.0.0.1(rw)"


def test_what_is_not_judged_does_not_count_as_admitted() -> None:
    _, problems = told(Dialect.LINUX, "/srv/a @team(rw)\n")

    assert "not judged" in problems["not-for-tunnel"].text


def test_an_offline_export_needs_no_remark() -> None:
    assert told(Dialect.DARWIN, "/Users/dev/src -offline hostone\n")[1] == {}


@pytest.mark.parametrize("dialect", Dialect)
@settings(deadline=None)
@given(text=TEXTS)
def test_every_remark_has_a_known_code_a_place_and_one_line(dialect: Dialect, text: str) -> None:
    for problem in explain(read(dialect, text), HERE[dialect]):
        assert problem.severity is CODES[problem.code]
        assert problem.severity is not Severity.ERROR
        assert problem.place.line is not None
        assert re.fullmatch(r"[^\n]+(\n    hint: [^\n]+)?", problem.render())
