import argparse
import io
import json
import os
import pty
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hostnfsd.cli import check
from hostnfsd.errors import Exit, FileMissingError

GOOD = "[gateway.dev-gw]\nport = 122\n"
BAD = "[gateway.dev-gw]\nport = 0\nhots = 1\n[tunnel]\nkeepalive_interval_s = 60\n"

#: The command as cli.main would run it, without what else that does.
PROGRAM = (
    "import argparse, sys\n"
    "from hostnfsd.cli import check\n"
    "parser = argparse.ArgumentParser()\n"
    "parser.add_argument('--config')\n"
    "check.add(parser.add_subparsers())\n"
    "args = parser.parse_args()\n"
    "code = args.run(args)\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.toml"
    (tmp_path / "none-yet").write_text("")
    path.write_text(GOOD + of_no_exports(path))
    return path


def of_no_exports(path: Path) -> str:
    """A table for a configuration at that path: of this machine's exports nothing depends."""
    return f'[host]\nexports = "{path.with_name("none-yet")}"\n'


def run(*words: str) -> int:
    """The command in this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    check.add(parser.add_subparsers())
    args = parser.parse_args(words)
    code: int = args.run(args)
    return code


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on stdout; nothing is on stderr."""
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    """The JSON on stdout; nothing is on stderr."""
    return json.loads("\n".join(said(capsys)))


def test_a_good_file_is_ok(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--config", str(file), "check") == Exit.OK

    last, exports = said(capsys)
    assert last == f"{file}: ok, 1 gateway, 6 services"
    assert exports.endswith("/none-yet: ok, 0 exports")


def test_every_problem_is_told_with_its_place(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(BAD + of_no_exports(file))

    assert run("--config", str(file), "check") == Exit.CONFIG_INVALID
    assert said(capsys)[:-1] == [
        f"{file}:2:1: error: gateway.dev-gw.port: 0 is not a port (1 to 65535) [out-of-range]",
        f"{file}:3:1: error: gateway.dev-gw.hots: unknown key [unknown-key]",
        '    hint: did you mean "host"?',
        (
            f"{file}:5:1: warning: tunnel.keepalive_interval_s: a dead gateway is noticed after"
            " 180 s only: interval × (count + 1) [slow-detection]"
        ),
        "    hint: clients hang that long; keep it below 60 s",
        f"{file}: 2 errors, 1 warning",
    ]


def test_show_lines_up_every_value(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--config", str(file), "check", "--show") == Exit.OK

    lines = said(capsys)
    assert lines[0] == "[gateway.dev-gw]"
    (port,) = (line for line in lines if line.startswith("  port "))
    (listen,) = (line for line in lines if line.startswith("  listen ") and "0.0.0.0" in line)
    assert re.fullmatch(r"  port +122 +x\.toml:2", port)
    assert port.index("122") == listen.index("[")
    assert port.index("x.toml") == listen.index("default")
    assert lines[-2].startswith(f"{file}: ok")


def test_show_of_a_bad_file_shows_the_problems(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(BAD)

    assert run("--config", str(file), "check", "--show") == Exit.CONFIG_INVALID
    assert said(capsys)[0].startswith(f"{file}:2:1: error: ")


def test_json_has_the_problems(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD)

    assert run("--config", str(file), "check", "--json") == Exit.CONFIG_INVALID
    report = answer(capsys)
    assert {key: report[key] for key in ("schema", "ok", "path")} == {
        "schema": 1,
        "ok": False,
        "path": str(file),
    }
    assert report["problems"][1] == {
        "code": "unknown-key",
        "severity": "error",
        "path": str(file),
        "line": 3,
        "column": 1,
        "text": "gateway.dev-gw.hots: unknown key",
        "hint": 'did you mean "host"?',
    }
    assert "effective" not in report


def test_json_has_the_values_if_asked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--config", str(file), "check", "--json", "--show") == Exit.OK

    report = answer(capsys)
    assert report["ok"]
    assert report["effective"]["gateway.dev-gw.port"] == {
        "value": 122,
        "origin": "file",
        "line": 2,
    }
    assert report["effective"]["access.allow"]["origin"] == "default"
    assert report["effective"]["host.keep_awake"]["origin"] == "default"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError):
        run("--config", str(tmp_path / "nothing"), "check")


def test_a_missing_file_is_a_problem_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "nothing")

    assert run("--config", path, "check", "--json") == Exit.FILE_MISSING
    report = answer(capsys)
    assert (report["ok"], report["path"]) == (False, path)
    assert report["problems"][0]["code"] == "file-missing"


def test_what_stdout_cannot_write_is_escaped(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = file.with_name("caf\udce9.toml")
    file.rename(strange)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii", write_through=True))

    assert run("--config", str(strange), "check") == Exit.OK
    assert b"caf\\udce9.toml: ok" in written.getvalue()


def on_a_terminal(file: Path, **environ: str) -> str:
    """What the command writes to a terminal."""
    main, other = pty.openpty()
    words = [sys.executable, "-c", PROGRAM, "--config", str(file), "check", "--show"]
    written = b""
    with subprocess.Popen(
        words, stdout=other, env={**os.environ, "TERM": "xterm-256color", **environ}
    ) as process:
        os.close(other)
        try:
            while block := os.read(main, 65536):
                written += block
        except OSError:  # Linux says EIO once the other end is closed and all is read
            pass
        os.close(main)
    assert process.returncode == 0
    return written.decode()


def test_a_terminal_gets_colours_and_the_same_text(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--config", str(file), "check", "--show")
    plain = said(capsys)

    written = on_a_terminal(file, NO_COLOR="")

    assert "\x1b[" in written
    lines = re.sub(r"\x1b\[[0-9;]*m", "", written).splitlines()
    assert [line.rstrip() for line in lines] == plain


def test_no_color_is_honoured(file: Path) -> None:
    assert "\x1b" not in on_a_terminal(file, NO_COLOR="1")


def test_plain_output_imports_nothing_heavy(file: Path) -> None:
    program = PROGRAM + "print(sorted({'rich', 'asyncssh', 'aiohttp', 'asyncio'} & {*sys.modules}))"

    result = subprocess.run(
        [sys.executable, "-c", program, "--config", str(file), "check"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def exported(file: Path) -> Path:
    """The exports file of the configuration."""
    path = file.with_name("exports")
    path.write_text(f"{file.parent} 127.0.0.1(rw,insecure) 10.0.0.0/8(ro)\n")
    file.write_text(f'{GOOD}[host]\nexports = "{path}"\nplatform = "linux"\n')
    return path


def test_exports_are_checked_as_well(
    file: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--config", str(file), "check") == Exit.OK

    *_, first, second = said(capsys)
    assert first.startswith(f"{file}: ok, 1 gateway, 6 services")
    assert second == f"{exported}: ok, 1 export, 1 through the tunnel"


def test_invalid_exports_exit_with_65(
    file: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported.write_text("/no/such/place *(rw,bogus)\n")

    assert run("--config", str(file), "check") == Exit.EXPORTS_INVALID
    found = said(capsys)
    assert f'{exported}:1:21: error: bogus: unknown keyword "bogus" [unknown-option]' in found
    assert found[-1] == f"{exported}: invalid, 0 exports, 1 error"


def test_a_missing_exports_file_is_told_with_a_cure(
    file: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported.unlink()

    assert run("--config", str(file), "check") == Exit.EXPORTS_INVALID
    assert "    hint: create it; it may be empty" in said(capsys)


def test_problems_of_both_are_told_at_once_and_the_configurations_count(
    file: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(file.read_text() + "[tunnel]\nkeepalive_interval_s = -1\n")
    exported.write_text("/x *(bogus)\n")

    assert run("--config", str(file), "check") == Exit.CONFIG_INVALID
    found = said(capsys)
    assert any("tunnel.keepalive_interval_s" in line and ": error: " in line for line in found)
    assert any("[unknown-option]" in line for line in found)
    assert found[-2:] == [f"{file}: 1 error", f"{exported}: invalid, 0 exports, 1 error"]


@pytest.mark.parametrize("broken", ["exports = 7", 'platform = "bsd"', "address = [", "= x"])
def test_where_the_host_is_not_understood_no_other_file_is_judged(
    broken: str, file: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported.write_text("/x *(bogus)\n")
    file.write_text(f"{GOOD}[host]\n{broken}\n")

    assert run("--config", str(file), "check") == Exit.CONFIG_INVALID
    found = said(capsys)
    assert found[-1] == "the exports file was not checked: [host] is not understood"
    assert not any("[unknown-option]" in line for line in found)


def test_names_are_not_looked_up(
    file: Path,
    exported: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked(*_: object, **__: object) -> object:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    exported.write_text(f"{file.parent} some.host(rw,insecure) localhost(rw,insecure)\n")

    assert run("--config", str(file), "check") == Exit.OK
    assert any(
        "some.host [names-not-asked]" in line and ": note: " in line for line in said(capsys)
    )


def test_json_has_the_exports(
    file: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported.write_text(f"{file.parent} *(rw)\n/x *(bogus)\n")

    assert run("--config", str(file), "check", "--json") == Exit.EXPORTS_INVALID
    report = answer(capsys)
    assert report["ok"] is False
    assert report["exports"] == {
        "ok": False,
        "files": [str(exported)],
        "dialect": "linux",
        "exports": 1,
        "mountable": 1,
    }
    told = [(p["code"], p["path"]) for p in report["problems"] if p["path"] == str(exported)]
    assert told == [("world-export", str(exported)), ("unknown-option", str(exported))]


def test_exports_kept_elsewhere_need_a_rule_of_access(
    file: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f'{GOOD}[host]\nexports = "none"\n')
    assert run("--config", str(file), "check") == Exit.CONFIG_INVALID
    found = said(capsys)
    assert any(
        f"{file}:4:1: error: host.exports: " in line and "[allow-needed]" in line for line in found
    )
    assert any("hint: in [access]: allow = " in line for line in found)

    file.write_text(f'{GOOD}[host]\nexports = "none"\n[access]\nallow = "any"\n')
    assert run("--config", str(file), "check", "--json") == Exit.OK
    report = answer(capsys)
    assert (report["ok"], report["exports"]) == (True, None)
    assert exported.exists()
