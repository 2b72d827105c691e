from ipaddress import IPv4Address, IPv6Address

from hostnfsd.machine import databases

HOSTS = """# a comment
127.0.0.1\tlocalhost Dev.Local dev
::1 localhost
fe80::1%lo0 localhost # of old Macs
127.0.0.1 localhost
nonsense dev2
10.0.0.7
"""

NETWORKS = """loopback 127 # comment
lab 10.20 laboratory
broken
worse x.y
"""

NETGROUPS = """team (hostone,,example) (two, ,) \\
    inner
inner\t(-,dev,) (,,) (three,dev,) team
# ghosts (x,,)
empty
"""


def test_hosts_have_their_addresses_in_order_and_each_once() -> None:
    found = databases.addresses_of_hosts(HOSTS)

    assert found["localhost"] == (
        IPv4Address("127.0.0.1"),
        IPv6Address("::1"),
        IPv6Address("fe80::1"),
    )
    assert found["dev.local"] == found["dev"] == (IPv4Address("127.0.0.1"),)
    assert set(found) == {"localhost", "dev.local", "dev"}


def test_networks_have_their_numbers_by_name_and_alias() -> None:
    assert databases.numbers_of_networks(NETWORKS) == {
        "loopback": IPv4Address("127.0.0.0"),
        "lab": IPv4Address("10.20.0.0"),
        "laboratory": IPv4Address("10.20.0.0"),
    }


def test_a_netgroup_has_the_hosts_of_all_it_contains() -> None:
    groups = databases.netgroups(NETGROUPS)

    assert databases.members("team", groups) == ("hostone", "two", "three")
    assert databases.members("inner", groups) == ("three", "hostone", "two")
    assert databases.members("empty", groups) == ()
    assert databases.members("ghosts", groups) == ()
