"""Which gateway is meant, and what must be configured for it: facts become a proposal.

A gateway that says more for itself is preferred: a container whose sshd is published, the more so
next to the nodes of a kind cluster and with an alias in ssh_config; an alias that people made for
a tunnel of their own. Of several that say the same a person has to choose.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface
from typing import Final

from hostnfsd.config.values import gateway_name, is_host_name
from hostnfsd.init.facts import Attachment, Container, Facts, SshAlias
from hostnfsd.services import FACTS

#: Where a published port is dialled.
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0"})  # noqa: S104  # compared
#: Networks of docker on which containers have no names.
_NAMELESS: Final = frozenset({"bridge", "host", "none"})
#: Accounts that only take git's commands.
_NO_LOGIN: Final = frozenset({"git"})
_OURS: Final = frozenset(facts.gateway_port for facts in FACTS.values())
#: From how much on it says for itself one alone is taken without asking, whatever else there is.
_PLAIN: Final = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be the gateway.

    Attributes:
        name: of its table: an alias, or a container's name.
        alias: in ssh_config, if there is one.
        container: that it is, if it is one.
        network: of docker, on which its clients are; None where that is not known.
        weight: how much says that it is meant.
    """

    name: str
    alias: SshAlias | None = None
    container: Container | None = None
    network: Attachment | None = None
    weight: int = 0

    @property
    def told(self) -> str:
        """What it is, for people."""
        parts: list[str] = []
        if self.alias is not None:
            parts.append(f"Host of ssh_config, {self.alias.login}")
        if self.container is not None:
            where = f" on docker network {self.network.network}" if self.network else ""
            parts.append(f"container {self.container.name}{where}")
        return ", ".join(parts) or "named by you"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be written; None stands for a default that is left alone.

    Attributes:
        gateway: which one.
        host: where sshd is dialled.
        port: of sshd.
        client_address: how clients reach the gateway.
        exports_none: whether the server keeps its exports elsewhere than in /etc/exports.
        allow: who is admitted then: networks; empty: all.
        warnings: what stands in the way, a sentence each.
    """

    gateway: Candidate
    host: str | None = None
    port: int | None = None
    client_address: str | None = None
    exports_none: bool = False
    allow: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def candidates(facts: Facts) -> tuple[Candidate, ...]:
    """What may be the gateway, the likeliest first."""
    beside = {
        attachment.network
        for container in facts.containers
        if container.kind_node
        for attachment in container.networks
    }
    usable = [alias for alias in facts.aliases if _nameable(alias.name)]
    found = [
        _of_container(container, usable, beside)
        for container in facts.containers
        if container.ssh and not container.kind_node and _nameable(container.name)
    ]
    taken = {each.name for each in found}
    found += [
        Candidate(alias.name, alias, weight=_PLAIN if _OURS & {*alias.forwards} else 1)
        for alias in usable
        if alias.name not in taken and alias.user not in _NO_LOGIN
    ]
    return tuple(sorted(found, key=lambda each: -each.weight))


def _of_container(container: Container, aliases: list[SshAlias], beside: set[str]) -> Candidate:
    ways = {(published.host, published.port) for published in container.ssh}
    alias = next((a for a in aliases if _leads(a, ways)), None)
    networks = [each for each in container.networks if each.network not in _NAMELESS]
    near = [each for each in networks if each.network in beside]
    network = near[0] if near else networks[0] if len(networks) == 1 else None
    weight = _PLAIN + 2 * bool(near) + (alias is not None)
    name = container.name if alias is None else alias.name
    return Candidate(name, alias, container, network, weight)


def _leads(alias: SshAlias, ways: set[tuple[str, int]]) -> bool:
    return any(
        alias.port == port and (alias.host == host or {alias.host, host} <= _HERE)
        for host, port in ways
    )


def _nameable(name: str) -> bool:
    try:
        gateway_name(name)
    except ValueError:
        return False
    return True


def chosen(known: tuple[Candidate, ...], named: str | None) -> Candidate | tuple[Candidate, ...]:
    """The one that is meant, or those that a person has to choose from; none at all is possible.

    Args:
        known: the candidates.
        named: what the person has said already: the name of one, of its container, or of
            something that was not found here. It must be able to name a gateway.
    """
    if named is not None:
        for each in known:
            if named in {each.name, each.container.name if each.container else None}:
                return each
        return Candidate(named)
    best = [each for each in known if each.weight == known[0].weight]
    if len(best) == 1 and (best[0].weight >= _PLAIN or len(known) == 1):
        return best[0]
    return tuple(best) if best and best[0].weight >= _PLAIN else known


def propose(facts: Facts, gateway: Candidate) -> Proposal:
    """What must be configured for a gateway."""
    host, port, warnings = None, None, list(facts.notes)
    if gateway.alias is None and gateway.container is not None:
        way = next(iter(gateway.container.ssh))
        host, port = _dialled(way.host), way.port
        warnings.append(
            f"no Host in ssh_config leads to container {gateway.container.name}: it is logged in to"
            " under your own name with your usual keys; user and identity_files in"
            f" [gateway.{gateway.name}] say otherwise"
        )
    elif gateway.alias is None:
        warnings.append(
            f"{gateway.name} is neither a Host of ssh_config nor a container that publishes an"
            " sshd: it is looked up as a name"
        )
    if gateway.alias is not None and (held := sorted(_OURS & {*gateway.alias.forwards})):
        ports = ", ".join(map(str, held))
        warnings.append(
            f"Host {gateway.alias.name} in ssh_config has RemoteForward for {ports}: a session of"
            " yours would hold the ports. Delete these lines, and end what runs:"
            f" ssh -O exit {gateway.alias.name}"
        )
    # A server that exports without a file of exports: nfs-ganesha, a NAS.
    elsewhere = bool(facts.listed) and not facts.in_file
    if not facts.in_file and not facts.listed:
        warnings.append(_nothing_exported(facts))
    return Proposal(
        gateway,
        host=host,
        port=port,
        client_address=_client_address(gateway),
        exports_none=elsewhere,
        allow=_networks(gateway) if elsewhere else (),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _nothing_exported(facts: Facts) -> str:
    uid, _, gid = facts.owner.partition(":")
    line, told = (
        (f"/Users/me/src -mapall={facts.owner} localhost", "sudo nfsd update")
        if facts.platform == "darwin"
        else (
            f"/srv/src 127.0.0.1(rw,all_squash,anonuid={uid},anongid={gid})",
            "sudo exportfs -ra",
        )
    )
    return (
        "nothing is exported yet: /etc/exports needs a line for each directory, such as"
        f" `{line}`, which has clients act as you; then {told}"
    )


def _dialled(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        return "127.0.0.1"


def _client_address(gateway: Candidate) -> str | None:
    """Its name where clients can look it up: an address would change with the container."""
    if gateway.network is None or gateway.container is None:
        return None
    return gateway.container.name if is_host_name(gateway.container.name) else None


def _networks(gateway: Candidate) -> tuple[str, ...]:
    if gateway.network is None:
        return ()
    try:
        return (str(ip_interface(gateway.network.address).network),)
    except ValueError:
        return ()
