"""An ssh of the user's own: in what ssh prints, in the file, among the processes."""

import pytest

from hostnfsd.doctor.own_ssh import (
    OwnSsh,
    daemons,
    forwarded,
    master,
    persists,
    port_of,
    processes,
)

OURS = (111, 2049, 20048)
# OpenSSH 9.2: ssh -G of an alias with "RemoteForward 2049 127.0.0.1:2049" and the like.
OUTPUT = """\
user admin
hostname 127.0.0.1
port 122
controlmaster auto
controlpersist yes
remoteforward [0.0.0.0]:111 [127.0.0.1]:111
remoteforward 2049 [127.0.0.1]:2049
remoteforward 8080 [127.0.0.1]:80
remoteforward /run/x.sock [127.0.0.1]:20048
"""
# procps 4.0.2 and macOS 14: ps -axo pid=,etime=,args=
LISTING = """\
    1  1-02:03:04 /sbin/init
  900       05:06 ssh -N -R 2049:127.0.0.1:2049 admin@gw
  901    01:02:03 /usr/bin/ssh -fNR 0.0.0.0:111:localhost:111 -R[::]:20048:[::1]:20048 gw
  902       00:01 ssh dev-gw
  903       00:01 vim ssh -R 2049:a:1
  904       00:01 autossh -M 0 -R 20048:localhost:20048 'it"s
  905       00:01 ssh -R 9999:localhost:1 other
  906       00:02 sshd: admin
  907       00:00 ssh -F /x -O check dev-gw
nonsense
"""


def test_the_ports_of_ours_that_an_alias_forwards() -> None:
    assert forwarded(OUTPUT, OURS) == (111, 2049)
    assert forwarded("user x\n", OURS) == ()


@pytest.mark.parametrize(
    ("value", "stays"), [("yes", True), ("600", True), ("no", False), ("0", False)]
)
def test_whether_its_session_stays(value: str, stays: bool) -> None:
    assert persists(f"host x\ncontrolpersist {value}\n") is stays


def test_a_session_of_the_alias_that_stands() -> None:
    # OpenSSH 9.2: ssh -O check, and what ps calls such a session.
    listing = "  632       00:10 ssh: /tmp/10.77.0.2-22-admin [mux]\n"

    found = master("Master running (pid=632)\r\n", listing, "ssh -O exit gw")
    assert found == OwnSsh(632, "00:10", "ssh: /tmp/10.77.0.2-22-admin [mux]", (), "ssh -O exit gw")
    assert found.ending == "ssh -O exit gw"
    gone = master("Master running (pid=7)\n", listing, "x")
    assert gone is not None
    assert gone.pid == 7
    assert master("Control socket connect(/x): No such file or directory\n", listing, "x") is None
    assert OwnSsh(3, "00:01", "ssh").ending == "kill 3"


def test_processes_that_may_hold_a_port() -> None:
    found = processes(LISTING, "dev-gw", OURS)

    assert [(each.pid, each.ports) for each in found] == [
        (900, (2049,)),
        (901, (111, 20048)),
        (902, ()),
        (904, (20048,)),
    ]
    assert found[0].age == "05:06"
    assert found[0].command == "ssh -N -R 2049:127.0.0.1:2049 admin@gw"


def test_other_daemons_of_ours() -> None:
    listing = (
        "  10    01:00 /opt/venv/bin/python3.12 -m hostnfsd --config /a.toml run\n"
        "  11    01:00 /usr/bin/python3 /usr/local/bin/hostnfsd run --launchd\n"
        "  12    01:00 hostnfsd run\n"
        "  13    01:00 sudo hostnfsd run\n"
        "  14    01:00 /usr/bin/python3 -m hostnfsd doctor\n"
        "  15    01:00 vim hostnfsd run\n"
        "  16    01:00 python3 run\n"
    )

    assert [each.pid for each in daemons(listing, None)] == [10, 11, 12]
    assert [each.pid for each in daemons(listing, 11)] == [10, 12]
    assert daemons(listing, 11)[0].ending == "kill 10"


def test_an_alias_that_forwards_nothing_makes_nobody_suspect() -> None:
    assert [each.pid for each in processes(LISTING, "", OURS)] == [900, 901, 904]


@pytest.mark.parametrize(
    ("word", "port"),
    [("2049", 2049), ("0.0.0.0:2049", 2049), ("[::]:2049", 2049), ("/run/x", None), ("*:1", 1)],
)
def test_ports_of_listen_addresses(word: str, port: int | None) -> None:
    assert port_of(word) == port
