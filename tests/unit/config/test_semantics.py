from typing import Any

import pytest

from hostnfsd.config.keys import dotted
from hostnfsd.config.model import Config
from hostnfsd.config.semantics import MOST_LISTENERS, check, is_loopback
from hostnfsd.problem import Severity


def told(data: dict[str, Any], *, gateway: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """Key and code of each finding for a file with one gateway."""
    config = Config.model_validate({"gateway": {"a": gateway or {}}, **data})
    return [(dotted(finding.key), finding.code) for finding in check(config)]


def test_the_defaults_fit() -> None:
    assert told({}) == []


def test_without_a_gateway_nothing_works() -> None:
    assert told({"gateway": {}}) == [("gateway", "no-gateway")]


@pytest.mark.parametrize(
    "listen",
    [
        ["0.0.0.0", "::"],
        ["127.0.0.1", "::1"],
        ["localhost", "172.18.0.2"],
        ["127.0.0.1", "::"],
        ["172.18.0.2", "172.18.0.3"],
        ["*"],
        [""],
    ],
)
def test_addresses_side_by_side(listen: list[str]) -> None:
    assert told({}, gateway={"listen": listen}) == []


@pytest.mark.parametrize(
    ("listen", "code"),
    [
        (["0.0.0.0", "0.0.0.0"], "listen-duplicate"),
        (["::1", "0:0::1"], "listen-duplicate"),
        (["", "*"], "listen-duplicate"),
        (["localhost", "localhost"], "listen-duplicate"),
        (["0.0.0.0", "127.0.0.1"], "listen-overlap"),
        (["::1", "::"], "listen-overlap"),
        (["*", "0.0.0.0"], "listen-overlap"),
        (["localhost", "127.0.0.1"], "listen-overlap"),
        (["::", "localhost"], "listen-overlap"),
        (["172.18.0.2", ""], "listen-overlap"),
    ],
)
def test_addresses_in_each_others_way(listen: list[str], code: str) -> None:
    assert told({}, gateway={"listen": listen}) == [("gateway.a.listen[1]", code)]


def test_no_address_forwards_nothing() -> None:
    assert told({}, gateway={"listen": []}) == [("gateway.a.listen", "empty-list")]


def test_more_addresses_than_any_gateway_has() -> None:
    most = [f"10.0.0.{n}" for n in range(MOST_LISTENERS)]
    assert told({}, gateway={"listen": most}) == []
    # All of them alike: what is too much is not compared, which would take minutes.
    assert told({}, gateway={"listen": ["0.0.0.0"] * 20_000}) == [("gateway.a.listen", "too-many")]


def test_a_client_address_given_twice() -> None:
    assert told({}, gateway={"client_address": ["x", "x"]}) == [
        ("gateway.a.client_address[1]", "duplicate")
    ]


def test_two_services_on_one_port() -> None:
    assert told({"services": {"nfs": 3, "mountd": 3}}) == [("services.mountd.port", "port-clash")]


def test_a_clash_with_a_default_is_told_at_the_key_given() -> None:
    assert told({"services": {"rpcbind": 2049}}) == [("services.rpcbind.port", "port-clash")]
    assert told({"services": {"status": 2049}}) == [("services.status.port", "port-clash")]


def test_a_clash_of_the_shared_table_is_told_once() -> None:
    shared = {"gateway": {"a": {}, "b": {}}, "services": {"nfs": 3, "mountd": 3}}

    assert told(shared) == [("services.mountd.port", "port-clash")]


def test_a_clash_of_one_gateway_is_told_there() -> None:
    assert told({"services": {"nfs": 3}}, gateway={"services": {"mountd": 3}}) == [
        ("gateway.a.services.mountd.port", "port-clash")
    ]


def test_a_service_not_carried_is_in_nobodys_way() -> None:
    assert told({"services": {"rpcbind": 2049, "nfs": False}}) == []


def test_a_gateway_that_carries_nothing() -> None:
    names = ("rpcbind", "nfs", "mountd", "nlockmgr", "status", "rquotad")

    assert told({"services": dict.fromkeys(names, False)}) == [("gateway.a", "nothing-carried")]


def test_only_rpcbind_has_a_mode() -> None:
    services = {"nfs": {"mode": "relay"}, "rpcbind": {"mode": "relay"}}

    assert told({"services": services}) == [("services.nfs.mode", "mode-not-rpcbind")]
    assert told({}, gateway={"services": services}) == [
        ("gateway.a.services.nfs.mode", "mode-not-rpcbind")
    ]


def test_the_shortest_wait_is_not_the_longer() -> None:
    assert told({"tunnel": {"backoff_min_s": 5, "backoff_max_s": 5}}) == []
    assert told({"tunnel": {"backoff_min_s": 6, "backoff_max_s": 5}}) == [
        ("tunnel.backoff_min_s", "backoff-order")
    ]


def test_late_detection_is_a_warning() -> None:
    config = Config.model_validate(
        {"gateway": {"a": {}}, "tunnel": {"keepalive_interval_s": 21, "keepalive_count_max": 2}}
    )
    (finding,) = check(config)

    assert (finding.code, finding.severity) == ("slow-detection", Severity.WARNING)
    assert "63 s" in finding.text
    assert told({"tunnel": {"keepalive_interval_s": 20}}) == []


def test_a_probe_ends_before_the_next() -> None:
    assert told({"probe": {"interval_s": 2}}) == [("probe.timeout_s", "probe-order")]


@pytest.mark.parametrize(
    "metrics",
    [
        {"listen": "localhost:1"},
        {"listen": "[::1]:1"},
        {"listen": "127.5.0.1:1"},
        {"listen": ":9822", "allow_plaintext": True},
        {"listen": "0.0.0.0:1", "tls_cert_file": "/c", "tls_key_file": "/k"},
    ],
)
def test_endpoints_that_are_safe(metrics: dict[str, Any]) -> None:
    assert told({"metrics": metrics}) == []


@pytest.mark.parametrize("listen", [":9822", "0.0.0.0:1", "[::]:1", "mac.local:1", "10.0.0.1:1"])
def test_endpoints_in_the_clear(listen: str) -> None:
    assert told({"metrics": {"listen": listen}}) == [("metrics.listen", "metrics-plaintext")]


@pytest.mark.parametrize("key", ["tls_cert_file", "tls_key_file"])
def test_half_of_tls(key: str) -> None:
    metrics = {"listen": "0.0.0.0:1", key: "/x"}

    assert told({"metrics": metrics}) == [(f"metrics.{key}", "tls-pair")]


def test_without_exports_somebody_must_be_allowed() -> None:
    assert told({"host": {"exports": "none"}}) == [("host.exports", "allow-needed")]
    assert told({"host": {"exports": "none"}, "access": {"allow": "any"}}) == []
    assert told({"host": {"exports": "none"}, "access": {"allow": ["10.0.0.0/8"]}}) == []


def test_what_cannot_be_split_is_not_loopback() -> None:
    assert not is_loopback("nonsense")
