from hostnfsd.exports import reader
from hostnfsd.exports.darwin.options import NAMES
from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.model import Dialect, Reading, Squash
from hostnfsd.exports.overview import identity_text
from hostnfsd.exports.source import Source
from hostnfsd.exports.system import System
from hostnfsd.machine.elsewhere import Elsewhere
from hostnfsd.problem import Severity
from tests.vectors.exports_vectors import LOOPBACK

SYSTEM: System = Elsewhere()


def read(text: str, dialect: Dialect = Dialect.DARWIN) -> Reading:
    return reader.read(dialect, [Source("exports", text)], SYSTEM)


def codes(reading: Reading) -> set[str]:
    return {problem.code for problem in reading.problems if problem.severity is Severity.ERROR}


def test_what_only_the_other_machine_knows_is_no_error() -> None:
    reading = read(
        "/Users/dev/src -mapall=dev:developers localhost\n"
        "/Users/dev/more -maproot=501 host.internal other.internal\n"
        "/Volumes/Disk/a -fspath=/Volumes/Disk,fsuuid=01234567-89ab-cdef-0123-456789abcdef\n"
        "/opt/data -fspath=/opt/data localhost\n"
        "/Users/a /Volumes/b -alldirs localhost\n"
        "/private/lab -network lab -mask 255.255.0.0\n"
    )

    assert codes(reading) == set()
    assert [problem.code for problem in reading.problems] == ["unknown-network"]
    assert [export.path for export in reading.exports] == [
        "/Users/dev/src",
        "/Users/dev/more",
        "/Volumes/Disk/a",
        "/opt/data",
        "/Users/a",
        "/Volumes/b",
    ]


def test_what_is_wrong_anywhere_is_an_error() -> None:
    reading = read(
        "/Users/dev/a localhost(rw)\n"
        "/Users/dev/b 10.0.0.0/8\n"
        "/Users/dev/c *\n"
        "/Users/dev/d -network 10.0.0.0/8\n"
        "/Users/dev/e/f localhost\n"
        "/Users/dev/e hostone\n"
        "/Users/dev/g -mapall=root -maproot=nobody\n"
    )

    assert codes(reading) == {
        "unresolved-host",
        "no-hosts",
        "bad-network",
        "nested",
        "maps-conflict",
    }


def test_a_user_of_another_machine_is_told_as_written() -> None:
    (export,) = read("/Users/dev/src -mapall=dev:developers localhost\n").exports
    terms = export.grants[0].terms

    assert (terms.uid, terms.squash, terms.identity) == (None, Squash.ALL, "dev:developers")
    assert identity_text(terms) == "all as dev:developers"
    (problem,) = explain(
        read("/Users/dev/src -mapall=dev:developers\n"), Surroundings(SYSTEM, LOOPBACK, True, False)
    )[:1]
    assert problem.hint == ("for the tunnel alone: /Users/dev/src -mapall=dev:developers localhost")


def test_numbers_and_roots_need_nobody() -> None:
    text = "/Users/a -maproot=0 localhost\n/Users/b -mapall=501:20 localhost\n"
    first, second = (export.grants[0].terms for export in read(text).exports)

    assert identity_text(first) == "themselves, root too"
    assert (second.uid, second.gids) == (501, (20,))


def test_places_that_macos_guards_are_told_of() -> None:
    reading = read("/Users/dev/Documents/x localhost\n")
    told = explain(reading, Surroundings(SYSTEM, LOOPBACK, True, names_asked=False))

    assert [problem.code for problem in told] == ["needs-disk-access"]
    assert reading.problems == ()


def test_a_linux_file_is_judged_as_far_as_it_goes() -> None:
    reading = read("/srv/a somehost(rw) 10.0.0.0/8(ro)\n/srv/a somehost(ro)\n", Dialect.LINUX)
    told = explain(reading, Surroundings(SYSTEM, LOOPBACK, True, names_asked=False))

    assert codes(reading) == {"options-conflict"}
    assert [problem.code for problem in told] == ["not-for-tunnel", "names-not-asked"]
    assert "somehost" in told[1].text


def test_every_option_is_read_elsewhere() -> None:
    values = {"network": "10.0.0.0", "n": "10.0.0.0", "mask": "255.0.0.0", "m": "255.0.0.0"}
    values |= {"sec": "sys", "fspath": "/Users", "fsuuid": "0" * 32}
    values |= dict.fromkeys(("maproot", "mapall", "root", "r"), "501:20")
    for name in NAMES:
        option = f"-{name}={values[name]}" if name in values else f"-{name}"
        option += " -network=10.0.0.0" if name in {"mask", "m"} else ""
        assert codes(read(f"/Users/dev/src {option}\n")) == set(), name
