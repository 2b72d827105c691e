import pytest

from hostnfsd.exports.model import Dialect
from hostnfsd.exports.server_view import compare
from tests.vectors.exports_vectors import NAME, read

TEXT = "/srv/a two(rw) 10.0.0.0/8(ro)\n/srv/d *(ro)\n"
SERVED = {"/srv/a": ("two", "10.0.0.0/8"), "/srv/d": ("*",)}


def codes(listed: dict[str, tuple[str, ...]]) -> list[str]:
    return [p.code for p in compare(read(Dialect.LINUX, TEXT), listed, NAME)]


def test_a_server_that_knows_the_file_is_no_problem() -> None:
    assert codes(SERVED) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"/srv/a": None}, "not-served"),
        ({"/srv/x": ("two",)}, "still-served"),
        ({"/srv/d": ("two",)}, "served-otherwise"),
        ({"/srv/a": ()}, "served-otherwise"),
        ({"/srv/a": ("(Everyone)",)}, "served-otherwise"),
    ],
)
def test_a_server_that_was_not_told_is_a_problem(
    change: dict[str, tuple[str, ...] | None], code: str
) -> None:
    listed = {k: v for k, v in (SERVED | change).items() if v is not None}
    (problem,) = compare(read(Dialect.LINUX, TEXT), listed, NAME)

    assert problem.code == code
    assert problem.hint == "tell the server what the file says: sudo exportfs -ra"


def test_mountable_directories_and_offline_exports_need_not_be_listed() -> None:
    text = (
        "/Users/dev/src /Users/dev/src/app localhost\n"
        "/Users/dev/src.old -offline localhost\n/Users/dev/Desktop\n"
    )
    listed: dict[str, tuple[str, ...]] = {
        "/Users/dev/src": ("localhost",), "/Users/dev/src/app": ("localhost",),
        "/Users/dev/Desktop": (),
    }  # fmt: skip

    assert compare(read(Dialect.DARWIN, text), listed, NAME) == ()
