"""Who may come in at one gateway, why not, and what would let him in. Pure.

``[access] allow`` decides: everybody, some networks, or whom the exports admit
(:mod:`hostnfsd.exports.access`). Originators are what sshd tells: an address in digits. Whoever
has none that can be read is admitted only where everybody is.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal, TypeAlias

from hostnfsd.access_view import Remedy
from hostnfsd.exports.access import Access, Reason, Rule, access
from hostnfsd.exports.addresses import Address, Block, plain, prefix_mask
from hostnfsd.exports.matching import serving
from hostnfsd.exports.model import Dialect, Export
from hostnfsd.exports.overview import rule_text, short
from hostnfsd.exports.spelling import darwin_line, linux_client
from hostnfsd.readable import printable

#: What sshd says of a client whose address it cannot tell (channels.c, port_open_helper): he has
#: hung up before he was asked for it.
UNKNOWN: Final = ("127.0.0.1", 65535)

#: ``[access] allow``.
Allow: TypeAlias = Literal["exports", "any"] | tuple[str, ...]

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_WORLD: Final = tuple(
    Block(ipaddress.ip_address(zero), prefix_mask(version, 0))
    for version, zero in ((4, "0.0.0.0"), (6, "::"))  # noqa: S104  # a network, not an address
)


class Why(StrEnum):
    """Why an originator is not admitted: a closed set."""

    UNKNOWN = "unknown-address"  # nobody can tell where he comes from
    NOT_LISTED = "not-listed"  # [access] allow names others
    OTHERS = "others"  # the exports admit others
    NO_EXPORT = "no-export"  # no export can be mounted through the tunnel
    NO_NETWORKS = (
        "no-networks"  # exports name only the host; the gateway does not tell its networks
    )
    PENDING = "pending"  # it is not known yet


@dataclass(frozen=True, slots=True)
class Exported:
    """What the host exports.

    Attributes:
        exports: those in effect.
        dialled_from: the address that hostnfsd dials the server from.
        dialect: of the exports file.
        path: the file.
        trouble: what is wrong with the file, in a few words; None: nothing.
    """

    exports: tuple[Export, ...]
    dialled_from: Address
    dialect: Dialect
    path: str
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an originator may come in.

    Attributes:
        why: why not; None: he may.
        text: the same in a sentence, or who admits him.
    """

    why: Why | None
    text: str

    @property
    def admitted(self) -> bool:
        """Whether he may come in."""
        return self.why is None

    @property
    def pending(self) -> bool:
        """Whether it is not known yet."""
        return self.why is Why.PENDING


