import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.tunnel import session_file
from hostnfsd.tunnel.own_session import NAMES, OwnSession, Place, SessionProcess
from hostnfsd.tunnel.session_file import Remembered, SessionFileError

BOOT = "ff9591e5-965d-4b23-bbe2-03e021c699df"
NUMBER = st.integers(min_value=2, max_value=10**17)
PROCESSES = st.builds(
    SessionProcess,
    st.builds(Place, st.just(BOOT), st.sampled_from(["-", "pid:[4026533003]"]), NUMBER),
    NUMBER,
    NUMBER,
    st.integers(min_value=0, max_value=2**32 - 1),
    st.sampled_from(NAMES),
)
SESSIONS = st.builds(
    OwnSession,
    st.text(),
    st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.frozensets(st.integers(min_value=1, max_value=65535)),
    st.none() | PROCESSES,
)
WRITTEN = st.dictionaries(st.text(), st.lists(SESSIONS, min_size=1, max_size=3).map(tuple))
SESSION = OwnSession(
    "SHA256:x",
    "admin@gw:22",
    1000.5,
    frozenset({111}),
    SessionProcess(Place(BOOT, "pid:[4026533003]", 7), 15, 1330855, 3022, "sshd"),
)


def text(remembered: Remembered) -> str:
    return session_file.text(remembered, config_path="/etc/hostnfsd/hostnfsd.toml", version="1")


@given(WRITTEN)
@pytest.mark.patient
def test_what_is_written_is_read(remembered: Remembered) -> None:
    assert session_file.read(text(remembered).encode()) == (remembered, 0)


def test_it_tells_people_what_it_is() -> None:
    document = json.loads(text({"dev-gw": (SESSION,), "gone": ()}))

    assert document["schema"] == 1
    assert document["config"] == "/etc/hostnfsd/hostnfsd.toml"
    assert "SSH sessions" in document["what"]
    assert list(document["gateways"]) == ["dev-gw"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is no JSON"),
        (b"\xff\xfe", "it is no JSON"),
        (b'{"schema": 1, "gateways": {"a', "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b"[]", "it remembers no sessions"),
        (b'{"schema": 1}', "it remembers no sessions"),
        (b'{"schema": 2, "gateways": {}}', "its schema is 2"),
        (b'{"gateways": {}}', "its schema is None"),
    ],
)
def test_what_is_not_ours_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(SessionFileError, match=says):
        session_file.read(content)


def changed(**values: Any) -> bytes:
    document = json.loads(text({"a": (SESSION, SESSION)}))
    first = document["gateways"]["a"][0]
    for key, value in values.items():
        (first["process"] if key in first["process"] else first)[key] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"pid": 1},
        {"pid": -1},
        {"pid": "15; reboot"},
        {"pid": 15.0},
        {"pid": True},
        {"name": "init"},
        {"boot_id": ""},
        {"pid_namespace": "`reboot`"},
        {"ports": [0]},
        {"ports": ["2049"]},
        {"ports": [True]},
        {"ports": None},
        {"since": "yesterday"},
        {"since": float("nan")},
        {"since": 10**400},
        {"host_key": None},
        {"process": []},
        {"process": {}},
    ],
    ids=str,
)
def test_one_that_makes_no_sense_is_left_out_and_counted(wrong: dict[str, Any]) -> None:
    assert session_file.read(changed(**wrong)) == ({"a": (SESSION,)}, 1)


@pytest.mark.parametrize("entries", [5, "x", {}, None])
def test_a_gateway_without_a_list_is_odd(entries: object) -> None:
    content = json.dumps({"schema": 1, "gateways": {"a": entries}}).encode()

    assert session_file.read(content) == ({"a": ()}, 1)


@given(st.binary(max_size=200))
def test_anything_else_is_refused_or_empty(content: bytes) -> None:
    try:
        remembered, _ = session_file.read(content)
    except SessionFileError:
        return
    assert not any(remembered.values())


def test_daemons_that_share_a_folder_have_files_of_their_own() -> None:
    names = {
        session_file.name(machine, path) for machine in ("mac", "linux") for path in ("/a", "/b")
    }

    assert len(names) == 4
    assert all(name.startswith("sessions-") for name in names)
