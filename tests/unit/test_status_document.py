"""The status document: nothing is lost on the way, and strangers are told apart."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.services import Service
from hostnfsd.snapshot import Snapshot
from hostnfsd.status_document import DocumentError, from_json, to_json
from tests.support.snapshots import gateway, snapshot, troubled


def through_json(document: object) -> Any:
    return json.loads(json.dumps(document))


@pytest.mark.parametrize(
    "whole",
    [
        snapshot(),
        troubled(),
        snapshot(gateway("a"), gateway("b")),
        snapshot(gateway("a", services=(), off=tuple(Service))),
    ],
)
def test_a_snapshot_survives_the_way_to_json_and_back(whole: Snapshot) -> None:
    assert from_json(through_json(to_json(whole))) == whole


def test_members_that_a_newer_daemon_added_are_ignored() -> None:
    document = through_json(to_json(troubled()))
    document["new"] = 1
    document["gateways"][0]["new"] = {}
    document["gateways"][0]["services"][0]["families"]["ipv4"]["new"] = []
    document["reload"]["new"] = document["reload"]["problems"][0]["new"] = None

    assert from_json(document) == troubled()


def test_an_older_daemon_tells_nothing_of_calls() -> None:
    document = through_json(to_json(troubled()))
    for client in document["clients"]:
        del client["calls"], client["oldest_call_s"]
    for told in document["gateways"]:
        for service in told["services"]:
            del service["rpc"]
    read = from_json(document)

    assert {service.rpc for each in read.gateways for service in each.services} == {None}
    assert {(client.calls, client.oldest_call_s) for client in read.clients} == {(None, None)}


def test_the_verdict_stands_in_the_document() -> None:
    document = to_json(troubled())

    assert document["schema"] == 1
    assert document["ready"] is False
    assert [reason["service"] for reason in document["reasons"]] == ["nfs", "mountd"]
    assert to_json(snapshot())["ready"] is True


def test_a_services_state_is_that_of_its_worst_family() -> None:
    nfs = to_json(troubled())["gateways"][0]["services"][1]

    assert (nfs["service"], nfs["state"], nfs["ready"]) == ("nfs", "unreachable", False)


@pytest.mark.parametrize("document", [None, [], {}, {"schema": 2}, {"schema": 1}, "x"])
def test_what_is_no_status_document_is_refused(document: object) -> None:
    with pytest.raises(DocumentError):
        from_json(document)


def test_a_daemon_of_an_older_version_is_understood() -> None:
    document = through_json(to_json(snapshot()))
    for later in ("advice", "source_port_fallbacks", "asleep_s", "keep_awake"):
        del document[later]
    for each in document["gateways"]:
        del each["off"]
        for service in each["services"]:
            for later in ("host_port_origin", "host_up", "versions", "mode", "rpc"):
                del service[later]
    read = from_json(document)

    assert (read.advice, read.source_port_fallbacks, read.asleep_s) == ((), {}, 0.0)
    assert read.awake is None
    assert read.gateways[0].services[1].rpc is None


def test_a_word_that_is_not_known_is_named() -> None:
    document = through_json(to_json(snapshot()))
    document["gateways"][0]["phase"] = "dreaming"

    with pytest.raises(DocumentError, match="dreaming"):
        from_json(document)


def test_a_service_without_families_is_refused() -> None:
    document = through_json(to_json(snapshot()))
    document["gateways"][0]["services"][0]["families"] = {}

    with pytest.raises(DocumentError, match="rpcbind"):
        from_json(document)


PATHS = st.lists(st.integers(0, 20), min_size=1, max_size=6)
JSON: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.text() | st.just([]) | st.just({})
)


@given(PATHS, JSON)
def test_a_document_with_one_value_replaced_is_read_or_refused(
    path: list[int], value: object
) -> None:
    document = through_json(to_json(troubled()))
    at: Any = document
    for depth, step in enumerate(path, start=1):
        keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = keys[step % len(keys)]
        if depth == len(path) or not isinstance(at[key], dict | list):
            at[key] = value
            break
        at = at[key]

    with contextlib.suppress(DocumentError):
        assert isinstance(from_json(document), Snapshot)
