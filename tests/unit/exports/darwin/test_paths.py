import pytest

from hostnfsd.exports.darwin.paths import Directory, common_parent, culprit, is_below, ordered
from hostnfsd.exports.source import Span
from hostnfsd.exports.system import FileKind
from tests.support.exports_system import MAC


@pytest.mark.parametrize(
    ("parent", "path", "below"),
    [
        ("/a", "/a/b", True),
        ("/a", "/a", False),
        ("/a", "/ab", False),
        ("/", "/a", True),
        ("/", "/", False),
        ("/a/b", "/a", False),
    ],
)
def test_what_is_below(parent: str, path: str, below: bool) -> None:
    assert is_below(parent, path) is below


def test_directories_are_followed_by_what_is_below_them() -> None:
    paths = ["/e.test", "/e/sub", "/", "/e", "/d/z", "/e/sub/x"]

    assert [d.path for d in ordered([Directory(p, Span("", (), 0)) for p in paths])] == [
        "/", "/d/z", "/e", "/e/sub", "/e/sub/x", "/e.test",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("paths", "parent"),
    [
        (["/a/b", "/a/c"], "/a"),
        (["/a/b", "/c"], "/"),
        (["/a/b"], "/a/b"),
        (["/a", "/a/b"], "/a"),
        (["/"], "/"),
    ],
)
def test_the_common_parent(paths: list[str], parent: str) -> None:
    assert parent == common_parent(paths)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/Users/dev", None),
        ("/tmp/x", ("/tmp", FileKind.SYMLINK)),
        ("/Users/dev/file/x", ("/Users/dev/file", FileKind.OTHER)),
        ("/none/x", ("/none", None)),
        ("/Users/dev/none", ("/Users/dev/none", None)),
        ("/", None),
    ],
)
def test_the_component_that_is_no_directory(
    path: str, found: tuple[str, FileKind | None] | None
) -> None:
    assert found == culprit(path, MAC)
