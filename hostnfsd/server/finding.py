"""What is found out about the services of the host's NFS server: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from hostnfsd.services import Service


class Origin(StrEnum):
    """Where the number of a host port comes from: a closed set, shown in status."""

    CONFIGURED = "configured"  # host_port = N
    RPCBIND = "rpcbind"  # the host's rpcbind says so now
    LAST_KNOWN = "last-known"  # it said so once
    ASSUMED = "assumed"  # it never said: 2049 for nfs, else the gateway port


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is dialled on the host."""

    address: str
    port: int
    origin: Origin


class Reached(Enum):
    """How a service of the host took an RPC NULL call, dialled as the relay dials."""

    ANSWERED = "answered"
    DOWN = "down"  # nothing listens there: refused, unreachable
    HUNG_UP = "hung-up"  # accepted, and closed before it answered
    DENIED = "denied"  # answered with AUTH_ERROR
    SILENT = "silent"  # accepted (or not even that) and said nothing in time
    FOREIGN = "foreign"  # answers, but is not this program, or speaks no RPC


@dataclass(frozen=True, slots=True)
class HostFinding:
    """One probe of a service at the host.

    Attributes:
        reached: how it ended.
        place: where it was dialled.
        text: what was seen, a sentence's end; None if it answered.
        hint: what a person can do about it.
        duration_s: seconds it took.
    """

    reached: Reached
    place: Place
    text: str | None = None
    hint: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a service that runs does not let us in."""

    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class MountFinding:
    """One attempt to mount an export and to look at its root.

    Attributes:
        export: the path that was mounted; None if none could be.
        denials: of mountd (MNT refused) and of nfs (FSINFO refused), as far as there are any.
    """

    export: str | None
    denials: Mapping[Service, Denial] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one export that was mounted for trial, given back, and looked at.

    Attributes:
        path: of the export.
        status: ``mountstat3`` of MNT; None if there was no answer.
        denial: why it may not be mounted or looked at; None if it may.
        service: which denied.
        unknown: why nothing can be said.
        root_reads: whether a client's root may list and enter it; None if that is not known.
        root_writes: whether he may write in it; likewise.
    """

    path: str
    status: int | None = None
    denial: Denial | None = None
    service: Service = Service.MOUNTD
    unknown: str | None = None
    root_reads: bool | None = None
    root_writes: bool | None = None

    @property
    def denial_text(self) -> str:
        """Why it is denied, a sentence's end; empty if it is not."""
        return "" if self.denial is None else self.denial.text
