from ipaddress import ip_address

import pytest

from hostnfsd.exports.matching import mountable, serving
from hostnfsd.exports.model import Dialect
from tests.vectors.exports_vectors import read


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.9.8.7", "hostone"),
        ("10.9.8.8", "10.9.8.0/24"),
        ("10.9.7.7", "10.9.0.0/16"),
        ("192.0.2.1", ""),
    ],
)
def test_the_most_exact_grant_serves(address: str, client: str) -> None:
    text = "/srv/a *(ro) 10.9.0.0/16(rw) @team(rw) 10.9.8.0/24(ro) hostone(rw) *.lab(ro)\n"
    (export,) = read(Dialect.LINUX, text).exports
    grant = serving(export, ip_address(address))

    assert grant is not None
    assert grant.client.text == client


def test_patterns_and_netgroups_serve_nobody_for_certain() -> None:
    (export,) = read(Dialect.LINUX, "/srv/a @team(rw) *.lab(rw) gss/krb5(rw)\n").exports

    assert not mountable(export, ip_address("10.9.8.7"))


def test_what_is_offline_is_not_served() -> None:
    (export,) = read(Dialect.DARWIN, "/Users/dev/src -offline\n").exports

    assert serving(export, ip_address("127.0.0.1")) is None
