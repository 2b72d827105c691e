import json

import pytest

from hostnfsd.exports.access import access
from hostnfsd.exports.addresses import Address, Block, parse, prefix_mask
from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.model import Dialect
from hostnfsd.exports.overview import admitted, document, rights_text, rows
from tests.support.exports_system import LINUX
from tests.vectors.exports_vectors import LOOPBACK, read


def address(text: str) -> Address:
    found = parse(text)
    assert found is not None
    return found


KIND = Block(address("172.22.0.0"), prefix_mask(4, 16))
NOBODY = "nobody: no export admits the address that hostnfsd dials from"
MIXED = (
    "/srv/a 127.0.0.1(rw,insecure) 10.0.0.0/8(ro,all_squash,anonuid=7) two(rw,no_root_squash)"
    " *.lab(ro,sec=krb5)\n/srv/d *(rw,async)\n"
)


def test_every_grant_is_a_row() -> None:
    told = [
        (row.path, row.client, row.rights, row.identity, row.details, row.tunnel)
        for row in rows(read(Dialect.LINUX, MIXED), LOOPBACK)
    ]
    low, nobody = "from ports below 1024", "root as 65534:65534"

    assert told == [
        ("/srv/a", "127.0.0.1", "read and write", nobody, (), True),
        ("/srv/a", "network 10.0.0.0/8", "read", "all as 7:65534", (low,), False),
        (
            "/srv/a",
            "host two (10.9.8.8, 10.9.8.9)",
            "read and write",
            "themselves, root too",
            (low,),
            False,
        ),
        ("/srv/a", "wildcard *.lab", "read", nobody, (low, "with krb5"), False),
        ("/srv/d", "everybody", "read and write", nobody, (low, "options: async"), True),
    ]


def test_root_mapped_to_root_stays_root() -> None:
    text = "/Users/dev/src -maproot=root -offline,alldirs localhost\n"
    reading = read(Dialect.DARWIN, text)
    (row,) = rows(reading, LOOPBACK)

    assert (row.identity, row.rights) == ("themselves, root too", "read and write")
    assert row.client == "host localhost (127.0.0.1, ::1)"
    assert row.details == ("not served now", "any directory below may be mounted, too")
    terms = reading.exports[0].grants[0].terms
    assert rights_text(terms) == "read and write; not served now"


@pytest.mark.parametrize(
    ("text", "networks", "lines"),
    [
        (
            "/srv/a 127.0.0.1(rw) 10.0.0.0/8(rw)\n",
            [KIND],
            ["10.0.0.0/8, by /srv/a (exports:1:22)"],
        ),
        (
            "/srv/a 127.0.0.1(rw)\n",
            [KIND],
            ["172.22.0.0/16, by /srv/a (exports:1:1; it names only this host)"],
        ),
        (
            "/srv/a 127.0.0.1(rw)\n",
            [],
            ["nobody yet: the networks next to the gateway are not known"],
        ),
        ("/srv/a two(rw)\n", [KIND], [NOBODY]),
        (
            "/srv/a *(rw)\n/srv/d 127.0.0.1(rw)\n",
            [],
            [
                "everybody, by /srv/a (exports:1:8)",
                "whoever is admitted reaches all of these: /srv/a, /srv/d",
            ],
        ),
    ],
)  # fmt: skip
def test_who_may_come_is_told(text: str, networks: list[Block], lines: list[str]) -> None:
    rules = access(read(Dialect.LINUX, text).exports, LOOPBACK, networks)

    assert lines == list(admitted(rules))


def test_the_document_is_json_and_complete() -> None:
    reading = read(Dialect.LINUX, MIXED)
    rules = access(reading.exports, LOOPBACK, [KIND])
    remarks = explain(reading, Surroundings(LINUX, LOOPBACK, low_ports=True))
    problems = (*reading.problems, *rules.problems, *remarks)
    whole = json.loads(json.dumps(document(reading, rules, LOOPBACK, problems)))

    assert (whole["schema"], whole["ok"], whole["dialect"], whole["errors"]) == (
        1,
        True,
        "linux",
        0,
    )
    first, second = whole["exports"]
    assert (first["path"], first["line"], first["tunnel"]) == ("/srv/a", 1, True)
    assert first["grants"][1] == {
        "client": {
            "kind": "network",
            "text": "10.0.0.0/8",
            "addresses": [],
            "network": "10.0.0.0/8",
        },
        "file": "exports",
        "line": 1,
        "column": 31,
        "tunnel": False,
        "read_only": True,
        "squash": "all",
        "uid": 7,
        "gids": [65534],
        "identity": None,
        "subdirectories": True,
        "low_ports": True,
        "security": ["sys"],
        "offline": False,
        "options": [],
    }
    assert second["grants"][0]["tunnel"] is True
    assert whole["admitted"][-1] == {
        "network": None,
        "reason": "world",
        "export": "/srv/d",
        "file": "exports",
        "line": 2,
        "column": 8,
    }
    assert {problem["code"] for problem in whole["problems"]} == {
        "not-judged", "world-export", "map-breaks-chown",
    }  # fmt: skip


def test_a_file_with_errors_is_not_ok() -> None:
    reading = read(Dialect.LINUX, "/srv/a *(bogus)\n")
    whole = document(reading, access(reading.exports, LOOPBACK), LOOPBACK, reading.problems)

    assert (whole["ok"], whole["errors"], whole["exports"]) == (False, 1, [])
