"""What hostnfsd concludes from what macOS is documented to print: see tests/vectors/macos."""

import json
from pathlib import Path

import pytest

from hostnfsd.doctor import nfsstat
from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.nfsstat import Counts
from hostnfsd.doctor.server_unit import ServerUnit, of_nfsd
from hostnfsd.exports import reader
from hostnfsd.exports.model import Dialect, Reading
from hostnfsd.exports.server_view import compare
from hostnfsd.exports.source import Source
from hostnfsd.machine.darwin import Darwin, Ran, second_opinion
from hostnfsd.server.finding import Origin
from hostnfsd.server.ports import Candidate, registered
from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import mount, portmap
from hostnfsd.sunrpc.portmap import Mapping, Mappings, Protocol
from hostnfsd.sunrpc.xdr import decode, encode
from tests.support.exports_system import FakeSystem

FOLDER = Path(__file__).parents[1] / "vectors/macos"
RPCINFO = ("rpcinfo-fixed-ports.txt", "rpcinfo-free-ports.txt")


def recorded(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_each_recording_cites_its_source() -> None:
    rows = [line.split("|") for line in recorded("README.md").splitlines() if line[:3] == "| `"]
    cited = {name.strip(" `"): source.strip() for _, name, _, source, _ in rows}

    assert set(cited) == {path.name for path in FOLDER.glob("*.txt")}
    assert all(cited.values())


# -- rpcinfo -p: PMAPPROC_DUMP (RFC 1833, section 3.2) -------------------------------------------


def rpcinfo(name: str) -> tuple[Mapping, ...]:
    """The rows that rpcinfo printed, after they were a reply on the wire."""
    _, *lines = recorded(name).splitlines()
    rows = (line.split() for line in lines)
    reply = Mappings(
        tuple(
            Mapping(int(program), int(version), Protocol[proto.upper()], int(port))
            for program, version, proto, port, _ in rows
        )
    )
    return decode(Mappings, encode(reply)).rows


@pytest.mark.parametrize("name", RPCINFO)
def test_macos_knows_the_programs_by_the_numbers_that_we_do(name: str) -> None:
    _, *lines = recorded(name).splitlines()

    assert {(int(line.split()[0]), line.split()[4]) for line in lines} == {
        (facts.program, service.value) for service, facts in FACTS.items()
    }
    assert FACTS[Service.RPCBIND].program == portmap.PROGRAM


@pytest.mark.parametrize(
    ("name", "ports"),
    [
        (RPCINFO[0], {"status": 1021, "nlockmgr": 1017, "rquotad": 875, "mountd": 892}),
        # UDP has other ports, of mountd 865: whoever forwards those waits for minutes.
        (RPCINFO[1], {"status": 1021, "nlockmgr": 1017, "rquotad": 999, "mountd": 752}),
    ],
)
def test_the_ports_that_are_dialled_are_those_of_tcp(name: str, ports: dict[str, int]) -> None:
    found = registered(rpcinfo(name))

    def at(port: int, *versions: int) -> tuple[Candidate, ...]:
        return (Candidate(port, Origin.RPCBIND, versions),)

    assert found == {
        Service.RPCBIND: at(111, 2, 3, 4),
        Service.NFS: at(2049, 2, 3),
        Service.MOUNTD: at(ports["mountd"], 1, 3),
        Service.NLOCKMGR: at(ports["nlockmgr"], 0, 1, 3, 4),
        Service.STATUS: at(ports["status"], 1),
        Service.RQUOTAD: at(ports["rquotad"], 1, 2),
    }


# -- showmount -e: MOUNTPROC3_EXPORT (RFC 1813, appendix I, section 5.2.5) -----------------------


def showmount(name: str) -> dict[str, tuple[str, ...]]:
    """The exports that showmount printed, after they were a reply on the wire.

    It prints Everyone for a list of groups that is empty (NFS:showmount/showmount.c).
    """
    head, *lines = recorded(name).splitlines()
    assert head == "Exports list on localhost:"
    exports = []
    for line in lines:
        path, *groups = line.split()
        named = () if groups == ["Everyone"] else tuple(map(mount.Group, groups))
        exports.append(mount.Export(path, named))
    reply = decode(mount.Exports, encode(mount.Exports(tuple(exports))))
    return {row.path: tuple(group.name for group in row.groups) for row in reply.rows}


def read(text: str, *directories: str) -> Reading:
    system = FakeSystem(directories=frozenset(directories), hosts={"localhost": ("127.0.0.1",)})
    return reader.read(Dialect.DARWIN, [Source("/etc/exports", text)], system)


USERS = "/System/Volumes/Data/Users"
DATA = "/Users/pzhong/Documents/github/wallets/local/nfs-data"


@pytest.mark.parametrize(
    ("name", "path", "line"),
    [
        # The very line of that page, with its shell variables filled in.
        ("showmount-localhost.txt", USERS, f"{USERS}/ -alldirs -mapall=501:20 localhost\n"),
        ("showmount-everyone.txt", DATA, f"{DATA} -alldirs -mapall=501:20\n"),
    ],
)
def test_what_mountd_lists_is_what_the_file_says(name: str, path: str, line: str) -> None:
    reading = read(line, path)

    assert reading.error_count == 0
    assert compare(reading, showmount(name), "/etc/exports") == ()


def test_a_file_that_changed_since_is_told() -> None:
    everybody = read(f"{USERS} -alldirs\n", USERS)
    assert [p.code for p in compare(everybody, showmount("showmount-localhost.txt"), "/x")] == [
        "served-otherwise"
    ]
    other = read(f"{DATA} localhost\n", DATA)
    assert [p.code for p in compare(other, showmount("showmount-localhost.txt"), "/x")] == [
        "not-served",
        "still-served",
    ]


# -- nfsd ----------------------------------------------------------------------------------------


def test_nfsd_status() -> None:
    assert of_nfsd(recorded("nfsd-status-running.txt")) == ServerUnit(
        "nfsd", enabled=True, running=True
    )


def test_where_nfsd_counts_other_errors_its_complaints_are_told_and_nothing_else() -> None:
    """The file of that report: right for hostnfsd and later systems, wrong for macOS 10.15."""
    text = (
        "#/Users/rfay -alldirs -mapall=501:20\n"
        "/Users/rfay -alldirs -mapall=501:20 localhost\n"
        "/Users/rfay/workspace -alldirs -mapall=501:20 localhost\n"
    )
    printed = recorded("nfsd-checkexports-mismatch.txt")
    reading = read(text, "/Users/rfay/workspace")
    complaints = [line for line in printed.splitlines() if line.startswith("exports:")]

    (problem,) = second_opinion(reading, Ran(reading.error_count + 2, printed), "/etc/exports")

    assert problem.code == "nfsd-differs"
    assert problem.text.endswith("nfsd says: " + "; ".join(complaints))


def test_nfsd_that_may_not_read_a_folder_says_so() -> None:
    printed = recorded("nfsd-checkexports-no-access.txt")

    assert not Darwin(None, FOLDER, runs=lambda _: Ran(1, printed)).server_reads("/dir")
    assert Darwin(None, FOLDER, runs=lambda _: Ran(0, "")).server_reads("/dir")


# -- nfsstat -f JSON -e --------------------------------------------------------------------------


def as_nfsstat_prints(*counted: Counts) -> str:
    """What json_exports() puts together, as json_print_cf_object() prints it.

    NSJSONSerialization, pretty and sorted: blanks around each colon, and slashes are escaped.
    """
    rows = {
        each.path: {
            "Requests": each.requests,
            "Read Bytes": each.read,
            "Write Bytes": each.written,
        }
        for each in counted
    }
    table = {"Exported Directory Info": rows}
    text = json.dumps(table, indent=2, separators=(",", " : "), sort_keys=True)
    return text.replace("/", "\\/")


def test_what_nfsstat_counts() -> None:
    counted = (
        Counts("/System/Volumes/Data/Users/me/src", 18422, 3 << 20, 20 << 10),
        Counts("/Users/me/docs", 9, 0, 0),
    )

    assert recorded("nfsstat-exports.txt") == as_nfsstat_prints(*counted)
    assert nfsstat.read(recorded("nfsstat-exports.txt")) == counted
    used, unused = nfsstat.judge(recorded("nfsstat-exports.txt"))
    assert (used.outcome, unused.outcome) == (Outcome.PASS, Outcome.PASS)
    assert used.text.endswith("/src: 3.0 MiB read, 20 KiB written by clients, in 18422 requests")
    assert unused.text == "/Users/me/docs: no client has read or written any data yet"


def test_where_nfsstat_has_counted_nothing() -> None:
    piped = recorded("nfsstat-exports-none.txt")
    document, sentence = piped[: piped.index("N")], piped[piped.index("N") :]

    for printed in (piped, sentence + document, sentence):
        assert nfsstat.read(printed) == ()
        (finding,) = nfsstat.judge(printed)
        assert finding.outcome is Outcome.SKIP
        assert finding.text == "the kernel exports no directory, and has counted nothing"
