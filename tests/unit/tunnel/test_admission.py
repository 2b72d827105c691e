from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.access_view import Remedy
from hostnfsd.exports.addresses import Address
from hostnfsd.exports.model import Dialect
from hostnfsd.tunnel.admission import Admission, Exported, Verdict, Why, block_of
from tests.vectors.exports_vectors import LOOPBACK, read

KIND = ("172.22.0.0/16", "fd22::/64", "fe80::/64")
HOST_ONLY = "/srv/src 127.0.0.1(rw,insecure)\n"


def exported(text: str, dialect: Dialect = Dialect.LINUX, trouble: str | None = None) -> Exported:
    reading = read(dialect, text)
    return Exported(reading.exports, LOOPBACK, dialect, "/etc/exports", trouble)


def by_exports(
    text: str, networks: tuple[str, ...] | None = KIND, dialect: Dialect = Dialect.LINUX
) -> Admission:
    return Admission("exports", exported(text, dialect), networks)


def why(admission: Admission, host: str, port: int = 700) -> Why | None:
    return admission.verdict(host, port).why


# -- [access] allow ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["10.9.8.7", "fd00::1", "UNKNOWN", "pod-7.lab", "", "127.0.0.1"])
def test_any_admits_everybody(host: str) -> None:
    admission = Admission("any")

    assert admission.verdict(host, 65535) == Verdict(None, 'everybody, by access.allow = "any"')
    assert admission.admitted == ('everybody, by access.allow = "any"',)
    assert admission.trouble is None


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("172.22.0.14", True),
        ("::ffff:172.22.0.14", True),
        ("::ffff:ac16:e", True),
        ("172.23.0.1", False),
        ("10.0.0.7", True),
        ("10.0.0.8", False),
        ("fd22::14", True),
        ("fd23::14", False),
        ("fe80::1%eth0", True),
        ("fe80::1%ETH%0", True),
        ("192.0.2.9", True),
        ("127.0.0.1", False),
    ],
)
def test_a_list_admits_its_networks(host: str, admitted: bool) -> None:
    networks = ("172.22.0.0/16", "10.0.0.7", "fd22::/64", "fe80::/10", "::ffff:192.0.2.0/120")

    assert Admission(networks).verdict(host, 700).admitted == admitted


def test_a_list_may_name_the_loopback_of_the_gateway() -> None:
    admission = Admission(("127.0.0.0/8",))

    assert admission.verdict("127.0.0.1", 40000).admitted
    # Nobody knows whose that one is.
    assert why(admission, "127.0.0.1", 65535) is Why.UNKNOWN


@pytest.mark.parametrize("host", ["UNKNOWN", "pod-7.lab", "", "1.2.3", "10.0.0.256", "%eth0"])
def test_who_has_no_address_is_in_no_list(host: str) -> None:
    assert why(Admission(("0.0.0.0/0", "::/0")), host) is Why.UNKNOWN


def test_a_list_says_whom_it_names() -> None:
    admission = Admission(("172.22.0.0/16", "10.0.0.7"))

    assert admission.verdict("10.9.8.7", 1).text == (
        "access.allow names 172.22.0.0/16 and 10.0.0.7, not 10.9.8.7"
    )
    assert admission.admitted == ("172.22.0.0/16, by access.allow", "10.0.0.7, by access.allow")


def test_a_list_is_extended_by_who_is_refused() -> None:
    admission = Admission(("172.22.0.0/16", "10.0.0.7"))

    assert admission.remedy("10.9.8.7", 1) == Remedy(
        'allow = ["172.22.0.0/16", "10.0.0.7", "10.9.8.7"]'
    )
    assert admission.remedy("fe80::1%eth0", 1).allow == (
        'allow = ["172.22.0.0/16", "10.0.0.7", "fe80::1"]'
    )
    assert admission.remedy("UNKNOWN", 1) == Remedy()
    assert admission.remedy("10.0.0.7", 1) == Remedy()


# -- what the exports say ------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["172.22.0.14", "::ffff:172.22.0.14", "fd22::14", "fe80::1%eth0"])
def test_an_export_for_the_host_alone_admits_the_networks_of_the_gateway(host: str) -> None:
    assert by_exports(HOST_ONLY).verdict(host, 700).admitted


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.9.9.9", "10.9.8.7", "fd23::1"])
def test_and_nobody_else_not_even_its_loopback(host: str) -> None:
    assert why(by_exports(HOST_ONLY), host) is Why.OTHERS


def test_who_is_admitted_instead_is_told() -> None:
    verdict = by_exports(HOST_ONLY, ("172.22.0.0/16",)).verdict("10.9.8.7", 700)

    assert verdict.text == "/srv/src admits 172.22.0.0/16, not 10.9.8.7"
    assert by_exports(HOST_ONLY, ("172.22.0.0/16",)).admitted == (
        "172.22.0.0/16, by /srv/src (exports:1:1; it names only this host)",
    )


