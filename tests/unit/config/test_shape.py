from typing import Any

import pytest

from hostnfsd.config.keys import dotted
from hostnfsd.config.shape import near, shape, without


def told(data: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Key, code and hint of each finding."""
    return [(dotted(f.key), f.code, f.hint) for f in shape(data).findings]


def test_right_data_have_no_findings() -> None:
    shaped = shape({"gateway": {"a": {"port": 22}}})

    assert not shaped.findings
    assert not shaped.refused
    assert shaped.config.gateway["a"].port == 22


def test_what_is_right_is_kept_beside_what_is_wrong() -> None:
    shaped = shape(
        {"gateway": {"a": {"port": "x", "user": "u"}}, "tunnel": 5, "log": {"level": "debug"}}
    )

    assert len(shaped.findings) == 2
    assert shaped.config.gateway["a"].user == "u"
    assert shaped.config.gateway["a"].port is None
    assert shaped.config.log.level == "debug"
    assert shaped.refused == {("gateway", "a", "port"), ("tunnel",)}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"tunel": {}}, ("tunel", "unknown-key", 'did you mean "tunnel"?')),
        ({"log": {"lvel": 1}}, ("log.lvel", "unknown-key", 'did you mean "level"?')),
        ({"log": {"Level": 1}}, ("log.Level", "unknown-key", 'did you mean "level"?')),
        ({"log": {"port": 1}}, ("log.port", "unknown-key", "this key belongs to [gateway.NAME]")),
        ({"log": {"q": 1}}, ("log.q", "unknown-key", "keys known here: level, format, file")),
        ({"log": {"level": "Debug"}}, ("log.level", "unknown-value", 'did you mean "debug"?')),
        ({"nfs": 2049}, ("nfs", "unknown-key", "this key belongs to [services]")),
        ({"services": {"nfsd": 1}}, ("services.nfsd", "unknown-service", 'did you mean "nfs"?')),
        ({"services": {"smb": "x"}}, ("services.smb", "unknown-service", None)),
        ({"log": "x"}, ("log", "wrong-type", "write [log], and its keys below it")),
        (
            {"gateway": {"a": 1}},
            (
                "gateway.a",
                "wrong-type",
                "[gateway] takes tables by name; write [gateway.NAME], then a = …",
            ),
        ),
        (
            {"gateway": [{}]},
            ("gateway", "wrong-type", "single brackets: [gateway.NAME]"),
        ),
    ],
)
def test_one_mistake_is_one_finding(
    data: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    assert told(data) == [expected]


def test_the_key_that_was_meant_counts_as_refused() -> None:
    assert ("gateway",) in shape({"gatway": {"a": {}}}).refused


def test_a_single_string_is_no_list_element() -> None:
    assert told({"gateway": {"a": {"listen": "x"}}})[0][0] == "gateway.a.listen"
    assert told({"gateway": {"a": {"listen": ["x"]}}})[0][0] == "gateway.a.listen[0]"


def test_a_bare_number_is_no_table() -> None:
    assert told({"services": {"nfs": 0}})[0][0] == "services.nfs"
    assert told({"services": {"nfs": {"port": 0}}})[0][0] == "services.nfs.port"


def test_leaving_out_takes_whole_lists() -> None:
    data = {"a": {"b": [1, 2], "c": 3}, "d": 4}

    assert without(data, {("a", "b", 1), ("d",)}) == {"a": {"c": 3}}
    assert without(data, set()) == data


def test_near_words_are_found() -> None:
    assert near("nfsd", ("nfs", "status")) == "nfs"
    assert near("zzz", ("nfs", "status")) is None


def test_no_finding_speaks_of_pydantic() -> None:
    data = {
        "gateway": {"a": {"listen": 1, "services": {"nfs": []}}},
        "access": {"allow": {}},
        "services": {"mountd": {"host_port": [], "port": []}},
    }
    for finding in shape(data).findings:
        for word in ("Input should", "valid", "literal", "union", "dict", "instance", "NoneType"):
            assert word not in finding.text
