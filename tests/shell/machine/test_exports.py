import os
import stat
import threading
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from hostnfsd.config.model import Host
from hostnfsd.exports.model import Dialect
from hostnfsd.machine import exports, posix
from hostnfsd.machine.exports import Findings, dialect_of, read, read_exports
from hostnfsd.machine.names import Names, Patience
from hostnfsd.problem import Severity

ADDRESS = "127.0.0.1"


def found(path: Path, names: Names | None = None, dialect: Dialect = Dialect.LINUX) -> Findings:
    return read(path, names, dialect=dialect, address=ADDRESS, low_ports=True)


def codes(findings: Findings) -> list[str]:
    return [problem.code for problem in findings.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "exports.d").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    return tmp_path


def test_the_files_beside_are_read_in_their_order(folder: Path) -> None:
    (folder / "exports").write_text(f"{folder}/a localhost(rw)\n")
    (folder / "exports.d/10-x.exports").write_text("/no/such/place localhost(rw)\n")
    (folder / "exports.d/9-x.exports").write_text(f"{folder}/b localhost(rw)\n")
    (folder / "exports.d/notes").write_text("nonsense")
    findings = found(folder / "exports")

    assert [export.path for export in findings.reading.exports] == [
        f"{folder}/a",
        f"{folder}/b",
        "/no/such/place",
    ]
    assert findings.files == (
        folder / "exports",
        folder / "exports.d",
        folder / "exports.d/9-x.exports",
        folder / "exports.d/10-x.exports",
    )
    assert codes(findings) == ["not-a-directory"]
    assert not findings.valid


def test_problems_stand_in_the_order_of_files_and_lines(folder: Path) -> None:
    (folder / "exports").write_text(f"{folder}/a *(rw)\n{folder}/b localhost(rw) localhost(rw)\n")
    (folder / "exports.d/z.exports").write_text("/no/place 10.0.0.1(rw)\n")
    problems = found(folder / "exports").problems

    assert [(Path(p.place.path).name, p.place.line, p.code) for p in problems] == [
        ("exports", 1, "world-export"),
        ("exports", 2, "duplicate"),
        ("z.exports", 1, "not-a-directory"),
        ("z.exports", 1, "not-for-tunnel"),
    ]


def test_a_missing_file_is_an_error_and_watched_all_the_same(tmp_path: Path) -> None:
    findings = found(tmp_path / "exports")

    assert codes(findings) == ["cannot-open"]
    assert findings.problems[0].hint == "create it; it may be empty"
    assert findings.files == (tmp_path / "exports", tmp_path / "exports.d")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (problem,) = found(tmp_path).problems

    assert problem.code == "cannot-open"
    assert "Is a directory" in problem.text


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "exports")
    (problem,) = found(tmp_path / "exports").problems

    assert problem.text.endswith(": it is no file")


@pytest.mark.patient
def test_a_file_may_have_its_size_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.write_bytes(b"\n" * exports.MOST_BYTES)
    assert found(path).valid

    path.write_bytes(b"\n" * (exports.MOST_BYTES + 1))
    (problem,) = found(path).problems
    assert problem.text.endswith(": it has more than 1024 KiB")


def test_what_this_user_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "exports"
    path.touch()

    def kept_out(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", kept_out)  # tests run as root, who may read anything
    (problem,) = found(path).problems

    assert problem.text == f"can't open {path} for reading: Permission denied"
    assert problem.hint == f"hostnfsd cannot read it: see ls -ld {path}"


def test_bytes_that_are_no_text_stand_where_they_were(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xe4"
    Path(os.fsdecode(folder)).mkdir()
    (tmp_path / "exports").write_bytes(folder + b" localhost(rw)\n")
    findings = found(tmp_path / "exports")

    assert [os.fsencode(export.path) for export in findings.reading.exports] == [folder]
    assert findings.valid


def test_a_name_that_does_not_answer_in_time_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = threading.Event()
    names = Names(lambda _: (hold.wait(30), ())[1])
    monkeypatch.setattr(posix, "Patience", partial(Patience, within_s=0.0))
    (tmp_path / "exports").write_text(f"{tmp_path} slow(rw)\n")
    findings = found(tmp_path / "exports", names)
    hold.set()

    assert [(p.code, p.severity) for p in findings.problems] == [
        ("not-for-tunnel", Severity.WARNING),
        ("name-late", Severity.WARNING),
    ]
    assert [grant.client.text for grant in findings.reading.exports[0].grants] == ["slow"]


def test_a_name_that_nobody_knows_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text(f"{tmp_path} ghost(rw) localhost(rw)\n")
    findings = found(tmp_path / "exports", Names(lambda _: ()))

    assert codes(findings) == ["unresolved-host", "unresolved-host"]


def test_without_network_names_are_no_errors(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text(f"{tmp_path} some.host(rw) other.host(rw) localhost(rw)\n")
    findings = found(tmp_path / "exports")

    assert [(p.code, p.severity) for p in findings.problems] == [("names-not-asked", Severity.NOTE)]
    assert "some.host, other.host" in findings.problems[0].text


def test_a_place_where_this_user_may_not_look_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept_out(path: object) -> os.stat_result:
        raise PermissionError(13, f"Permission denied: {path}")

    (tmp_path / "exports").write_text("/secret/place localhost(rw)\n")
    monkeypatch.setattr(os, "lstat", kept_out)
    findings = found(tmp_path / "exports")

    assert [(p.code, p.place.line) for p in findings.problems] == [("not-seen", 1)]
    assert findings.valid


def test_another_systems_file_is_judged_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.write_text("/Users/dev/src -mapall=dev localhost\n")
    findings = found(path, Names(lambda _: ()), Dialect.DARWIN)

    assert findings.valid
    assert [p.code for p in findings.problems] == ["judged-elsewhere", "map-breaks-chown"]
    assert findings.files == (path,), "macOS has no folder of further files"


def test_the_table_of_the_configuration_says_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.write_text(f"{tmp_path} 127.0.0.1(rw)\n")
    host = Host.model_validate({"exports": str(path), "platform": "linux"})
    findings = read_exports(host, None, low_ports=False)

    assert findings.reading.dialect is Dialect.LINUX
    assert findings.dialled_from == IPv4Address("127.0.0.1")
    assert [p.code for p in findings.problems] == ["needs-low-ports"]


def test_an_address_that_nobody_knows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "exports"
    path.write_text("")
    findings = read(path, None, dialect=Dialect.LINUX, address="ghost", low_ports=True)

    assert [p.code for p in findings.problems] == ["host-unresolved"]
    assert findings.dialled_from == IPv4Address("127.0.0.1")


def test_the_dialect_follows_the_system() -> None:
    assert dialect_of("auto", "darwin") is Dialect.DARWIN
    assert dialect_of("auto", "linux") is Dialect.LINUX
    assert dialect_of("darwin", "linux") is Dialect.DARWIN
    assert dialect_of("linux", "darwin") is Dialect.LINUX


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "exports").symlink_to("real")

    assert found(tmp_path / "exports").valid
    assert stat.S_ISLNK((tmp_path / "exports").lstat().st_mode)
