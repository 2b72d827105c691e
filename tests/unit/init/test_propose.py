from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.config.reader import parse
from hostnfsd.exports.matching import mountable
from hostnfsd.exports.model import Dialect
from hostnfsd.init.facts import Attachment, Container, Facts, Published, SshAlias
from hostnfsd.init.propose import Candidate, candidates, chosen, propose
from hostnfsd.init.text import text
from tests.vectors.exports_vectors import LOOPBACK, read

NODE = Container("kind-control-plane", (), (Attachment("kind", "172.22.0.2/16"),), kind_node=True)
GATEWAY = Container(
    "dev-gw", (Published("127.0.0.1", 122),), (Attachment("kind", "172.22.0.12/16"),)
)
ALIAS = SshAlias("gw", "127.0.0.1", 122, "admin")


def picked(
    *aliases: SshAlias, containers: tuple[Container, ...] = (), named: str | None = None
) -> Any:  # a candidate, or several
    facts = Facts("linux", aliases, containers)
    return chosen(candidates(facts), named)


def test_a_container_and_the_alias_that_leads_to_it_are_one() -> None:
    found = picked(SshAlias("web", "example.org"), ALIAS, containers=(NODE, GATEWAY))
    assert (found.name, found.alias, found.container) == ("gw", ALIAS, GATEWAY)
    assert found.network == Attachment("kind", "172.22.0.12/16")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_host_has_several_names(host: str) -> None:
    assert picked(SshAlias("gw", host, 122), containers=(GATEWAY,)).alias.name == "gw"


def test_an_alias_to_another_port_leads_elsewhere() -> None:
    found = picked(SshAlias("gw", "127.0.0.1", 2222), containers=(GATEWAY,))
    assert (found.name, found.alias) == ("dev-gw", None)


def test_what_is_next_to_the_cluster_is_preferred() -> None:
    other = Container("git", (Published("127.0.0.1", 222),), (Attachment("x", "10.0.0.2/24"),))
    assert picked(containers=(other, NODE, GATEWAY)).name == "dev-gw"


def test_an_alias_that_was_made_for_a_tunnel_is_preferred() -> None:
    tunnel = SshAlias("gw", "gw.example.org", forwards=(2049, 111))
    assert picked(SshAlias("a", "a.example.org"), tunnel).name == "gw"


def test_the_only_alias_is_taken() -> None:
    assert picked(SshAlias("a", "a.example.org")).name == "a"


def test_where_several_may_be_meant_a_person_is_asked() -> None:
    found = picked(SshAlias("a", "a"), SshAlias("b", "b"), SshAlias("github", "h", 22, "git"))
    assert [each.name for each in found] == ["a", "b"]
    twice = (GATEWAY, Container("gw2", (Published("127.0.0.1", 123),), GATEWAY.networks))
    found = picked(SshAlias("a", "a"), containers=(NODE, *twice))
    assert [each.name for each in found] == ["dev-gw", "gw2"]


def test_of_nothing_nothing_is_chosen() -> None:
    assert picked() == ()


@pytest.mark.parametrize("named", ["gw", "dev-gw"])
def test_a_name_given_is_that_of_the_alias_or_of_the_container(named: str) -> None:
    assert picked(ALIAS, containers=(GATEWAY,), named=named).container == GATEWAY


def test_a_name_given_need_not_be_found() -> None:
    assert picked(ALIAS, named="elsewhere") == Candidate("elsewhere")


def test_with_an_alias_only_the_name_for_clients_is_written() -> None:
    proposal = propose(Facts("linux"), picked(ALIAS, containers=(GATEWAY, NODE)))
    assert (proposal.host, proposal.port, proposal.client_address) == (None, None, "dev-gw")
    assert proposal.warnings == ()


def test_without_an_alias_the_published_port_is_written() -> None:
    proposal = propose(Facts("linux"), picked(containers=(GATEWAY, NODE)))
    assert (proposal.host, proposal.port) == ("127.0.0.1", 122)
    assert "no Host in ssh_config" in proposal.warnings[0]


def test_on_the_default_network_containers_have_no_names() -> None:
    plain = Container(
        "gw", (Published("127.0.0.1", 122),), (Attachment("bridge", "172.17.0.2/16"),)
    )
    assert propose(Facts("linux"), picked(containers=(plain,))).client_address is None


