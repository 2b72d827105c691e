"""The configuration file: only what differs from the defaults, and why."""

import textwrap
from collections.abc import Iterator
from typing import Final

from hostnfsd.config.keys import dotted
from hostnfsd.config.values import quoted
from hostnfsd.init.propose import Proposal
from hostnfsd.readable import printable

_WIDTH: Final = 100


def text(proposal: Proposal, written: str) -> str:
    """A file that ``check`` accepts; ends with a newline.

    Args:
        proposal: what is to be in it.
        written: when, for the comment: ``2026-11-27``.
    """
    return "\n".join(_lines(proposal, written)) + "\n"


def _lines(proposal: Proposal, written: str) -> Iterator[str]:
    gateway = proposal.gateway
    yield from _comment(
        f"Written by `hostnfsd init` on {written}. What does not stand here has its default:"
        " `hostnfsd check --show` prints every key with its value."
    )
    yield ""
    yield f"[{dotted(('gateway', gateway.name))}]"
    if gateway.alias is not None:
        yield from _comment(
            f"How to log in stands in ssh_config, Host {gateway.name}: {gateway.alias.login}."
            + ("" if gateway.container is None else f" It is container {gateway.container.name}.")
        )
    elif gateway.container is None:
        yield from _comment("How to log in: host, port, user, identity_files; else as ssh does.")
    if proposal.host is not None and gateway.container is not None:
        yield from _comment(
            f"Where docker publishes the sshd of container {gateway.container.name}. Who logs in is"
            " your own name unless it is said here:"
        )
        yield f"host = {quoted(proposal.host, None)}"
        yield f"port = {proposal.port}"
        yield '# user = "admin"'
    if proposal.client_address is not None and gateway.network is not None:
        yield from _comment(
            f"Clients on docker network {gateway.network.network} look it up by this name. Its"
            f" address, now {gateway.network.address.partition('/')[0]}, changes when the container"
            " is made anew."
        )
        yield f"client_address = {quoted(proposal.client_address, None)}"
    else:
        yield from _comment(
            "How clients reach it is found out over SSH. A name that they can look up would outlive"
            " a change of its address:"
        )
        yield f"# client_address = {quoted(gateway.name, None)}"
    if proposal.exports_none:
        yield ""
        yield "[host]"
        yield from _comment(
            "Nothing stands in /etc/exports: the server keeps its exports elsewhere, so they cannot"
            " tell who is admitted."
        )
        yield 'exports = "none"'
        yield ""
        yield "[access]"
        if proposal.allow:
            yield from _comment("Whoever is on the network that the gateway shares with clients.")
            listed = ", ".join(quoted(each, None) for each in proposal.allow)
            yield f"allow = [{listed}]"
        else:
            yield from _comment(
                "Whoever reaches the gateway's ports. Networks in a list narrow it:"
                ' ["172.22.0.0/16"].'
            )
            yield 'allow = "any"'


def _comment(sentence: str) -> list[str]:
    return textwrap.wrap(
        printable(sentence),
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
        break_long_words=False,
    )
