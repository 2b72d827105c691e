"""Who may come in, and what would let others in, as frozen values for status and metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessView:
    """Who may come in at a gateway.

    Attributes:
        admitted: who, and by what, a line for each; empty where nobody may or it is not known yet.
        error: why nobody may; None: somebody may, or it is not known yet.
        hint: what a person can do about that.
        networks: those that the gateway is directly attached to, in CIDR notation; empty where it
            does not tell, or was not asked yet.
    """

    admitted: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would let an originator in, and keep out nobody who may come in now.

    Attributes:
        allow: the whole line of ``[access]``; None: none would.
        exports: what to write into the exports file instead: lines of macOS, or clients to be
            added to a line of Linux. None of it where the exports do not decide.
        place: where: ``/etc/exports``, ``/etc/exports:3``.
    """

    allow: str | None = None
    exports: tuple[str, ...] = ()
    place: str | None = None
