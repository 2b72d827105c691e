import json
from dataclasses import replace

from hostnfsd.cli.exports_text import (
    Server,
    Told,
    kept_elsewhere,
    kept_elsewhere_json,
    lines,
    summary,
    to_json,
)
from hostnfsd.cli.styled import WIDTH, Line
from hostnfsd.exports import reader
from hostnfsd.exports.access import access
from hostnfsd.exports.addresses import Block, network_number, prefix_mask
from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.model import Dialect
from hostnfsd.exports.source import Source
from tests.support.exports_system import LINUX, MAC
from tests.vectors.exports_vectors import LOOPBACK

SYSTEMS = {Dialect.DARWIN: MAC, Dialect.LINUX: LINUX}
LINUX_FILE = (
    "/srv/a 127.0.0.1(rw,insecure) 10.0.0.0/8(ro,all_squash,anonuid=7) two(rw,no_root_squash)\n"
    "/srv/d *(rw,async)\n"
    "/home/dev 10.0.0.0/8(rw,sec=krb5:krb5i)\n"
)
MAC_FILE = (
    "/Users/dev/src /Users/dev/src/app -alldirs -mapall=dev localhost\n"
    "/Users/dev/src.old -offline -network 10.0.0.0 -mask 255.0.0.0\n"
)


def told(text: str, dialect: Dialect = Dialect.LINUX) -> Told:
    reading = reader.read(dialect, [Source("/etc/exports", text)], SYSTEMS[dialect])
    rules = access(reading.exports, LOOPBACK)
    remarks = explain(reading, Surroundings(SYSTEMS[dialect], LOOPBACK, low_ports=True))
    problems = (*reading.problems, *rules.problems, *remarks)
    return Told(("/etc/exports",), reading, rules, "exports", LOOPBACK, problems)


def text(found: list[Line]) -> list[str]:
    return ["".join(piece for piece, _ in line).rstrip() for line in found]


def above_problems(found: list[str]) -> list[str]:
    return found[: next(i for i, line in enumerate(found) if line.startswith("/etc/exports"))]


def test_a_file_of_linux() -> None:
    found = text(lines(told(LINUX_FILE)))

    assert above_problems(found) == [
        "Exports of /etc/exports, as Linux reads them",
        "  CLIENT              RIGHTS          IDENTITY              LINE  TUNNEL",
        "/srv/a",
        "  127.0.0.1           read and write  root as 65534:65534      1  yes",
        "  network 10.0.0.0/8  read            all as 7:65534           1  -",
        "      from ports below 1024",
        "  host two (10.9.8.8, 10.9.8.9)",
        "                      read and write  themselves, root too     1  -",
        "      from ports below 1024",
        "/srv/d",
        "  everybody           read and write  root as 65534:65534      2  yes",
        "      from ports below 1024; options: async",
        "/home/dev",
        "  network 10.0.0.0/8  read and write  root as 65534:65534      3  -",
        "      from ports below 1024; with krb5 or krb5i",
        "",
        "A client of the tunnel (the server sees 127.0.0.1) gets",
        "  /srv/a: read and write, root as 65534:65534",
        "  /srv/d: read and write, from ports below 1024, root as 65534:65534",
        "  /home/dev: nothing, for it does not admit 127.0.0.1",
        "",
        "Let through at the gateway",
        "  10.0.0.0/8, by /srv/a (/etc/exports:1:31)",
        "  10.9.8.8, by /srv/a (/etc/exports:1:67)",
        "  10.9.8.9, by /srv/a (/etc/exports:1:67)",
        "  everybody, by /srv/d (/etc/exports:2:8)",
        "  whoever is admitted reaches all of these: /srv/a, /srv/d",
        "",
    ]
    assert found[-1] == "/etc/exports: ok, 3 exports, 2 through the tunnel, 2 warnings, 1 note"


def test_a_file_of_macos() -> None:
    found = text(lines(told(MAC_FILE, Dialect.DARWIN)))

    assert above_problems(found)[:12] == [
        "Exports of /etc/exports, as macOS reads them",
        "  CLIENT              RIGHTS          IDENTITY             LINE  TUNNEL",
        "/Users/dev/src",
        "  mountable of their own: /Users/dev/src/app",
        "  host localhost (127.0.0.1, ::1)",
        "                      read and write  all as 501:20:12:61     1  yes",
        "      any directory below may be mounted, too",
        "/Users/dev/src.old",
        "  network 10.0.0.0/8  read and write  root as -2:-2           2  -",
        "      not served now",
        "",
        "A client of the tunnel (the server sees 127.0.0.1) gets",
    ]


def test_nothing_but_problems_and_what_is_one_word_is_wider_than_a_terminal() -> None:
    many = ":".join(str(number) for number in range(20100, 20116))
    clients = " ".join(f"fd00:aaaa:bbbb:cccc:dddd:eeee:{n:x}:1" for n in range(9))
    file = f"/Users/dev/src -mapall=501:{many} {clients}\n/Users/dev/src.old -ro\n"
    found = above_problems(text(lines(told(file, Dialect.DARWIN))))

    assert [line for line in found if len(line) > WIDTH and " " in line.strip()] == []
    assert f"      501:{many}" in found, "one word is not divided"
    assert sum("see below" in line for line in found) == 9


