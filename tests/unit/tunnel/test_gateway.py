"""What gateways print of themselves, read.

Debian's and busybox's outputs have the form their programs were seen to print; the others leave out
what those systems lack.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.snapshot import Family
from hostnfsd.tunnel.gateway import Survey, client_addresses, read_survey

DEBIAN = """\
uid 1000
session 172.22.0.1 53412 172.22.0.12 22
lowest 0
address inet 127.0.0.1/8
address inet6 ::1/128
address inet 172.22.0.12/16
address inet6 fc00:f853:ccd:e793::c/64
address inet6 fe80::42:acff:fe16:c/64
address any 172.22.0.12
address any fc00:f853:ccd:e793::c
listener 00000000:0016
listener 00000000:006F
listener 0B00007F:9C4D
listener 00000000000000000000000000000000:0016
"""
#: Without hostname -I; busybox orders the addresses by interface.
BUSYBOX = """\
uid 0
session 10.0.0.9 40000 192.0.2.2 22
lowest 1024
address inet 127.0.0.1/8
address inet6 ::1/128
address inet 192.0.2.2/24
address inet6 fd00::2/64
address inet6 fe80::fc:ff:fe00:1/64
listener 0100007F:08AE
listener 00000000:07E8
"""
#: Fedora's container image has no ip(8); SSH_CONNECTION and hostname -I are there.
NO_IP = """\
uid 1000
session 10.88.0.1 41000 10.88.0.5 22
lowest 1024
address any 10.88.0.5
listener 00000000:0016
"""
#: Nothing but a shell; /proc/net/tcp is hidden (a hardened container).
BARE = """\
uid 1000
session 10.88.0.1 41000 10.88.0.5 22
lowest\x20
"""
#: macOS and the BSDs: no /proc.
NO_PROC = """\
uid 501
session 192.168.6.2 50000 192.168.6.3 22
lowest\x20
"""

DOCKER = Survey(
    uid=1000,
    lowest_port=0,
    listeners=frozenset(
        {
            (Family.IPV4, 22),
            (Family.IPV4, 111),
            (Family.IPV4, 0x9C4D),
            (Family.IPV6, 22),
        }
    ),
    addresses=("172.22.0.12", "fc00:f853:ccd:e793::c", "fe80::42:acff:fe16:c"),
    loopback=("127.0.0.1", "::1"),
    session_address="172.22.0.12",
    networks=("172.22.0.0/16", "fc00:f853:ccd:e793::/64", "fe80::/64"),
)


def test_a_debian_container_is_read() -> None:
    assert read_survey(DEBIAN) == DOCKER


def test_a_busybox_is_read() -> None:
    assert read_survey(BUSYBOX) == Survey(
        uid=0,
        lowest_port=1,
        listeners=frozenset({(Family.IPV4, 0x8AE), (Family.IPV4, 2024)}),
        addresses=("192.0.2.2", "fd00::2", "fe80::fc:ff:fe00:1"),
        loopback=("127.0.0.1", "::1"),
        session_address="192.0.2.2",
        networks=("192.0.2.0/24", "fd00::/64", "fe80::/64"),
    )


def test_hostname_will_do_where_there_is_no_ip() -> None:
    survey = read_survey(NO_IP)

    assert survey.addresses == ("10.88.0.5",)
    assert client_addresses(survey, ()) == ("10.88.0.5",)


def test_a_table_that_cannot_be_read_is_unknown_and_not_empty() -> None:
    assert read_survey(BARE) == Survey(
        uid=1000, lowest_port=1024, listeners=None, session_address="10.88.0.5"
    )


def test_without_proc_the_usual_lowest_port_counts() -> None:
    assert read_survey(NO_PROC).lowest_port == 1024


def test_lines_of_carriage_returns_and_noise_are_passed_over() -> None:
    noise = "Welcome to dev-gw\nsession opened by root\nuid of the day: 7\naddress book\nlistener\n"

    assert read_survey(noise + DEBIAN.replace("\n", "\r\n")) == DOCKER


@pytest.mark.parametrize("line", ["uid", "uid x", "uid -1", "uid ²", f"uid {'9' * 5000}"])
def test_a_strange_uid_is_none(line: str) -> None:
    survey = read_survey(line)

    assert (survey.uid, survey.lowest_port) == (None, None)


@pytest.mark.parametrize(
    "line",
    ["listener 0:0016", "listener 00000000", "listener 00000000:xyz", "listener 00000000:", ""],
)
def test_a_strange_listener_is_none(line: str) -> None:
    assert read_survey(line).listeners is None


@pytest.mark.parametrize(
    "line", ["address", "address inet", "address inet 300.0.0.1/8", "address x"]
)
def test_a_strange_address_is_none(line: str) -> None:
    assert read_survey(line).addresses == ()


@pytest.mark.parametrize("words", ["", "10.0.0.1 1", "a b c d", "10.0.0.1 1 10.0.0.2 22 x"])
def test_a_strange_session_is_none(words: str) -> None:
    assert read_survey(f"session {words}").session_address is None


def test_a_zone_is_left_out() -> None:
    assert read_survey("session fe80::1%eth0 1 fe80::2%eth0 22").session_address == "fe80::2"


KEYS = st.sampled_from(["uid", "session", "lowest", "address", "listener", "any", "inet", "0016"])


@given(st.one_of(st.text(), st.lists(st.one_of(KEYS, st.text(max_size=9))).map(" ".join)))
def test_any_text_is_read(text: str) -> None:
    survey = read_survey(text)
    client_addresses(survey, ())
    assert survey.lowest_port is None or survey.uid is not None
    assert all(survey.owns(address) for address in survey.addresses)


def test_what_the_gateway_owns() -> None:
    assert DOCKER.owns("172.22.0.12")
    assert DOCKER.owns("::1")
    assert not DOCKER.owns("172.22.0.13")


# -- client-facing addresses ---------------------------------------------------------------------


def test_what_is_configured_counts() -> None:
    assert client_addresses(DOCKER, ("dev-gw",)) == ("dev-gw",)
    assert client_addresses(None, ("dev-gw",)) == ("dev-gw",)


def test_nothing_is_known_without_a_survey() -> None:
    assert client_addresses(None, ()) == ()
    assert client_addresses(Survey(uid=1000), ()) == ()


def test_the_only_address_of_each_family_counts() -> None:
    assert client_addresses(DOCKER, ()) == ("172.22.0.12", "fc00:f853:ccd:e793::c")


MANY = Survey(
    addresses=("10.0.0.5", "172.22.0.12", "fd00::1", "fd00::2"), session_address="172.22.0.12"
)


def test_of_several_the_one_our_session_reached_counts() -> None:
    assert client_addresses(MANY, ()) == ("172.22.0.12",)
    assert client_addresses(replace(MANY, session_address="fd00::2"), ()) == ("fd00::2",)


def test_of_several_none_counts_if_our_session_reached_another() -> None:
    assert client_addresses(replace(MANY, session_address="127.0.0.1"), ()) == ()
    assert client_addresses(replace(MANY, session_address=None), ()) == ()


@pytest.mark.parametrize(
    ("admitted", "found"),
    [
        (("10.0.0.5",), ("10.0.0.5",)),
        (("172.22.0.12",), ("172.22.0.12",)),
        (("10.0.0.5", "172.22.0.12"), ("172.22.0.12",)),  # says nothing: our session's
        (("fd00::1",), ("172.22.0.12", "fd00::1")),
        (("10.0.0.5", "fd00::2"), ("10.0.0.5", "fd00::2")),
        ((), ("172.22.0.12",)),
    ],
)
def test_of_several_those_inside_an_admitted_network_count(
    admitted: tuple[str, ...], found: tuple[str, ...]
) -> None:
    """There the clients are, wherever our session went."""
    assert client_addresses(MANY, (), admitted.__contains__) == found
    assert client_addresses(MANY, ("dev-gw",), admitted.__contains__) == ("dev-gw",)


def test_of_several_inside_the_one_our_session_reached_comes_first() -> None:
    survey = Survey(addresses=("10.0.0.5", "172.22.0.11", "172.22.0.12"))

    def inside(address: str) -> bool:
        return address.startswith("172.22.")

    assert client_addresses(survey, (), inside) == ("172.22.0.11", "172.22.0.12")
    survey = replace(survey, session_address="172.22.0.12")
    assert client_addresses(survey, (), inside) == ("172.22.0.12", "172.22.0.11")


def test_an_only_address_counts_wherever_the_clients_are() -> None:
    assert client_addresses(DOCKER, (), lambda _address: False) == (
        "172.22.0.12",
        "fc00:f853:ccd:e793::c",
    )


@pytest.mark.parametrize(
    ("session", "found"),
    [("10.88.0.5", ("10.88.0.5",)), ("127.0.0.1", ()), ("::1", ()), ("fe80::2", ()), (None, ())],
)
def test_a_gateway_that_tells_no_address_is_where_our_session_reached_it(
    session: str | None, found: tuple[str, ...]
) -> None:
    assert client_addresses(Survey(uid=1000, session_address=session), ()) == found


def test_a_link_local_address_does_not_count() -> None:
    survey = Survey(addresses=("169.254.1.1", "fe80::1"), session_address="fe80::1")

    assert client_addresses(survey, ()) == ()
