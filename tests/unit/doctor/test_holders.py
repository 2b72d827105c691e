"""Who may hold a port of the gateway."""

import subprocess

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


def test_the_command_runs_in_a_plain_shell_and_changes_nothing() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", COMMAND], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stderr == ""
    assert all(line.split()[0] in {"holder", "session"} for line in done.stdout.splitlines())
