"""A gateway's name that ssh_config does not know."""

import pytest

from hostnfsd.doctor.ssh_name import is_bare, unknown
from hostnfsd.tunnel.ssh_config import Alias

FILE = "/home/dev/.ssh/config"


@pytest.mark.parametrize(
    ("alias", "host", "bare"),
    [
        (Alias("dev-gw"), None, True),
        (Alias("DEV-GW"), None, True),
        (Alias("127.0.0.1"), None, False),
        (Alias("dev-gw"), "dev-gw", False),
        (Alias("dev-gw", proxy_jump="bastion"), None, False),
        (Alias("dev-gw", proxy_command="nc %h %p"), None, False),
    ],
)
def test_a_name_is_bare_where_nobody_says_what_it_means(
    alias: Alias, host: str | None, bare: bool
) -> None:
    assert is_bare(alias, "dev-gw", host) is bare


def test_a_name_that_was_misspelt_is_told_with_the_right_one() -> None:
    found = unknown("dev_gw", FILE, ("github.com", "dev-gw", "bastion"))

    assert found.code == "gateway-unknown"
    assert found.text.endswith("; it has dev-gw")
    assert found.cure == ("name the table [gateway.dev-gw]",)


def test_where_there_is_none_alike_it_is_to_be_written() -> None:
    found = unknown("dev-gw", FILE, ("github.com",))

    assert found.text == f"{FILE} has no Host dev-gw, and no machine of that name is found"
    assert found.cure == (
        f"set host, port and user in [gateway.dev-gw], or write a Host dev-gw in {FILE}",
    )