def test_forwards_of_the_alias_are_warned_of() -> None:
    alias = SshAlias("gw", "h", forwards=(8080, 2049, 111))
    (told,) = propose(Facts("linux"), picked(alias)).warnings
    assert "RemoteForward for 111, 2049:" in told
    assert "ssh -O exit gw" in told


def test_a_server_without_an_exports_file_has_its_exports_elsewhere() -> None:
    facts = Facts("linux", (ALIAS,), in_file=False, listed=("/srv/a",))
    config = parse(text(propose(facts, Candidate("gw", ALIAS)), "2026-11-27"), "f").config
    assert config is not None
    assert (config.host.exports, config.access.allow) == ("none", "any")


def test_then_who_is_on_the_network_of_the_gateway_is_admitted() -> None:
    facts = Facts("linux", (ALIAS,), (GATEWAY, NODE), in_file=False, listed=("/srv/a",))
    (gateway, *_) = candidates(facts)
    assert propose(facts, gateway).allow == ("172.22.0.0/16",)


@pytest.mark.parametrize(
    ("in_file", "listed"), [(True, ("/a",)), (False, None), (False, ()), (True, None)]
)
def test_else_the_file_counts(in_file: bool, listed: tuple[str, ...] | None) -> None:
    facts = Facts("linux", (ALIAS,), in_file=in_file, listed=listed)
    assert not propose(facts, Candidate("gw", ALIAS)).exports_none


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("darwin", "`/Users/me/src -mapall=502:20 localhost`"),
        ("linux", "`/srv/src 127.0.0.1(rw,all_squash,anonuid=502,anongid=20)`"),
    ],
)
def test_where_nothing_is_exported_a_line_is_told(
    platform: Literal["darwin", "linux"], line: str
) -> None:
    facts = Facts(platform, (ALIAS,), owner="502:20", in_file=False)
    (told,) = propose(facts, Candidate("gw", ALIAS)).warnings
    assert line in told
    dialect = Dialect.DARWIN if platform == "darwin" else Dialect.LINUX
    there = line.strip("`").replace("/Users/me/src", "/Users/dev/src")
    (export,) = read(dialect, f"{there}\n").exports
    assert mountable(export, LOOPBACK)


_TEXT = st.text(max_size=20)
_PORT = st.integers(1, 65535)
_ALIAS = st.builds(
    SshAlias, _TEXT, _TEXT, _PORT, _TEXT, st.lists(_PORT | st.just(2049), max_size=3).map(tuple)
)
_CONTAINER = st.builds(
    Container,
    _TEXT | st.just("dev-gw"),
    st.lists(st.builds(Published, _TEXT | st.just("127.0.0.1"), _PORT), max_size=2).map(tuple),
    st.lists(
        st.builds(Attachment, _TEXT | st.just("kind"), _TEXT | st.just("172.22.0.2/16")), max_size=2
    ).map(tuple),
    st.booleans(),
)
_FACTS = st.builds(
    Facts,
    st.sampled_from(["darwin", "linux"]),
    st.lists(_ALIAS, max_size=4).map(tuple),
    st.lists(_CONTAINER, max_size=4).map(tuple),
    st.sampled_from(["501:20", "0:0"]),
    st.booleans(),
    st.lists(_TEXT, max_size=2).map(tuple),
    st.none() | st.lists(_TEXT, max_size=2).map(tuple),
    st.lists(_TEXT, max_size=2).map(tuple),
)


@given(_FACTS)
@pytest.mark.patient
def test_whatever_is_found_the_file_is_valid(facts: Facts) -> None:
    for candidate in (*candidates(facts), Candidate("named")):
        written = text(propose(facts, candidate), "2026-11-27")
        reading = parse(written, "hostnfsd.toml")
        assert reading.config is not None, (written, reading.problems)
        assert list(reading.config.gateway) == [candidate.name]


@given(_FACTS)
def test_one_is_chosen_or_all_that_may_be_are_named(facts: Facts) -> None:
    known = candidates(facts)
    found = chosen(known, None)
    if isinstance(found, tuple):
        assert len(found) != 1
        assert set(found) <= set(known)
        assert bool(found) is bool(known)
    else:
        assert found in known
