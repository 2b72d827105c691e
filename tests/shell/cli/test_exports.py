"""``hostnfsd exports``, from the command line to files, a server and a daemon, and back."""

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostnfsd.cli import exports
from hostnfsd.cli.main import main
from hostnfsd.errors import Exit
from hostnfsd.services import Service
from tests.support.exports_text import TEXTS
from tests.support.nfs_host import NfsHost, nfs_host
from tests.support.ports import free_port

WORDS_64 = "invalid choice: 'bsd'"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No configuration and no daemon of this machine; and time for whoever is asked."""
    monkeypatch.setattr(exports, "_ASKED_S", 20.0)
    monkeypatch.setattr(exports, "_DAEMON_S", 20.0)
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HOSTNFSD_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    return tmp_path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "exports"
    path.write_text(f"{tmp_path} 127.0.0.1(rw,insecure)\n")
    return path


def configured(folder: Path, *lines: str, **host: object) -> str:
    """A configuration: further lines, and keys of ``[host]``; its path."""
    path = folder / "hostnfsd.toml"
    table = [f"{key} = {json.dumps(value)}" for key, value in host.items()]
    path.write_text("\n".join(["[gateway.dev-gw]", *lines, "[host]", *table, ""]))
    return str(path)


def given_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def flat(lines: list[str]) -> str:
    """Lines as one, however they were broken."""
    return " ".join(" ".join(lines).split())


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads("\n".join(said(capsys)))


def test_a_good_file_is_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exports", "--dialect", "linux", "--file", str(file)]) == Exit.OK

    found = said(capsys)
    assert flat(found).startswith(f"Exports of {file}, as Linux reads them")
    assert f" {file.parent}: read and write, root as 65534:65534" in flat(found)
    assert "  nobody yet: the networks next to the gateway are not known" in found
    assert found[-1] == f"{file}: ok, 1 export, 1 through the tunnel"
    assert "The server itself" not in found, "a file that was named is not the server's"


def test_errors_exit_with_65(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("/no/such/place *(rw,bogus)\n")
    assert main(["exports", "--dialect", "linux", "--file", str(file)]) == Exit.EXPORTS_INVALID

    found = said(capsys)
    assert f'{file}:1:21: error: bogus: unknown keyword "bogus" [unknown-option]' in found
    assert found[-1] == f"{file}: invalid, 0 exports, 1 error"


def test_the_json_says_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f"{file.parent} *(rw)\n/no/place *(bogus)\n")
    words = ["exports", "--json", "--dialect", "linux", "--file", str(file)]

    assert main(words) == Exit.EXPORTS_INVALID
    document = answer(capsys)
    assert (document["schema"], document["ok"], document["errors"]) == (1, False, 1)
    assert document["files"] == [str(file)]
    assert document["server"] is None
    assert [problem["code"] for problem in document["problems"]] == [
        "world-export",
        "unknown-option",
    ]
    assert document["problems"][0]["path"] == str(file)


def test_stdin_is_a_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given_stdin(monkeypatch, file.read_bytes())
    assert main(["exports", "--dialect", "linux", "--file", "-"]) == Exit.OK
    assert said(capsys)[0] == "Exports of <stdin>, as Linux reads them"

    given_stdin(monkeypatch, b"/x *(bogus)\n")
    assert main(["exports", "--dialect", "linux", "--file", "-"]) == Exit.EXPORTS_INVALID
    assert any(line.startswith("<stdin>:1:6: error:") for line in said(capsys))


def test_a_pipe_is_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.write(writing, file.read_bytes())
    os.close(writing)
    try:
        path = f"/dev/fd/{reading}"
        assert main(["exports", "--dialect", "linux", "--file", path]) == Exit.OK
    finally:
        os.close(reading)
    assert said(capsys)[-1].endswith(": ok, 1 export, 1 through the tunnel")


@pytest.mark.parametrize("dialect", ["darwin", "linux"])
def test_the_other_systems_file_is_read_as_far_as_it_goes(
    dialect: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = "darwin" if sys.platform == "darwin" else "linux"
    line = "/elsewhere/x localhost\n" if dialect == "darwin" else "/elsewhere/x 127.0.0.1(rw)\n"
    file.write_text(line)
    code = main(["exports", "--dialect", dialect, "--file", str(file)])

    judged = any("[judged-elsewhere]" in found for found in said(capsys))
    assert judged == (dialect != here)
    assert code == (Exit.OK if judged else Exit.EXPORTS_INVALID), "only here the path is missed"


def test_a_missing_file_exits_with_66(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exports", "--file", str(tmp_path / "nothing")]) == Exit.FILE_MISSING
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"hostnfsd: {tmp_path}/nothing is not there\n")

    words = ["exports", "--json", "--file", str(tmp_path / "nothing")]
    assert main(words) == Exit.FILE_MISSING
    document = answer(capsys)
    assert (document["ok"], document["problems"][0]["code"]) == (False, "file-missing")


@pytest.mark.parametrize(
    ("name", "why"),
    [(".", "cannot be read: Is a directory"), ("x/y\0z", "is no file name")],
)
def test_what_is_no_file_exits_with_66(
    name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exports", "--file", str(tmp_path / name)]) == Exit.FILE_MISSING
    out, err = capsys.readouterr()
    assert out == ""
    assert why in err


@pytest.fixture
def unprivileged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that the user, who is not root meanwhile, may not read."""
    shown = Path("/dev/shm") / f"exports-{os.getpid()}"  # pytest's folders are closed to others
    shown.touch(0o600)
    monkeypatch.setenv("HOME", "/nonexistent")
    main(["exports", "--file", str(shown), "--json"])  # imports what it needs
    shown.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield shown
    finally:
        if root:
            os.seteuid(0)
        shown.unlink()


