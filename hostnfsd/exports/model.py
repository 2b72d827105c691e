"""What an exports file says, in one form for both dialects."""

from dataclasses import dataclass
from enum import StrEnum

from hostnfsd.exports.addresses import Address, Block
from hostnfsd.problem import Place, Problem, errors


class Dialect(StrEnum):
    """Whose exports(5)."""

    DARWIN = "darwin"
    LINUX = "linux"


class ClientKind(StrEnum):
    """How an exports file names clients."""

    WORLD = "world"  # everybody
    HOST = "host"  # a name
    ADDRESS = "address"
    NETWORK = "network"
    WILDCARD = "wildcard"  # a pattern of names; Linux only
    NETGROUP = "netgroup"
    KERBEROS = "kerberos"  # gss/krb5 and the like; Linux only


@dataclass(frozen=True, slots=True)
class Client:
    """One client, or a set of them.

    Attributes:
        kind: how it is named.
        text: the name, as the server understands it; empty for everybody.
        place: where it is written; the export's, where everybody is meant by writing nobody.
        addresses: of an address, a resolved name, the members of a netgroup; none of a name that
            nobody could be asked for.
        block: of a network.
    """

    kind: ClientKind
    text: str
    place: Place
    addresses: tuple[Address, ...] = ()
    block: Block | None = None

    def includes(self, address: Address) -> bool | None:
        """Whether the address is one of them; None if a file alone cannot tell."""
        match self.kind:
            case ClientKind.WORLD:
                return True
            case ClientKind.NETWORK:
                return self.block is not None and address in self.block
            case ClientKind.HOST if not self.addresses:
                return None
            case ClientKind.HOST | ClientKind.ADDRESS:
                return address in self.addresses
            case ClientKind.WILDCARD | ClientKind.NETGROUP | ClientKind.KERBEROS:
                return None


class Squash(StrEnum):
    """Whose identity the server changes."""

    NONE = "none"
    ROOT = "root"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Terms:
    """What clients may do.

    Attributes:
        read_only: they may not write.
        squash: whose identity is changed.
        uid: to which user; None where only the machine that the file is for can tell.
        gids: to which groups; none where a user without groups was asked for.
        identity: the user and groups as written, where ``uid`` is None.
        subdirectories: any directory below the export may be mounted, too.
        low_ports: only from source ports below 1024.
        security: RPC security flavors that are accepted, the preferred first.
        offline: known, but not served now.
        options: every option in effect that is not told above, by its name.
    """

    read_only: bool
    squash: Squash = Squash.ROOT
    uid: int | None = -2
    gids: tuple[int, ...] = (-2,)
    identity: str = ""
    subdirectories: bool = False
    low_ports: bool = False
    security: tuple[str, ...] = ("sys",)
    offline: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """Some clients, on some terms."""

    client: Client
    terms: Terms


@dataclass(frozen=True, slots=True)
class Export:
    """A directory that can be mounted.

    Attributes:
        path: the directory.
        place: where it is written first.
        grants: who may mount it and how, in the order written; a client is served by the first
            that names it most exactly.
        also: directories below it that are named as mountable of their own.
    """

    path: str
    place: Place
    grants: tuple[Grant, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it is written, comments and line breaks taken away.

    Attributes:
        place: where it begins.
        paths: its directories, without quotes and escapes.
        fields: the words after them; in the macOS dialect still with quotes and escapes.
        path_places: where each directory is written.
        field_places: where each word is written.
    """

    place: Place
    paths: tuple[str, ...]
    fields: tuple[str, ...]
    path_places: tuple[Place, ...] = ()
    field_places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A file, read.

    Attributes:
        dialect: whose rules were applied.
        entries: what is written, as far as it can be understood.
        exports: what it means to the server.
        problems: what the server would say. In the macOS dialect the errors are those that
            ``nfsd checkexports`` counts in its exit status.
    """

    dialect: Dialect
    entries: tuple[Entry, ...]
    exports: tuple[Export, ...]
    problems: tuple[Problem, ...]

    @property
    def error_count(self) -> int:
        """How many problems are errors."""
        return len(errors(self.problems))