def test_nothing_exported_is_told() -> None:
    found = text(lines(told("# nothing yet\n")))

    assert found == [
        "Exports of /etc/exports, as Linux reads them",
        "  nothing is exported",
        "",
        "Let through at the gateway",
        "  nobody: no export admits the address that hostnfsd dials from",
        "",
        "/etc/exports: ok, 0 exports",
    ]


def test_files_are_named_where_there_are_several() -> None:
    sources = [
        Source("/etc/exports", "/srv/a *(rw)\n"),
        Source("/etc/exports.d/x.exports", "/srv/a two(ro)\n"),
    ]
    reading = reader.read(Dialect.LINUX, sources, LINUX)
    names = tuple(source.path for source in sources)
    rules = access(reading.exports, LOOPBACK)
    found = text(lines(Told(names, reading, rules, "exports", LOOPBACK, ())))

    assert found[0] == "Exports of /etc/exports, /etc/exports.d/x.exports, as Linux reads them"
    assert "      from ports below 1024; in /etc/exports.d/x.exports" in found


def test_what_is_configured_counts_and_not_the_file() -> None:
    everybody = text(lines(replace(told(LINUX_FILE), allow="any")))
    networks = text(lines(replace(told(LINUX_FILE), allow=("172.22.0.0/16", "fd00::/64"))))
    at = everybody.index("Let through at the gateway")

    assert everybody[at + 1 : at + 3] == [
        '  everybody, by access.allow = "any": the exports are not asked',
        "",
    ]
    assert networks[at + 1 : at + 4] == [
        "  172.22.0.0/16, by access.allow",
        "  fd00::/64, by access.allow",
        "",
    ]


def test_the_servers_word_is_told() -> None:
    server = Server({"/srv/a": ("two",), "/srv/d": ()}, "exports 2 paths, as the file says")
    whole = replace(told(LINUX_FILE), server=server)
    found = text(lines(whole))

    at = found.index("The server itself")
    assert found[at + 1] == "  exports 2 paths, as the file says"
    document = json.loads(json.dumps(to_json(whole)))
    assert document["server"] == {
        "answered": True,
        "text": "exports 2 paths, as the file says",
        "exports": [{"path": "/srv/a", "clients": ["two"]}, {"path": "/srv/d", "clients": []}],
    }
    assert (document["schema"], document["files"], document["allow"]) == (
        1,
        ["/etc/exports"],
        "exports",
    )


def test_a_server_that_was_not_asked_is_told_apart_from_one_that_did_not_answer() -> None:
    assert to_json(told(LINUX_FILE))["server"] is None
    silent = replace(told(LINUX_FILE), server=Server(None, "was not compared: it is silent"))
    assert to_json(silent)["server"] == {
        "answered": False,
        "text": "was not compared: it is silent",
        "exports": None,
    }


def test_a_server_that_keeps_its_exports_elsewhere() -> None:
    server = Server({"/srv/a": ("two",), "/srv/d": ()}, "exports these paths:")
    allow = ("172.22.0.0/16",)

    assert text(kept_elsewhere(allow, server)) == [
        'host.exports = "none": the server keeps its exports elsewhere',
        "",
        "Let through at the gateway",
        "  172.22.0.0/16, by access.allow",
        "",
        "The server itself",
        "  exports these paths:",
        "  /srv/a: two",
        "  /srv/d: everybody",
    ]
    document = json.loads(json.dumps(kept_elsewhere_json(allow, server)))
    assert (document["ok"], document["exports"], document["allow"]) == (True, None, list(allow))


def test_the_summary_is_red_only_for_errors() -> None:
    bad = told("/srv/a *(bogus)\n")
    good = told("/srv/a *(rw)\n")

    assert summary("/e", bad.reading, bad.access, bad.problems)[1:] == [
        ("invalid", "bold red"),
        (", 0 exports, 1 error", ""),
    ]
    assert summary("/e", good.reading, good.access, good.problems)[1] == ("ok", "bold green")


def test_names_that_would_move_the_cursor_are_written_out() -> None:
    found = text(lines(told("/srv/a\\033[2J *(rw)\n")))

    assert not any("\x1b" in line for line in found)
    assert any("/srv/a\\x1b[2J" in line for line in found)


def test_networks_next_to_the_gateway_are_let_through_by_what_names_only_the_host() -> None:
    number = network_number("172.22")
    assert number is not None
    whole = told("/srv/a 127.0.0.1(rw)\n")
    rules = access(whole.reading.exports, LOOPBACK, [Block(number, prefix_mask(4, 16))])
    found = text(lines(replace(whole, access=rules)))

    assert "  172.22.0.0/16, by /srv/a (/etc/exports:1:1; it names only this host)" in found