def test_a_file_that_may_not_be_read_exits_with_77(
    unprivileged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["exports", "--file", str(unprivileged)]) == Exit.NO_PERMISSION
    out, err = capsys.readouterr()

    assert out == ""
    assert err.splitlines() == [
        f"hostnfsd: {unprivileged} may not be read: Permission denied",
        f"    hint: see who may: ls -l {unprivileged}",
    ]


def test_a_place_that_may_not_be_looked_at_is_no_error(
    unprivileged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    hidden = unprivileged.with_name(f"{unprivileged.name}.d")
    os.seteuid(0)
    hidden.mkdir(0o700)
    os.seteuid(65534)
    try:
        given_stdin(monkeypatch, f"{hidden}/place 127.0.0.1(rw,insecure)\n".encode())
        code = main(["exports", "--dialect", "linux", "--file", "-"])
    finally:
        os.seteuid(0)
        hidden.rmdir()

    assert code == Exit.OK
    assert any("[not-seen]" in line for line in said(capsys))


def test_a_dialect_that_does_not_exist_exits_with_64(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["exports", "--dialect", "bsd"])

    assert caught.value.code == Exit.USAGE
    assert WORDS_64 in capsys.readouterr().err


def test_a_configuration_with_errors_exits_with_78(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path, exports=str(file), hots=1)

    assert main(["--config", config, "exports"]) == Exit.CONFIG_INVALID
    assert "host.hots: unknown key" in capsys.readouterr().err


def test_a_configuration_that_was_named_must_be_there(tmp_path: Path, file: Path) -> None:
    words = ["--config", str(tmp_path / "nothing.toml"), "exports", "--file", str(file)]

    assert main(words) == Exit.FILE_MISSING


def test_bytes_that_are_no_text_are_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"/srv/\xe4 *(rw)\n\xff\n")
    main(["exports", "--dialect", "linux", "--file", str(file)])

    found = "\n".join(said(capsys))
    assert "/srv/\\udce4" in found


def test_a_huge_file_is_refused_at_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with file.open("wb") as growing:
        growing.truncate(1 << 32)

    assert main(["exports", "--dialect", "linux", "--file", str(file)]) == Exit.EXPORTS_INVALID
    assert any("it has more than 1024 KiB [cannot-open]" in line for line in said(capsys))


