from hostnfsd.init.facts import Attachment, Container, Facts, Published, SshAlias
from hostnfsd.init.propose import Candidate, Proposal, propose
from hostnfsd.init.text import text

NETWORK = Attachment("kind", "172.22.0.12/16")
CONTAINER = Container("dev-gw", (Published("127.0.0.1", 122),), (NETWORK,))


def test_only_what_differs_from_the_defaults_is_written_and_why() -> None:
    gateway = Candidate("gw", SshAlias("gw", "127.0.0.1", 122, "admin"), CONTAINER, NETWORK)
    assert (
        text(propose(Facts("darwin"), gateway), "2026-11-27")
        == """\
# Written by `hostnfsd init` on 2026-11-27. What does not stand here has its default: `hostnfsd
# check --show` prints every key with its value.

[gateway.gw]
# How to log in stands in ssh_config, Host gw: admin@127.0.0.1 port 122. It is container dev-gw.
# Clients on docker network kind look it up by this name. Its address, now 172.22.0.12, changes when
# the container is made anew.
client_address = "dev-gw"
"""
    )


def test_a_name_that_toml_would_divide_is_quoted() -> None:
    assert '[gateway."a.b"]' in text(Proposal(Candidate("a.b")), "2026-11-27").splitlines()


def test_networks_that_are_admitted_are_listed() -> None:
    written = text(Proposal(Candidate("a"), exports_none=True, allow=("172.22.0.0/16",)), "x")
    assert written.splitlines()[-1] == 'allow = ["172.22.0.0/16"]'


def test_what_docker_says_cannot_leave_its_comment() -> None:
    evil = Attachment("kind\n[access]", "1.2.3.4/8")
    gateway = Candidate("gw", None, CONTAINER, evil)
    lines = text(propose(Facts("linux"), gateway), "2026-11-27").splitlines()
    assert "[access]" not in lines