def originator(host: str, port: int) -> Address | None:
    """The address that sshd tells; None where it tells none.

    A zone means nothing here. IPv4-mapped addresses are IPv4 addresses.
    """
    if (host, port) == UNKNOWN:
        return None
    try:
        return plain(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return None  # a name (UseDNS of some servers), "UNKNOWN"


def block_of(text: str) -> Block:
    """A network in CIDR notation, or one address, as configuration and surveys have them.

    Raises:
        ValueError: it is none.
    """
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        low = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return Block(low, prefix_mask(4, network.prefixlen - _MAPPED.prefixlen))
    return Block(network.network_address, network.netmask)


@dataclass(frozen=True)
class Admission:
    """Who may come in at one gateway.

    Attributes:
        allow: ``[access] allow``.
        exported: what the host exports; None while that is not known yet.
        networks: those that the gateway is directly attached to; empty where it does not tell
            them, None while it has not been asked yet.
    """

    allow: Allow
    exported: Exported | None = None
    networks: tuple[str, ...] | None = None

    def verdict(self, host: str, port: int) -> Verdict:
        """Whether an originator may come in. Never raises, whatever the gateway says."""
        address = originator(host, port)
        if self.everybody is not None:
            return Verdict(None, self.everybody)
        if not self.follows_exports:
            return self._by_list(address)
        if self.exported is None:
            return Verdict(Why.PENDING, "the exports are being read")
        rule = None if address is None else self._access.admits(address)
        if rule is not None:
            return Verdict(None, rule_text(rule))
        if not self._access.mountable:
            return Verdict(Why.NO_EXPORT, self._nothing())
        if self._only_host and self.networks is None:
            return Verdict(Why.PENDING, "the gateway is being asked for its networks")
        if address is None:
            return _unknown()
        if not self._access.rules:
            if self._only_host and not self.networks:
                return Verdict(Why.NO_NETWORKS, self._no_networks())
            return Verdict(Why.NO_EXPORT, self._nobody())
        return Verdict(Why.OTHERS, f"{self._who()}, not {address}")

    def remedy(self, host: str, port: int) -> Remedy:
        """What would let an originator in who is not admitted."""
        address = originator(host, port)
        verdict = self.verdict(host, port)
        if address is None or verdict.why in {None, Why.PENDING}:
            return Remedy()
        if not self.follows_exports:
            return Remedy(_allow_line((*(text for text, _ in self._listed), str(address))))
        if self.exported is None or not self._access.mountable:
            return Remedy()  # the server itself would turn him away
        blocks = dict.fromkeys(str(r.block) for r in self._access.rules if _spelled(r))
        line = _allow_line((*map(short, blocks), str(address)))
        return Remedy(line, *self._clause(self.exported, address))

    @property
    def follows_exports(self) -> bool:
        """Whether the exports decide."""
        return self.allow == "exports"

    @property
    def pending(self) -> bool:
        """Whether it is not known yet of everybody."""
        if not self.follows_exports:
            return False
        return self.exported is None or (
            self.everybody is None and self._only_host and self.networks is None
        )

    @cached_property
    def everybody(self) -> str | None:
        """That everybody is admitted, and by what; None: nothing admits everybody."""
        if self.allow == "any":
            return 'everybody, by access.allow = "any"'
        if self.follows_exports and self.exported is not None:
            for rule in self._access.rules:
                if rule.block is None:
                    return rule_text(rule)
        return None

    @cached_property
    def admitted(self) -> tuple[str, ...]:
        """Who may come in, a line for each; none where nobody may, or where it is not known."""
        if self.everybody is not None:
            return (self.everybody,)
        if not self.follows_exports:
            return tuple(f"{text}, by access.allow" for text, _ in self._listed)
        if self.exported is None:
            return ()
        return tuple(dict.fromkeys(rule_text(rule) for rule in self._access.rules))

    @cached_property
    def trouble(self) -> tuple[str, str] | None:
        """Why nobody may come in, with the cure; None: somebody may, or it is not known yet."""
        if self.admitted or self.exported is None:
            return None
        if not self._access.mountable:
            return self._nothing(), "hostnfsd exports tells what each export lacks"
        if not self._only_host:
            return self._nobody(), "name addresses or networks there, or in [access] allow"
        if self.networks is None:
            return None
        return (
            self._no_networks(),
            'name the clients\' network in the configuration: [access] allow = ["172.22.0.0/16"]',
        )

    # -- the list ---------------------------------------------------------------------------------

    @cached_property
    def _listed(self) -> tuple[tuple[str, Block], ...]:
        return tuple((text, block_of(text)) for text in self.allow)

    def _by_list(self, address: Address | None) -> Verdict:
        if address is None:
            return _unknown()
        for text, block in self._listed:
            if address in block:
                return Verdict(None, f"{text}, by access.allow")
        names = _joined(tuple(text for text, _ in self._listed))
        return Verdict(Why.NOT_LISTED, f"access.allow names {names}, not {address}")

    # -- the exports -----------------------------------------------------------------------------

    def _rules(self, networks: tuple[Block, ...]) -> Access:
        if self.exported is None:
            return Access((), ())
        return access(self.exported.exports, self.exported.dialled_from, networks)

    @cached_property
    def _access(self) -> Access:
        return self._rules(tuple(map(block_of, self.networks or ())))

    @cached_property
    def _only_host(self) -> bool:
        """Whether an export names only the host, so that the gateway's networks count."""
        return any(rule.reason is Reason.ATTACHED for rule in self._rules(_WORLD).rules)

    def _nothing(self) -> str:
        assert self.exported is not None  # noqa: S101  # asked for only then
        if self.exported.trouble is not None and not self.exported.exports:
            return f"{self.exported.path}: {self.exported.trouble}"
        if not self.exported.exports:
            return f"{self.exported.path} exports nothing"
        return (
            f"no export admits {self.exported.dialled_from}, the address that hostnfsd dials from:"
            " none can be mounted through the tunnel"
        )

    def _nobody(self) -> str:
        return f"{_names(self._access.mountable)} admits nobody that can be judged at the tunnel"

    def _no_networks(self) -> str:
        return (
            f"{_names(self._access.mountable)} names only this host, which admits the networks"
            " next to the gateway, and the gateway does not tell them"
        )

    def _who(self) -> str:
        paths = _names(self._access.mountable)
        blocks = dict.fromkeys(short(str(rule.block)) for rule in self._access.rules)
        return f"{paths} admits {_joined(tuple(blocks))}"

    def _clause(self, exported: Exported, address: Address) -> tuple[tuple[str, ...], str | None]:
        """What an export would say that names him, too.

        Once it names more than the host, it no longer admits the networks of the gateway: where no
        other export does, it has to name them.
        """
        export = self._access.mountable[0]
        grant = serving(export, exported.dialled_from)
        near = [rule for rule in self._access.rules if rule.reason is Reason.ATTACHED]
        alone = all(rule.export == export.path for rule in near)
        blocks = [rule.block for rule in near if alone and rule.block is not None]
        if grant is None:
            return (), None
        if exported.dialect is Dialect.DARWIN:
            whom = [*([_darwin(block)] for block in blocks), [str(address)]]
            lines = tuple(darwin_line(export, grant.terms, words) for words in whom)
            return lines, exported.path
        names = [*(short(str(block)) for block in blocks), str(address)]
        words = " ".join(linux_client(name, grant.terms) for name in names)
        return (words,), f"{export.place.path}:{export.place.line}"


def _darwin(block: Block) -> str:
    return f"-network {block.address} -mask {block.mask}"


def _unknown() -> Verdict:
    return Verdict(
        Why.UNKNOWN,
        "the gateway could not tell his address, and such a client is admitted only where"
        " everybody is",
    )


def _spelled(rule: Rule) -> bool:
    """Whether a network can be written in the configuration."""
    return rule.block is not None and rule.block.prefix is not None and not rule.block.host_bits


def _allow_line(networks: tuple[str, ...]) -> str:
    shown = ", ".join(f'"{each}"' for each in dict.fromkeys(networks))
    return f"allow = [{shown}]"


def _names(exports: tuple[Export, ...]) -> str:
    return _joined(tuple(printable(export.path) for export in exports))


def _joined(texts: tuple[str, ...]) -> str:
    most = 4
    shown = texts if len(texts) <= most else (*texts[:most], f"{len(texts) - most} more")
    if len(shown) < 2:  # noqa: PLR2004  # nothing to join
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
