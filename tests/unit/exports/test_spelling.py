import pytest

from hostnfsd.exports import spelling
from hostnfsd.exports.model import Dialect, Squash, Terms
from tests.vectors.exports_vectors import read


@pytest.mark.parametrize(
    "terms",
    [
        Terms(read_only=False),
        Terms(read_only=True, subdirectories=True, offline=True, options=("32bitclients",)),
        Terms(read_only=False, uid=501, gids=(20, 12)),
        Terms(read_only=False, uid=777, gids=()),
        Terms(read_only=False, squash=Squash.ALL),
        Terms(read_only=True, squash=Squash.ALL, uid=0, gids=(0,), security=("krb5", "sys")),
    ],
)
def test_terms_are_read_as_they_are_spelled_on_macos(terms: Terms) -> None:
    line = " ".join(("/Users/dev/src", *spelling.darwin_options(terms), "localhost"))
    (export,) = read(Dialect.DARWIN, line + "\n").exports

    assert terms == export.grants[0].terms


@pytest.mark.parametrize(
    "text",
    [
        "*(ro)",
        "two(rw,insecure,no_root_squash,async)",
        "10.0.0.0/8(rw,all_squash,anonuid=5,anongid=-6,sec=krb5:sys,fsid=7,mp)",
    ],
)
def test_clients_are_read_as_they_are_spelled_on_linux(text: str) -> None:
    (export,) = read(Dialect.LINUX, f"/srv/a {text}\n").exports
    line = spelling.linux_line(export, export.grants)
    (again,) = read(Dialect.LINUX, line + "\n").exports

    assert export.grants == again.grants
    assert line.startswith("/srv/a ")


def test_a_line_names_what_else_may_be_mounted() -> None:
    (export,) = read(Dialect.DARWIN, "/Users/dev/src /Users/dev/src/app localhost\n").exports

    line = spelling.darwin_line(export, export.grants[0].terms, ["two"])
    assert line == "/Users/dev/src /Users/dev/src/app two"
