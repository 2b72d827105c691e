import pytest

from hostnfsd.config import unbuilt
from hostnfsd.config.model import Config, Gateway, Host
from hostnfsd.config.pending import in_play, notices, refusals, remarks
from hostnfsd.problem import Severity
from hostnfsd.services import Service


def played(config: Config) -> set[str]:
    """The keys whose unbuilt defaults are in play."""
    return {row.key for row in in_play(config)}


NOTICED = {row.key for row in unbuilt.ROWS if row.notice}


def test_the_smallest_file_gets_every_notice() -> None:
    config = Config(gateway={"a": Gateway()})

    assert played(config) == NOTICED
    assert len(notices(config)) == len(NOTICED)
    assert (
        'host.keep_awake: the default is not built yet; in effect: "never" (the host may fall'
        " asleep while clients are connected)"
    ) in notices(config)


def test_a_value_set_gets_no_notice() -> None:
    config = Config(gateway={"a": Gateway()}, host=Host(keep_awake="never"))

    assert played(config) == NOTICED - {"host.keep_awake"}


def test_one_gateway_at_the_default_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    row = unbuilt.Unbuilt("gateway.*.reclaim", "wait", "it is waited for")
    monkeypatch.setattr(unbuilt, "ROWS", (row,))
    config = Config(gateway={"a": Gateway(reclaim="wait"), "b": Gateway()})

    assert "gateway.*.reclaim" in played(config)


def test_a_service_not_carried_gets_no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    row = unbuilt.Unbuilt("services.rpcbind.mode", "relay", "the host's answers")
    monkeypatch.setattr(unbuilt, "ROWS", (row,))
    assert played(Config(gateway={"a": Gateway()})) == {row.key}
    config = Config(gateway={"a": Gateway()}, services={Service.RPCBIND: False})

    assert "services.rpcbind.mode" not in played(config)


def test_they_are_notes() -> None:
    found = remarks(Config(gateway={"a": Gateway()}))

    assert {finding.severity for finding in found} == {Severity.NOTE}


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("host", "keep_awake", "always"),
    ],
)
def test_a_key_that_asks_for_more_is_refused(table: str, key: str, value: object) -> None:
    (finding,) = refusals({table: {key: value}})

    assert finding.key == (table, key)
    assert finding.text.startswith("not built yet in this version")


@pytest.mark.parametrize("row", [r for r in unbuilt.ROWS if r.settable], ids=lambda row: row.key)
def test_the_effective_value_may_be_set(row: unbuilt.Unbuilt) -> None:
    table, *_, key = row.key.split(".")
    data: dict[str, object] = {key: row.effective}
    if table in {"gateway", "services"}:
        data = {row.key.split(".")[1].replace("*", "a"): data}

    assert refusals({table: data}) == ()


def test_services_are_looked_at_below_gateways_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unbuilt, "ROWS", (unbuilt.Unbuilt("services.rpcbind.mode", "relay"),))
    services = {"rpcbind": {"mode": "virtual"}, "nfs": {"mode": "virtual"}, "status": 5}
    data = {"services": services, "gateway": {"a": {"services": services}}}

    assert [finding.key for finding in refusals(data)] == [
        ("services", "rpcbind", "mode"),
        ("gateway", "a", "services", "rpcbind", "mode"),
    ]


@pytest.mark.parametrize("row", unbuilt.ROWS, ids=lambda row: row.key)
def test_removing_a_row_turns_the_feature_on(
    row: unbuilt.Unbuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = object()
    assert unbuilt.effective(row.key, wanted) == row.effective

    monkeypatch.setattr(unbuilt, "ROWS", tuple(r for r in unbuilt.ROWS if r is not row))

    assert unbuilt.effective(row.key, wanted) is wanted
    assert row.key not in played(Config(gateway={"a": Gateway()}))
    table, *_, key = row.key.split(".")
    named = {row.key.split(".")[1]: {key: wanted}} if row.key.count(".") == 2 else {key: wanted}
    assert refusals({table: named}) == ()
