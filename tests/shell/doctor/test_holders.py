"""Who may hold a port of the gateway."""

import os
import socket
import subprocess

import pytest

from hostnfsd.doctor.holders import COMMAND, Holder, of_port, read

OUTPUT = """\
session 77 120 sshd: admin@notty
holder 2049 812 10800 nginx: master process /usr/sbin/nginx
holder x y z
garbage
"""


def test_what_it_prints_is_read() -> None:
    assert read(OUTPUT) == (
        Holder(77, 120, "sshd: admin@notty"),
        Holder(812, 10800, "nginx: master process /usr/sbin/nginx", 2049),
    )
    assert read(None) == ()


def test_who_was_seen_counts_else_candidates() -> None:
    found = read(OUTPUT)

    assert [holder.pid for holder in of_port(found, 2049)] == [812]
    assert [holder.pid for holder in of_port(found, 20048)] == [77]


def test_words_say_how_old_it_is() -> None:
    session, nginx = read(OUTPUT)

    assert "2 min" in session.words
    assert "a login of ours" in session.words
    assert nginx.words.startswith("nginx: master process")
    assert "3 h" in nginx.words


@pytest.mark.parametrize("shell", [["/bin/sh"], ["bash"], ["busybox", "sh"]], ids=" ".join)
def test_a_listener_of_our_own_is_seen(shell: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = [*shell, "-c", COMMAND]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        port = listener.getsockname()[1]

    (holder,) = of_port(read(done.stdout), port)
    assert (holder.pid, holder.port) == (os.getpid(), port)
    assert holder.seconds >= 0
    assert "python" in holder.command


def test_the_command_runs_in_a_plain_shell_and_changes_nothing() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", COMMAND], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stderr == ""
    assert all(line.split()[0] in {"holder", "session"} for line in done.stdout.splitlines())


def test_what_our_own_session_forks_is_no_other_login() -> None:
    """An sshd forks for each command, and the child is called as its parent is for a moment."""
    script = """
    (exec -a 'sshd: me@notty' sleep 30) & forked=$!
    until grep -q '^sshd' "/proc/$forked/cmdline"; do :; done
    /bin/sh -c "$COMMAND"
    kill "$forked"
    echo "forked $forked $$"
    """
    done = subprocess.run(
        ["bash", "-c", "exec -a 'sshd: me@notty' bash -c \"$SCRIPT\""],
        env={**os.environ, "SCRIPT": script, "COMMAND": COMMAND},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    *_, last = done.stdout.splitlines()
    _, forked, session = last.split()
    assert {int(forked), int(session)}.isdisjoint(
        holder.pid for holder in read(done.stdout) if holder.port is None
    )