@pytest.mark.patient
def test_thousands_of_lines_are_read(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = "".join(f"/srv/{n} 10.0.{n // 256}.{n % 256}(rw,insecure)\n" for n in range(3000))
    file.write_text(many)

    assert main(["exports", "--dialect", "linux", "--file", str(file)]) == Exit.EXPORTS_INVALID
    assert said(capsys)[-1].startswith(f"{file}: invalid, 3000 exports, 0 through the tunnel")


async def run(*words: str) -> int:
    return await asyncio.to_thread(main, list(words))


async def compared(host: NfsHost, tmp_path: Path, file: Path, *words: str, **more: object) -> int:
    port = host.port(Service.RPCBIND)
    config = configured(
        tmp_path,
        "[services]",
        f"rpcbind = {{ port = 111, host_port = {port} }}",
        exports=str(file),
        platform="linux",
        **more,
    )
    return await run("--config", config, "exports", *words)


async def test_a_server_that_runs_is_asked_and_agrees(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"{tmp_path} *(rw,insecure)\n")
    async with nfs_host(Service.MOUNTD, Service.NFS) as host:
        host.exports = {str(tmp_path): 0}
        assert await compared(host, tmp_path, file) == Exit.OK

    assert "  exports 1 path, as the file says" in said(capsys)


@pytest.mark.parametrize("version", [2, 3])
async def test_a_server_that_was_not_told_is_a_problem(
    version: int, tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nfs_host(Service.MOUNTD, Service.NFS) as host:
        host.manners[Service.RPCBIND].versions = (version, 3)
        host.exports = {"/srv/old": 0}
        assert await compared(host, tmp_path, file) == Exit.OK, "the file itself is fine"

    found = said(capsys)
    assert "  exports 1 path, and differs from the file: see below" in found
    changed = "the file changed since it was read"
    assert (
        f"{file}: warning: /srv/old: the server exports it, the file does not: {changed}"
        " [still-served]"
    ) in found
    assert (
        f"{file}:1:1: warning: {tmp_path}: the file exports it, the server does not: {changed}"
        " [not-served]"
    ) in found


async def test_a_server_that_cannot_be_asked_is_no_problem(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(
        tmp_path,
        "[services]",
        f"mountd = {{ port = 20048, host_port = {free_port()} }}",
        exports=str(file),
        platform="linux",
    )

    assert await run("--config", config, "exports", "--json") == Exit.OK
    document = answer(capsys)
    assert document["server"]["answered"] is False
    assert document["server"]["text"].endswith(" refuses connections: no NFS server runs there")


async def test_a_host_without_mountd_is_told(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nfs_host(Service.NFS) as host:
        assert await compared(host, tmp_path, file) == Exit.OK

    assert "knows no mountd: no NFS server runs there" in flat(said(capsys))


async def test_exports_that_are_kept_elsewhere_are_the_servers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nfs_host(Service.MOUNTD) as host:
        path = configured(
            tmp_path,
            "[services]",
            f"rpcbind = {{ port = 111, host_port = {host.port(Service.RPCBIND)} }}",
            "[access]",
            'allow = "any"',
            exports="none",
        )
        assert await run("--config", path, "exports") == Exit.OK
        found = said(capsys)
        assert await run("--config", path, "exports", "--json") == Exit.OK
        document = answer(capsys)

    assert found[0] == 'host.exports = "none": the server keeps its exports elsewhere'
    assert found[-1] == "  /export: everybody"
    assert document["server"]["exports"] == [{"path": "/export", "clients": []}]


def test_a_file_of_the_configuration_that_is_missing_is_invalid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(
        tmp_path,
        "[services]",
        f"mountd = {{ port = 20048, host_port = {free_port()} }}",
        exports=str(tmp_path / "nothing"),
        platform="linux",
    )

    assert main(["--config", config, "exports"]) == Exit.EXPORTS_INVALID
    assert "    hint: create it; it may be empty" in said(capsys)


def test_the_networks_of_gateways_are_read_plainly() -> None:
    document = {
        "gateways": [
            {"access": {"networks": ["172.22.0.0/16", "nonsense", "fd00::/64"]}},
            {"access": {"networks": ["172.22.0.0/16"]}},
            {"name": "of an older daemon"},
        ]
    }

    assert list(map(str, exports.networks_in(document))) == ["172.22.0.0/16", "fd00::/64"]
    assert exports.networks_in({}) == ()


def nobody_knows(*_: object, **__: object) -> object:
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=200) | TEXTS.map(lambda t: t.encode("utf-8", "surrogateescape")),
    dialect=st.sampled_from(["darwin", "linux"]),
    form=st.sampled_from([[], ["--json"]]),
)
@pytest.mark.patient
def test_no_bytes_make_it_crash(content: bytes, dialect: str, form: list[str]) -> None:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setattr(socket, "getaddrinfo", nobody_knows)
        given_stdin(patch, content)
        code = main(["exports", "--dialect", dialect, "--file", "-", *form])

    assert code in {Exit.OK, Exit.EXPORTS_INVALID}
    if form:
        document = json.loads(out.getvalue())
        assert document["ok"] == (code == Exit.OK)


def test_it_starts_without_what_daemons_need(file: Path) -> None:
    script = (
        "import sys; from hostnfsd.cli.main import main\n"
        "main(['exports', '--file', sys.argv[1]])\n"
        "print(sorted({'asyncio', 'asyncssh', 'aiohttp', 'http', 'rich'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_terminal_gets_colours_unless_it_declines(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b[" in on_a_terminal(file, monkeypatch.setenv)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_a_terminal(file, monkeypatch.setenv)


def on_a_terminal(file: Path, setenv: Callable[[str, str], None]) -> str:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    setenv("TERM", "xterm-256color")
    setenv("FORCE_COLOR", "1")
    out = Terminal()
    with redirect_stdout(out):
        main(["exports", "--dialect", "linux", "--file", str(file)])
    return out.getvalue()
