from ipaddress import IPv4Address, ip_address

import pytest

from hostnfsd.exports.addresses import Block
from hostnfsd.exports.model import Client, ClientKind, Dialect, Reading
from hostnfsd.problem import Place, Problem, Severity

AT = Place("exports", 1, 1)
NET = Block(IPv4Address("10.0.0.0"), IPv4Address("255.0.0.0"))


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        (Client(ClientKind.WORLD, "", AT), True),
        (Client(ClientKind.NETWORK, "n", AT, block=NET), True),
        (Client(ClientKind.NETWORK, "n", AT), False),
        (Client(ClientKind.HOST, "h", AT, (ip_address("10.1.1.1"),)), True),
        (Client(ClientKind.ADDRESS, "a", AT, (ip_address("10.1.1.2"),)), False),
        (Client(ClientKind.WILDCARD, "*.x", AT), None),
        (Client(ClientKind.NETGROUP, "g", AT, (ip_address("10.1.1.1"),)), None),
        (Client(ClientKind.KERBEROS, "gss/krb5", AT), None),
    ],
)
def test_whom_a_client_covers(client: Client, answer: bool | None) -> None:
    assert client.includes(ip_address("10.1.1.1")) is answer


def test_errors_are_counted_apart_from_warnings() -> None:
    problems = [Problem("c", severity, AT, "s", "t") for severity in Severity]

    assert Reading(Dialect.LINUX, (), (), tuple(problems)).error_count == 1
