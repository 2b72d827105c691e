"""What clients meet at the gateway's ports: the state of a service by its name. Pure.

The states are the daemon's, or those that the doctor's own forwards found: both are made by
:mod:`hostnfsd.tunnel.forward` and :mod:`hostnfsd.tunnel.probe`, whose sentences tell the causes of
one state apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hostnfsd.doctor.finding import Finding, failed, passed, skipped, warned
from hostnfsd.snapshot import Family, FamilyView, ServiceState

#: Beginnings or parts of the sentences, in the order to look.
_REFUSED: Final = (
    ("forbids this forward", "forwarding-forbidden"),
    ("may not bind port", "low-port-forbidden"),
    ("another process on the gateway answers", "foreign-holder"),
    ("the session we recorded", "stale-session"),
    ("already taken", "port-busy"),
    ("would not bind", "port-busy"),
)
_UNVERIFIED: Final = (
    ("does not let us try it", "unverified"),
    ("is unknown", "address-unknown"),
)
_CODES: Final = {
    ServiceState.UNREACHABLE: "gateway-ports-no",
    ServiceState.STALLED: "service-frozen",
    ServiceState.HOST_DOWN: "service-down",
}
#: States whose cause is at the host, which its own checks tell.
OF_THE_HOST: Final = frozenset(
    {ServiceState.HOST_DOWN, ServiceState.DENIED, ServiceState.STALLED, ServiceState.ABSENT}
)


def code(state: ServiceState, text: str | None) -> str:
    """The name of a state that is not well."""
    said = text or ""
    parts = {ServiceState.REFUSED: _REFUSED, ServiceState.UNVERIFIED: _UNVERIFIED}.get(state, ())
    named = next((found for part, found in parts if part in said), None)
    if named is not None:
        return named
    if state is ServiceState.DENIED:
        return "reserved-port" if "TOOWEAK" in said else "exports-deny"
    return _CODES.get(state, "service-not-serving")


def judge(
    port: int,
    views: Mapping[Family, FamilyView],
    *,
    required: bool,
    holders: Sequence[str] = (),
    end: Iterable[str] = (),
    within_s: float | None = None,
) -> tuple[Finding, ...]:
    """A row for each family that differs from the others.

    Args:
        port: of the gateway.
        views: what clients of each family meet.
        required: whether a mount needs it.
        holders: who may hold a busy port, in words; nobody is claimed to.
        end: commands that end who holds it, if it is he.
        within_s: how long forwards of our own were waited for; None if they are the daemon's.
    """
    if not views:
        return (skipped("not known: a daemon that runs has it, and cannot be asked"),)
    groups: dict[tuple[ServiceState, str | None], list[Family]] = {}
    for family, view in views.items():
        groups.setdefault((view.state, view.error), []).append(family)
    return tuple(
        _slow(families, within_s)
        if within_s is not None and views[families[0]].state is ServiceState.WAITING
        else _one(port, families, views[families[0]], required=required, holders=holders, end=end)
        for families in groups.values()
    )


def _slow(families: list[Family], within_s: float) -> Finding:
    text = f"the gateway has not answered all that was asked of it within {within_s:g} s"
    return warned("gateway-slow", f"{' and '.join(families)}: not known: {text}")


def _one(
    port: int,
    families: list[Family],
    view: FamilyView,
    *,
    required: bool,
    holders: Sequence[str],
    end: Iterable[str],
) -> Finding:
    where = " and ".join(families)
    match view.state:
        case ServiceState.SERVING:
            return passed(f"{where}: a call that enters there is answered")
        case ServiceState.ABSENT:
            return skipped(f"{view.error or 'this host does not run it'}: nothing to answer")
        case ServiceState.WAITING:
            text = f"{where}: not known yet: {view.error or 'waiting'}"
            return warned("service-not-serving", text)
        case state:
            named = code(state, view.error)
    text = f"{where}: {view.error or state}"
    cure = _cure(named, port, view.hint, holders, tuple(end))
    if not required or state is ServiceState.UNVERIFIED:
        return warned(named, text, cure)
    return failed(named, text, cure)


def _cure(
    named: str, port: int, hint: str | None, holders: Sequence[str], end: tuple[str, ...]
) -> tuple[str, ...] | None:
    if named in {"port-busy", "foreign-holder"}:
        found = f"$ ss -ltnp 'sport = :{port}'"
        if holders:
            told = "it may be: " + "; ".join(holders)
            return (told, *(("if it is, end it:", *end) if end else ("see on the gateway:", found)))
        return ("find the holder on the gateway:", found)
    if named == "low-port-forbidden":
        return None
    return None if hint is None or named == "gateway-ports-no" else (hint,)
