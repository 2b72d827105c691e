"""A pasted message finds its entry, whatever machine, case and terminal it comes from."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.doctor.catalogue import CATALOGUE
from hostnfsd.doctor.explain import MOST, explain

SYMPTOMS = [(each.code, symptom) for each in CATALOGUE for symptom in each.symptoms]

hosts = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,8}){0,2}", fullmatch=True),
)
paths = st.from_regex(r"(/[A-Za-z0-9_.-]{1,12}){1,5}", fullmatch=True)
ports = st.integers(1, 65535).map(str)
words = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
CASES: list[Callable[[str], str]] = [str, str.upper, str.lower, str.title]
FILLED = {"host": hosts, "path": paths, "port": ports, "n": st.integers(0, 9999).map(str)}


def codes(text: str) -> list[str]:
    return [match.entry.code for match in explain(text)]


@given(st.data())
def test_any_message_of_the_catalogue_is_found_whatever_is_in_it(data: st.DataObject) -> None:
    code, symptom = data.draw(st.sampled_from(SYMPTOMS))
    text = re.sub(
        r"\{(\w+)\}", lambda name: data.draw(FILLED.get(name[1], words), label=name[1]), symptom
    )
    breaks = data.draw(st.lists(st.sampled_from([" ", "\n", "\r\n", "  ", "\t"]), min_size=1))
    parts = text.split(" ")
    broken = parts[0] + "".join(
        breaks[number % len(breaks)] + part for number, part in enumerate(parts[1:])
    )
    cased = data.draw(st.sampled_from(CASES))(broken)
    before = data.draw(st.sampled_from(["", "Nov 27 12:00:01 node kernel: ", "# mount x\n", "  "]))

    found = codes(before + cased + data.draw(st.sampled_from(["", "\n", "\n$ "])))

    same = [each.code for each in CATALOGUE if symptom in each.symptoms]
    assert code in found or (len(same) > MOST and set(found) <= set(same))


@given(st.text(max_size=300))
def test_anything_may_be_pasted(text: str) -> None:
    assert len(explain(text)) <= MOST


@pytest.mark.parametrize(
    "text", ["", "   ", "hello world", "Segmentation fault (core dumped)", "404 Not Found", "ok"]
)
def test_of_what_is_not_known_nothing_is_told(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "mount.nfs: access denied by server while mounting 172.22.0.12:/Users/me/docs",
            {"client-not-admitted", "exports-deny", "nobody-admitted", "reserved-port"},
        ),
        ("Connection reset by peer", {"connection-closed"}),
        ("mount.nfs: Protocol not supported", {"version-4"}),
        ("mount.nfs: rpc.statd is not running but is required for remote locking.", {"no-nolock"}),
        ("mount.nfs: Operation not permitted", {"no-cap-sys-admin"}),
        ("ls: /mnt/a: Stale file handle", {"stale-handle"}),
        (
            "Warning: remote port forwarding failed for listen port 2049",
            {"port-busy", "forwarding-forbidden", "low-port-forbidden", "own-ssh"},
        ),
        ("@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@", {"host-key-changed"}),
        ("admin@127.0.0.1: Permission denied (publickey).", {"login-refused"}),
        ("Not allowed at this time", {"gateway-turns-away"}),
        (
            "mount.nfs: Connection refused for dev-gw:/src on /mnt",
            {"mountd-port", "gateway-ports-no", "tunnel-down", "daemon-not-running"},
        ),
        ("flock: 3: No locks available", {"no-nolock"}),
        ("rpc mount export: RPC: Timed out", {"service-frozen"}),
        ("touch: cannot touch 'x': Read-only file system", {"read-only"}),
        ("exportfs: /docs does not support NFS export", {"not-exportable"}),
        ("error: connect_to localhost port 2049: failed.", {"server-down"}),
        (
            "mount: wrong fs type, bad option, bad superblock on dev-gw:/src,\n missing codepage",
            {"no-nfs-client"},
        ),
    ],
)
def test_the_messages_that_people_meet(text: str, expected: set[str]) -> None:
    found = codes(text)

    assert expected <= set(found)
    assert found[0] in expected


def test_words_that_are_left_out_or_changed_do_no_harm() -> None:
    assert codes("rpc.statd isn't running, but required for the remote locking")[0] == "no-nolock"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kex_exchange_identification: Connection closed", ["gateway-down"]),
        ("$ ssh dev-gw\nkex_exchange_identification: Connection closed", ["gateway-down"]),
        ("mount.nfs: rpc.statd is not", ["no-nolock"]),
        ("rpc.statd is not", ["no-nolock"]),
    ],
)
def test_the_beginning_of_a_message_is_enough(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "failed to mount",
        "Connection closed",
        "No such file or directory",
        "mount failed: exit status 32",
        "the file is gone",
        "Error response from daemon: pull access denied for src",
        "kex_exchange",
    ],
)
def test_what_could_be_anything_is_not_guessed_at(text: str) -> None:
    assert codes(text) == []


KUBELET = """\
  Warning  FailedMount  3s (x5 over 20s)  kubelet  MountVolume.SetUp failed for volume "src" : \
