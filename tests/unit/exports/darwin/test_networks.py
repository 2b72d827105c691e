import pytest

from hostnfsd.exports.addresses import parse
from hostnfsd.exports.darwin.networks import cidr_hint, net
from tests.support.exports_system import MAC


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10.1.2.3/8", "macOS knows no prefix lengths: -network 10.0.0.0 -mask 255.0.0.0"),
        ("10.1.2.3/0", "macOS knows no prefix lengths: -network 0.0.0.0 -mask 0.0.0.0"),
        ("10.1.2.3/33", "write it as 192.168.64.0 with -mask 255.255.255.0"),
        ("fd00::/8", "write it as 192.168.64.0 with -mask 255.255.255.0"),
        ("x", "write it as 192.168.64.0 with -mask 255.255.255.0"),
    ],
)
def test_a_prefix_length_is_turned_into_a_mask(text: str, hint: str) -> None:
    assert hint == cidr_hint(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("lab", "10.20.0.0"),
        ("fd00::", "fd00::"),
        ("127", "127.0.0.0"),
        ("10.1.2.3", "10.1.2.3"),
        ("x", None),
        ("", None),
        ("-1", None),
        ("\u0661", None),
    ],
)
def test_what_a_network_may_be(text: str, address: str | None) -> None:
    assert net(text, MAC) == (parse(address) if address else None)
