"""What is to be said of one service of the host, from all that was asked of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hostnfsd.config.model import Carried
from hostnfsd.doctor.finding import Finding, Outcome, failed, passed, skipped, warned
from hostnfsd.server.finding import HostFinding, Origin, Reached
from hostnfsd.server.ports import Candidate
from hostnfsd.services import Service

_MOUNTED: Final = frozenset({Service.NFS, Service.MOUNTD})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a service.

    Attributes:
        carried: how it is configured.
        probe: how it took NULL where it is dialled.
        registered: its rows in rpcbind's table; None if that could not be asked.
        answered: whether each version answers there; empty where none was asked for.
        by_version_4: whether clients are to mount with version 4: mountd is not carried.
        needless: of mountd: whether NFS itself runs, and has no version that needs it.
    """

    carried: Carried
    probe: HostFinding
    registered: Sequence[Candidate] | None
    answered: Mapping[int, bool] = field(default_factory=dict)
    by_version_4: bool = False
    needless: bool = False

    @property
    def service(self) -> Service:
        """Which."""
        return self.carried.service

    @property
    def where(self) -> str:
        """Where it was dialled."""
        return at(self.probe.place.address, self.probe.place.port)

    @property
    def elsewhere(self) -> tuple[int, ...]:
        """Ports at which rpcbind lists it, other than the one dialled."""
        rows = self.registered or ()
        return tuple(row.port for row in rows if row.port != self.probe.place.port)

    @property
    def listed(self) -> bool:
        """Whether rpcbind lists it where it was dialled."""
        return any(row.port == self.probe.place.port for row in self.registered or ())


def at(address: str, port: int) -> str:
    """``127.0.0.1:2049``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def judge(asked: Asked) -> Finding:
    """The row of one service other than rpcbind; one that mounts do without keeps nobody out."""
    found = _judge(asked)
    if found.outcome is Outcome.FAIL and not asked.carried.required:
        return replace(found, outcome=Outcome.WARN)
    return found


def _judge(asked: Asked) -> Finding:
    match asked.probe.reached:
        case Reached.ANSWERED:
            return _answers(asked)
        case Reached.DOWN:
            return _down(asked)
        case Reached.HUNG_UP:
            text = f"at {asked.where} it closes connections before it answers"
            code = "connection-closed" if asked.service in _MOUNTED else "foreign-service"
            return failed(code, text)
        case Reached.DENIED:
            code = "reserved-port" if "TOOWEAK" in (asked.probe.text or "") else "exports-deny"
            return failed(code, f"at {asked.where} it {asked.probe.text}")
        case Reached.SILENT:
            return failed("service-frozen", f"at {asked.where} it {asked.probe.text}")
        case Reached.FOREIGN:
            return _foreign(asked)


def _answers(asked: Asked) -> Finding:
    good = [version for version, answers in asked.answered.items() if answers]
    bad = [version for version, answers in asked.answered.items() if not answers]
    text = f"{asked.where}, {versions(good)}"
    lacks_3 = bool(good) and 3 not in good  # noqa: PLR2004  # vers=3
    if asked.service in _MOUNTED and lacks_3 and not asked.by_version_4:
        said = f"{text} only, not 3, with which clients are told to mount"
        return failed("no-version-3", said)
    if bad:
        said = f"{text}; rpcbind lists {versions(bad, verb=False)} too, which does not answer"
        return warned("stale-registration", said)
    if asked.registered is not None and not asked.registered:
        return warned("not-registered", f"{text}; rpcbind does not list it")
    if asked.elsewhere and not asked.listed:
        return passed(f"{text}; rpcbind lists it at {asked.elsewhere[0]} as well")
    return passed(text)


def _down(asked: Asked) -> Finding:
    service, where = asked.service, asked.where
    if asked.needless:
        text = (
            f"nothing listens at {where}, and nothing has to: NFS of this host has no version 3,"
            " with which clients are told to mount"
        )
        return failed("no-version-3", text)
    if asked.probe.place.origin is Origin.CONFIGURED and asked.elsewhere:
        text = f"nothing listens at {where}, its host_port; rpcbind has it at {asked.elsewhere[0]}"
        return failed(
            "host-port-moved",
            text,
            (
                (
                    f'set host_port = "auto" for services.{service}, or leave it out: hostnfsd'
                    " then follows it"
                ),
                "$ hostnfsd reload",
            ),
        )
    if asked.listed:
        return failed("stale-registration", f"rpcbind lists it at {where}, where nothing listens")
    if not asked.carried.required:
        return skipped(f"this host runs none; mounts with nolock do without {service}")
    if service is Service.NFS:
        return failed("server-down", f"nothing listens at {where} ({asked.probe.text})")
    text = f"nothing listens at {where} ({asked.probe.text})"
    if asked.registered is not None:
        text += ", and rpcbind does not list it"
    return failed("service-down", text)


def _foreign(asked: Asked) -> Finding:
    text = f"at {asked.where}: {asked.probe.text}"
    if not asked.carried.required and asked.probe.place.origin is Origin.ASSUMED:
        return skipped(f"this host runs none: {text}")
    said = asked.probe.text or ""
    return failed("no-version-3" if "has versions" in said else "foreign-service", text)


def versions(numbers: Sequence[int], *, verb: bool = True) -> str:
    """``versions 1 and 3 answer``, ``version 3 answers``, ``version 3``."""
    if not numbers:
        return "answers" if verb else "none"
    *most, last = map(str, sorted(numbers))
    if not most:
        return f"version {last}{' answers' if verb else ''}"
    return f"versions {', '.join(most)} and {last}{' answer' if verb else ''}"