mount failed: exit status 32
Mounting command: mount
Mounting arguments: -t nfs dev-gw:/srv/src /var/lib/kubelet/pods/0d2f/volumes/kubernetes.io~nfs/src
Output: {}
"""
DOCKER = (
    "docker: Error response from daemon: error while mounting volume"
    " '/var/lib/docker/volumes/src/_data': "
)
LOCAL = (
    "failed to mount local volume: mount :/srv/src:/var/lib/docker/volumes/src/_data, data:"
    " addr=172.22.0.12,vers=3,proto=tcp,port=2049,mountport=20048,nolock,hard: "
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            KUBELET.format("mount.nfs: access denied by server while mounting dev-gw:/srv/src"),
            {"client-not-admitted", "exports-deny", "nobody-admitted", "reserved-port"},
        ),
        (
            KUBELET.format(
                "mount.nfs: rpc.statd is not running but is required for remote locking.\n"
                "mount.nfs: Either use '-o nolock' to keep locks local, or start statd."
            ),
            {"no-nolock"},
        ),
        (KUBELET.format("mount.nfs: Protocol not supported"), {"version-4"}),
        (
            KUBELET.format(
                "mount: /x: bad option; for several filesystems (e.g. nfs, cifs) you might need"
                " a /sbin/mount.<type> helper program."
            ),
            {"no-nfs-client"},
        ),
        (
            KUBELET.format("mount.nfs: Failed to resolve server dev-gw: Name or service not known"),
            {"client-way-blocked"},
        ),
        (
            DOCKER + LOCAL + "permission denied.",
            {"client-not-admitted", "exports-deny", "nobody-admitted", "reserved-port"},
        ),
        (DOCKER + LOCAL + "operation not permitted.", {"no-cap-sys-admin", "exports-deny"}),
        (DOCKER + LOCAL + "connection refused.", {"mountd-port", "gateway-ports-no"}),
        (DOCKER + LOCAL + "no such file or directory", {"exports-deny"}),
        (DOCKER + LOCAL + "protocol not supported", {"version-4"}),
        (
            DOCKER + "error resolving passed in network volume address: lookup dev-gw on"
            " 192.168.65.7:53: no such host",
            {"client-way-blocked"},
        ),
    ],
)
def test_what_kubectl_describe_and_docker_make_of_it(text: str, expected: set[str]) -> None:
    assert set(codes(text)) == expected


def test_a_code_finds_its_entry() -> None:
    assert codes("[Port-Busy]") == ["port-busy"]


def test_a_whole_log_is_searched_for_its_telling_line() -> None:
    telling = "nfs: server dev-gw not responding, still trying\n"

    assert codes("Nov 1 a b c\n" * 300 + telling) == ["client-waits"]
    # Of a very long one the end counts: there it went wrong.
    assert codes("Nov 1 a b c\n" * 3000 + telling) == ["client-waits"]
    assert codes(telling + "Nov 1 a b c\n" * 3000) == []
