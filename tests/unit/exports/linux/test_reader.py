from hostnfsd.exports.linux.reader import read
from hostnfsd.exports.source import Source
from tests.support.exports_system import LINUX


def test_an_error_ends_its_own_file_only() -> None:
    sources = [
        Source("exports", "/srv/a *(bogus)\n/srv/d *(rw)\n"),
        Source("exports.d/a.exports", "/srv/d two(rw)\n"),
    ]
    reading = read(sources, LINUX)

    assert [(e.path, e.place.path) for e in reading.exports] == [("/srv/d", "exports.d/a.exports")]
    assert [(p.place.path, p.code) for p in reading.problems] == [
        ("exports", "unknown-option"),
        ("exports", "rest-ignored"),
    ]


def test_repetitions_are_found_across_files() -> None:
    reading = read([Source("one", "/srv/a *(rw)\n"), Source("two", "/srv/a *(ro)\n")], LINUX)

    (problem,) = reading.problems
    assert (problem.code, problem.place.path) == ("options-conflict", "two")
    assert "exported in one:1 already" in problem.text


def test_windows_line_ends_end_the_file_at_a_blank_line() -> None:
    reading = read([Source("exports", "/srv/a *(rw)\r\n\r\n/srv/d *(rw)\r\n")], LINUX)

    assert [e.path for e in reading.exports] == ["/srv/a"]
    (problem,) = reading.problems
    assert (problem.code, problem.place.line) == ("file-ends-early", 2)
