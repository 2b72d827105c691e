"""The last hop by a client's shell: the script in real shells, and what its output says."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hostnfsd.access_view import Remedy
from hostnfsd.doctor.client_probe import (
    SCRIPT,
    XID,
    Seen,
    judge,
    null_call,
    octal,
    read,
    turned_away,
)
from hostnfsd.doctor.finding import Outcome
from hostnfsd.services import Service
from hostnfsd.snapshot import Refusal, RefusedView
from hostnfsd.sunrpc import record, rpc, xdr

pytestmark = pytest.mark.patient

CALL = null_call(Service.NFS, 3)
GOOD = record.encode(xdr.encode(rpc.Accepted(XID)))
DENIED = record.encode(xdr.encode(rpc.Denied(XID, rpc.AuthError(rpc.AuthStat.AUTH_TOOWEAK))))


def test_the_call_is_a_null_of_nfs() -> None:
    (body,) = record.RecordReader(1024).feed(CALL)

    call = rpc.decode_message(body)
    assert isinstance(call, rpc.Call)
    assert (call.xid, call.program, call.version, call.procedure) == (XID, 100003, 3, 0)


@contextmanager
def service(answer: bytes) -> Iterator[int]:
    """Answers one caller."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as client:
                while len(client.recv(100, socket.MSG_PEEK)) < len(CALL):
                    pass
                assert client.recv(100) == CALL
                client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def tools(folder: Path, *names: str) -> dict[str, str]:
    """An environment in which only these programs are there, and those of every image."""
    for name in ("sh", "head", "od", "tr", "sleep", "timeout", *names):
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return {"PATH": str(folder)}


def run(env: dict[str, str], port: int, shell: str = "/bin/sh") -> Seen:
    words = [shell, "-c", SCRIPT, "hostnfsd", "127.0.0.1", str(port), octal(CALL)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=env, timeout=20)
    return read(done.stdout)


@pytest.mark.parametrize("answer", [GOOD, DENIED], ids=["answered", "denied"])
def test_bash_alone_calls_null(tmp_path: Path, answer: bytes) -> None:
    with service(answer) as port:
        seen = run(tools(tmp_path, "bash"), port)

    assert (seen.tool, seen.reply[:48]) == ("bash", answer.hex()[:48])
    found = judge(seen, "gw:2049", "")
    assert found.outcome is (Outcome.PASS if answer == GOOD else Outcome.FAIL)
    assert found.code == (None if answer == GOOD else "client-not-admitted")


def busybox(folder: Path, *names: str) -> dict[str, str]:
    """An environment as in an image that has busybox and nothing else."""
    program = shutil.which("busybox")
    assert program is not None, "busybox is missing: packaging/install-test-packages.sh"
    for name in names:
        (folder / name).symlink_to(program)
    return {"PATH": str(folder)}


@pytest.mark.parametrize("answer", [GOOD, DENIED], ids=["answered", "denied"])
def test_busybox_alone_calls_null(tmp_path: Path, answer: bytes) -> None:
    env = busybox(tmp_path, "sh", "nc", "head", "od", "tr", "sleep", "timeout")
    with service(answer) as port:
        seen = run(env, port, str(tmp_path / "sh"))

    assert (seen.tool, seen.reply[:48]) == ("nc", answer.hex()[:48])


@pytest.mark.parametrize("tool", ["python3", "perl"])
def test_others_only_connect(tmp_path: Path, tool: str) -> None:
    env = tools(tmp_path, tool) | {"PYENV_VERSION": os.environ.get("PYENV_VERSION", "")}
    (tmp_path / tool).unlink()
    (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = run(env, listener.getsockname()[1])

    assert (seen.tool, seen.open) == (tool, True)
    assert judge(seen, "gw:2049", "").outcome is Outcome.PASS


def test_a_port_that_refuses(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    seen = run(tools(tmp_path, "bash"), port)

    assert not seen.open
    found = judge(seen, "gw:2049", "")
    assert found.code == "client-way-blocked"
    assert "refused" in found.text


def test_a_client_with_nothing_to_connect_with(tmp_path: Path) -> None:
    assert judge(run(tools(tmp_path), 1), "gw:1", "").outcome is Outcome.SKIP


def test_a_command_that_does_not_run_a_shell() -> None:
    output = "Error response from daemon: No such container: x\n"
    found = judge(read(output), "gw:2049", output, command="docker exec x")

    assert found.code == "client-command"
    assert found.commands == ("docker exec x sh -c 'echo well'",)
    assert "No such container" in found.text


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (GOOD.hex(), None),
        (GOOD.hex().replace(f"{XID:08x}", "00000007"), "foreign-holder"),
        (GOOD.hex()[:16] + "0" * 24, "foreign-holder"),
    ],
)
def test_replies(reply: str, code: str | None) -> None:
    assert judge(Seen("nc", reply, open=True), "gw", "").code == code


def test_garbage_is_passed_over() -> None:
    assert read("said xyz\nhello\ntool bash\n") == Seen("bash")


def test_whom_the_gate_keeps_out_is_told_with_what_lets_him_in() -> None:
    remedy = Remedy('allow = ["10.0.0.7"]', ("/srv -network 10.0.0.7",), "/etc/exports")
    refused = RefusedView(
        "gw", Service.NFS, "10.0.0.7", Refusal.NOT_ADMITTED, 1, 0.0, "nobody may", remedy
    )
    denied = Seen("nc", DENIED.hex(), open=True)

    found = judge(denied, "gw:2049", "", refused)
    assert found.code == "client-not-admitted"
    assert "10.0.0.7 is not admitted: nobody may" in found.text
    assert found.cure == (
        "to let it in, under [access] in the configuration:",
        '> allow = ["10.0.0.7"]',
        "or in /etc/exports, beside what is there:",
        "> /srv -network 10.0.0.7",
    )
    unhelped = judge(denied, "gw:2049", "", replace(refused, remedy=None))
    assert unhelped.cure == ("let the exports admit it",)
    assert judge(denied, "gw:2049", "").commands == ("hostnfsd status --clients",)
    # A daemon has to be told that its configuration was mended.
    assert judge(denied, "gw:2049", "", refused, daemon=True).cure == (
        *found.cure,
        "$ hostnfsd reload",
    )


def test_of_those_that_were_turned_away_ours_came_meanwhile_and_alone() -> None:
    ours = RefusedView("gw", Service.NFS, "10.0.0.7", Refusal.NOT_ADMITTED, 3, 100.5)
    others = (
        replace(ours, host="10.0.0.8", last=99.0),
        replace(ours, host="10.0.0.9", service=Service.MOUNTD),
        replace(ours, host="10.0.0.9", gateway="elsewhere"),
        replace(ours, host="10.0.0.9", reason=Refusal.LIMIT),
    )

    assert turned_away((*others, ours), "gw", Service.NFS, 100.0) == ours
    assert turned_away(others, "gw", Service.NFS, 100.0) is None
    both = (ours, replace(ours, host="10.0.0.8"))
    assert turned_away(both, "gw", Service.NFS, 100.0) is None
