from hypothesis import given, settings

from hostnfsd.exports.changes import Change, Kind, diff
from hostnfsd.exports.model import Dialect
from tests.support.exports_text import TEXTS
from tests.vectors.exports_vectors import read


def changes(old: str, new: str, dialect: Dialect = Dialect.LINUX) -> tuple[Change, ...]:
    return diff(read(dialect, old).exports, read(dialect, new).exports)


def test_added_removed_and_altered_exports_are_told() -> None:
    old = "/srv/a two(rw)\n/srv/d *(ro)\n"
    new = "# moved\n\n/srv/file *(ro)\n/srv/a  two(ro) 10.0.0.0/8(rw,async)\n"
    low = ", from ports below 1024, root as 65534:65534"
    below = "with all directories below"
    host = "host two (10.9.8.8, 10.9.8.9)"

    assert changes(old, new) == (
        Change(Kind.ADDED, "/srv/file", (f"for everybody, read{low}, {below}",)),
        Change(
            Kind.ALTERED,
            "/srv/a",
            (
                f"no longer for {host}, read and write{low}, {below}",
                f"now for {host}, read{low}, {below}",
                f"now for network 10.0.0.0/8, read and write{low}, async, {below}",
            ),
        ),
        Change(Kind.REMOVED, "/srv/d", ()),
    )


def test_mountable_directories_are_told() -> None:
    old = "/Users/dev/src /Users/dev/src/app localhost\n"
    new = "/Users/dev/src /Users/dev/src/db localhost\n"

    (change,) = changes(old, new, Dialect.DARWIN)
    assert change.texts == (
        "no longer mountable: /Users/dev/src/app",
        "now mountable: /Users/dev/src/db",
    )


@settings(deadline=None)
@given(text=TEXTS)
def test_where_a_line_stands_does_not_matter(text: str) -> None:
    assert changes(text, text) == ()
    exports = read(Dialect.DARWIN, text).exports
    assert diff(exports, read(Dialect.DARWIN, "\n\n" + text).exports) == ()
    assert [c.kind for c in diff(exports, ())] == [Kind.REMOVED] * len(exports)