def test_a_world_export_admits_who_has_no_address_too() -> None:
    admission = by_exports("/srv/src *(rw)\n", None)

    assert admission.verdict("127.0.0.1", 65535).admitted
    assert admission.verdict("pod-7.lab", 700).admitted
    assert admission.admitted[0].startswith("everybody, by /srv/src (")


def test_sshds_word_for_nobody_knows_who_is_not_an_address() -> None:
    admission = by_exports("/srv/src 127.0.0.1(rw) 10.0.0.0/8(rw)\n")

    assert why(admission, "127.0.0.1", 65535) is Why.UNKNOWN


def test_until_the_exports_are_read_nobody_knows() -> None:
    assert why(Admission("exports", None, KIND), "172.22.0.14") is Why.PENDING
    assert Admission("exports", None, KIND).trouble is None


def test_until_the_gateway_is_asked_nobody_knows_who_is_next_to_it() -> None:
    admission = by_exports("/srv/a 127.0.0.1(rw)\n/srv/b 127.0.0.1(rw) 10.0.0.0/8(rw)\n", None)

    assert why(admission, "172.22.0.14") is Why.PENDING
    assert admission.verdict("10.0.0.7", 700).admitted
    assert admission.trouble is None


def test_a_gateway_that_does_not_tell_its_networks_has_none_admitted() -> None:
    admission = by_exports(HOST_ONLY, ())
    verdict = admission.verdict("172.22.0.14", 700)

    assert verdict.why is Why.NO_NETWORKS
    assert admission.trouble is not None
    assert "[access] allow" in admission.trouble[1]
    assert admission.remedy("172.22.0.14", 700).allow == 'allow = ["172.22.0.14"]'


def test_where_an_export_names_networks_the_gateway_need_not_tell_its_own() -> None:
    admission = by_exports("/srv/src 127.0.0.1(rw) 10.0.0.0/8(rw)\n", None)

    assert why(admission, "172.22.0.14") is Why.OTHERS


def test_an_export_that_does_not_admit_the_host_admits_nobody() -> None:
    admission = by_exports("/srv/src 172.22.0.0/16(rw)\n")

    assert why(admission, "172.22.0.14") is Why.NO_EXPORT
    assert "127.0.0.1, the address that hostnfsd dials from" in (
        admission.verdict("172.22.0.14", 1).text
    )
    assert admission.trouble is not None
    # The server itself would turn him away.
    assert admission.remedy("172.22.0.14", 1) == Remedy()


def test_no_export_at_all() -> None:
    admission = by_exports("# nothing\n")

    assert admission.verdict("172.22.0.14", 1).text == "/etc/exports exports nothing"


def test_a_file_that_is_missing_is_named() -> None:
    seen = Exported((), LOOPBACK, Dialect.LINUX, "/etc/exports", "it is not there")
    admission = Admission("exports", seen, KIND)

    assert admission.verdict("172.22.0.14", 1) == Verdict(
        Why.NO_EXPORT, "/etc/exports: it is not there"
    )
    assert admission.trouble is not None
    assert admission.trouble[0] == "/etc/exports: it is not there"


def test_who_can_not_be_judged_is_not_admitted() -> None:
    admission = by_exports("/srv/src 127.0.0.1(rw) *.lab(rw)\n")

    assert why(admission, "172.22.0.14") is Why.NO_EXPORT
    assert admission.trouble is not None
    assert "admits nobody that can be judged" in admission.trouble[0]


def test_the_remedy_keeps_who_is_admitted_now() -> None:
    admission = by_exports("/srv/src 127.0.0.1(ro) 10.1.0.0/16(ro) 10.9.8.8(ro)\n")

    assert admission.remedy("10.2.0.9", 1) == Remedy(
        'allow = ["10.1.0.0/16", "10.9.8.8", "10.2.0.9"]',
        ("10.2.0.9(ro)",),
        "exports:1",
    )


def test_an_export_that_names_only_the_host_has_to_name_the_networks_as_well() -> None:
    text = "/srv/src 127.0.0.1(rw)\n"
    remedy = by_exports(text).remedy("10.2.0.9", 1)

    assert remedy.exports == ("172.22.0.0/16(rw) fd22::/64(rw) fe80::/64(rw) 10.2.0.9(rw)",)
    after = by_exports(text.replace("\n", f" {remedy.exports[0]}\n"))
    for host in ("172.22.0.14", "fd22::14", "fe80::1%eth0", "10.2.0.9"):
        assert after.verdict(host, 1).admitted


def test_but_not_where_another_export_admits_them() -> None:
    text = "/srv/a 127.0.0.1(rw)\n/srv/b 127.0.0.1(rw)\n"

    assert by_exports(text).remedy("10.2.0.9", 1).exports == ("10.2.0.9(rw)",)


