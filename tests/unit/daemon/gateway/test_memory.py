"""What sessions hand on: nothing known is forgotten because a survey failed."""

from hostnfsd.config.reader import parse
from hostnfsd.daemon.gateway.board import Board
from hostnfsd.daemon.gateway.memory import Memory
from hostnfsd.services import Service
from hostnfsd.snapshot import Family
from hostnfsd.tunnel.gateway import Survey

SURVEY = Survey(uid=1000, addresses=("172.22.0.12",))


def memory() -> Memory:
    return Memory("gw", Board("gw"))


def test_the_first_survey_is_news_whatever_it_says() -> None:
    for found in (SURVEY, None):
        fresh = memory()

        assert fresh.learn(found)
        assert fresh.surveyed
        assert fresh.survey == found


def test_a_survey_that_fails_makes_nobody_forget() -> None:
    known = memory()
    known.learn(SURVEY)

    assert not known.learn(None)
    assert known.survey == SURVEY


def test_only_a_survey_that_differs_is_news() -> None:
    known = memory()
    known.learn(SURVEY)
    moved = Survey(uid=1000, addresses=("172.22.0.13",))

    assert not known.learn(SURVEY)
    assert known.learn(moved)
    assert known.survey == moved


def test_configured_addresses_win_over_discovered_ones() -> None:
    known = memory()
    known.learn(SURVEY)
    plain = parse("[gateway.gw]", "c").config
    named = parse('[gateway.gw]\nclient_address = "dev-gw"', "c").config
    assert plain is not None
    assert named is not None

    assert known.client_addresses(plain) == ("172.22.0.12",)
    assert known.client_addresses(named) == ("dev-gw",)


def test_the_clients_networks_tell_which_address_is_theirs() -> None:
    known = memory()
    known.learn(Survey(addresses=("10.77.0.2", "172.22.0.12"), session_address="10.77.0.2"))
    config = parse("[gateway.gw]", "c").config
    assert config is not None
    assert known.client_addresses(config) == known.discovered_addresses() == ("10.77.0.2",)

    known.admits = lambda address: address.startswith("172.22.")

    assert known.client_addresses(config) == known.discovered_addresses() == ("172.22.0.12",)


def test_the_board_shows_what_is_carried() -> None:
    known = memory()
    config = parse("[gateway.gw.services]\nrquotad = false", "c").config
    assert config is not None

    known.expect(config)

    assert set(known.board.views(Service.NFS)) == {Family.IPV4}
    assert known.board.views(Service.RQUOTAD) == {}
