"""What trial mounts of all exports say. Pure."""

from collections.abc import Collection, Sequence
from typing import Final

from hostnfsd.doctor.finding import Finding, failed, passed, warned
from hostnfsd.server.finding import Tried
from hostnfsd.services import Service
from hostnfsd.sunrpc import mount

#: Exports that get a row of their own.
_MOST_ROWS: Final = 12


def source_port_text(*, low: bool, mode: str) -> str:
    """Why the source port is right."""
    if mode == "never":
        return "ordinary source ports, as reserved_source_port says: the server takes them"
    if low:
        return "mountd and nfs are dialled from ports below 1024"
    return "no right to ports below 1024 here, and the server does without"


def weak_source_port(tried: Tried, *, low: bool, mode: str) -> Finding:
    """The server said AUTH_TOOWEAK."""
    text = f"{tried.service} wants calls from ports below 1024 (AUTH_TOOWEAK for {tried.path})"
    if mode == "never":
        return failed(
            "reserved-port",
            f"{text}; reserved_source_port is never",
            (
                (
                    'set reserved_source_port = "auto" in [host], or let the server do without:'
                    " `nfs.server.mount.require_resv_port = 0` in /etc/nfs.conf (macOS), `insecure`"
                    " among the export's options (Linux)"
                ),
                "$ hostnfsd reload",
            ),
        )
    if low:
        return failed("reserved-port", f"{text}, and refuses them all the same")
    return failed("reserved-port", f"{text}, and this user may have none")


def admitted(tried: Sequence[Tried], address: str) -> Finding:
    """Whether one export at least admits us."""
    if not tried:
        return failed("nothing-exported", f"mountd exports nothing to {address}")
    let_in = [each.path for each in tried if each.status == mount.Status.OK]
    if let_in:
        if len(tried) == 1:
            return passed(f"{let_in[0]} admits {address}")
        count = f"{len(let_in)} of {len(tried)} exports admit {address}"
        return passed(f"{count}: {_named(let_in)}")
    refused = [each for each in tried if each.status is not None or each.denial is not None]
    if not refused:
        return failed("service-frozen", f"mountd does not answer: {tried[0].unknown}")
    closed = [e for e in refused if e.denial and e.denial.text.startswith("closed")]
    if closed:
        return failed("connection-closed", f"{closed[0].service} {closed[0].denial_text}")
    names = ", ".join(
        dict.fromkeys(
            mount.status_name(each.status) if each.status is not None else each.denial_text
            for each in refused
        )
    )
    paths = _named([each.path for each in refused])
    return failed("exports-deny", f"no export admits {address}: MNT of {paths} gives {names}")


def each(tried: Sequence[Tried], read_only: Collection[str] = frozenset()) -> tuple[Finding, ...]:
    """A row for each export; those that are fine are summed up when there are many.

    Args:
        tried: what became of them.
        read_only: those in which nobody is meant to write.
    """
    findings = [_one(each, read_only) for each in tried]
    if len(findings) <= _MOST_ROWS:
        return tuple(findings)
    bad = [finding for finding in findings if finding.code is not None]
    good = len(findings) - len(bad)
    return (*bad[:_MOST_ROWS], passed(f"{good} of {len(findings)} exports mounted and given back"))


def _one(tried: Tried, read_only: Collection[str]) -> Finding:
    path = tried.path
    if tried.unknown is not None:
        return warned("service-frozen", f"{path}: not known: {tried.unknown}")
    if tried.denial is not None:
        return _denied(tried)
    if tried.status != mount.Status.OK:
        name = "no answer" if tried.status is None else mount.status_name(tried.status)
        text = f"{path}: mountd refuses it with {name}; another export lets us in"
        return warned("exports-deny", text)
    if tried.root_reads is False:
        text = (
            f"{path}: mounted and given back; root of a client, as most containers have it, may not"
            " look into it"
        )
        return warned("root-refused", text)
    if tried.root_writes is False and path not in read_only:
        text = (
            f"{path}: mounted and given back; root of a client, as most containers have it, may not"
            " write there"
        )
        return warned("root-squashed", text)
    return passed(f"{path}: mounted, looked at, given back")


def _denied(tried: Tried) -> Finding:
    text = tried.denial_text
    if "TOOWEAK" in text:
        code = "reserved-port"
    elif "STALE" in text or "BADHANDLE" in text:
        code = "stale-handle"
    elif "JUKEBOX" in text:
        code = "export-offline"
    elif tried.service is Service.NFS and "refuses" in text:
        code = "root-refused"
    elif text.startswith("closed"):
        code = "connection-closed"
    else:
        code = "exports-deny"
    return failed(code, f"{tried.path}: {tried.service} {text}")


def _named(paths: Sequence[str], most: int = 3) -> str:
    named = ", ".join(paths[:most])
    return named if len(paths) <= most else f"{named} and {len(paths) - most} more"