def test_on_macos_lines_of_their_own_admit_him() -> None:
    text = "/Users/dev/src -mapall=501:20 localhost\n"
    remedy = by_exports(text, KIND[:2], Dialect.DARWIN).remedy("10.2.0.9", 1)

    assert remedy.exports == (
        "/Users/dev/src -mapall=501:20 -network 172.22.0.0 -mask 255.255.0.0",
        "/Users/dev/src -mapall=501:20 -network fd22:: -mask ffff:ffff:ffff:ffff::",
        "/Users/dev/src -mapall=501:20 10.2.0.9",
    )
    assert remedy.place == "/etc/exports"
    whole = "".join(f"{line}\n" for line in (text.strip(), *remedy.exports))
    assert read(Dialect.DARWIN, whole).error_count == 0
    after = by_exports(whole, (), Dialect.DARWIN)
    for host in ("172.22.0.14", "fd22::14", "10.2.0.9"):
        assert after.verdict(host, 1).admitted


def test_what_the_remedy_says_does_admit_him() -> None:
    text = "/srv/src 127.0.0.1(rw,no_root_squash) 10.1.0.0/16(ro)\n"
    before = by_exports(text)
    remedy = before.remedy("10.2.0.9", 1)

    after = by_exports(text.replace("\n", f" {remedy.exports[0]}\n"))

    assert not before.verdict("10.2.0.9", 1).admitted
    assert after.verdict("10.2.0.9", 1).admitted
    assert after.verdict("10.1.0.9", 1).admitted


# -- properties ----------------------------------------------------------------------------------

NETWORKS = st.lists(
    st.one_of(
        st.tuples(st.ip_addresses(v=4), st.integers(0, 32)),
        st.tuples(st.ip_addresses(v=6), st.integers(0, 128)),
    ).map(lambda pair: str(ip_network(pair, strict=False))),
    min_size=1,
    max_size=5,
)


def naive(host: str, networks: list[str]) -> bool:
    """Admission by the standard library alone; what is mapped is taken for what it stands for."""
    address: Address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in _unmapped(ip_network(text)) for text in networks)


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    first = getattr(network.network_address, "ipv4_mapped", None)
    if first is None or network.prefixlen < 96:
        return network
    return IPv4Network((first, network.prefixlen - 96))


@given(st.ip_addresses(), NETWORKS, st.booleans())
def test_a_list_admits_whom_the_standard_library_would(
    address: Address, networks: list[str], near: bool
) -> None:
    host = str(ip_network(networks[0])[-1] if near else address)

    assert Admission(tuple(networks)).verdict(host, 700).admitted == naive(host, networks)


@given(st.ip_addresses(v=4), NETWORKS)
def test_a_mapped_address_is_judged_as_the_one_it_stands_for(
    address: Address, networks: list[str]
) -> None:
    admission = Admission(tuple(networks))

    assert (
        admission.verdict(f"::ffff:{address}", 700).admitted
        == admission.verdict(str(address), 700).admitted
    )


@given(st.ip_addresses(), NETWORKS)
def test_exports_for_the_host_alone_admit_the_networks_and_nobody_else(
    address: Address, networks: list[str]
) -> None:
    admission = by_exports(HOST_ONLY, tuple(networks))

    assert admission.verdict(str(address), 700).admitted == naive(str(address), networks)


TEXTS = st.one_of(st.text(), st.sampled_from(["fe80::1%", "::ffff:1.2.3.4%x", "1.2.3.4%", "%"]))
POLICIES = st.sampled_from(
    [
        Admission("any"),
        Admission(("10.0.0.0/8", "fd00::/8")),
        Admission("exports"),
        by_exports(HOST_ONLY),
        by_exports(HOST_ONLY, ()),
        by_exports(HOST_ONLY, None),
        by_exports("/srv/a *(rw)\n"),
        by_exports("/srv/a 10.0.0.0/8(rw)\n"),
        by_exports("/srv/a 127.0.0.1(rw) @team(rw)\n"),
    ]
)


@given(POLICIES, TEXTS, st.integers(0, 65535))
def test_no_originator_makes_it_fail(policy: Admission, host: str, port: int) -> None:
    verdict = policy.verdict(host, port)
    remedy = policy.remedy(host, port)

    assert verdict.text
    assert not verdict.admitted or remedy == Remedy()
    assert policy.trouble is None or all(policy.trouble)


@given(POLICIES, st.ip_addresses())
def test_the_line_of_the_remedy_admits_him(policy: Admission, address: Address) -> None:
    line = policy.remedy(str(address), 700).allow
    if line is not None:
        networks = tuple(
            line.removeprefix("allow = [").removesuffix("]").replace('"', "").split(", ")
        )
        assert Admission(networks).verdict(str(address), 700).admitted


def test_blocks_are_read_as_the_configuration_has_them() -> None:
    assert str(block_of("10.0.0.7")) == "10.0.0.7/32"
    assert str(block_of("::ffff:10.0.0.0/104")) == "10.0.0.0/8"
    with pytest.raises(ValueError, match="host bits"):
        block_of("10.0.0.1/8")
