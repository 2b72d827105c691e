"""What must fit together: rules over several keys of a configuration whose values are all right."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hostnfsd.config.finding import Finding
from hostnfsd.config.model import Config
from hostnfsd.config.places import Path
from hostnfsd.config.values import quoted, split_listen
from hostnfsd.problem import Severity
from hostnfsd.services import Service

SMALLEST_FILE: Final = "[gateway.dev-gw]"
#: A gateway has few addresses, and each is compared with every other.
MOST_LISTENERS: Final = 32
#: Beyond this a dead gateway is noticed too late for people who wait for a file.
SLOW_DETECTION_S: Final = 60.0

_ALL: Final = frozenset({"", "*"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


def check(config: Config) -> tuple[Finding, ...]:
    """Everything that does not fit, file order not observed."""
    return (*_gateways(config), *_timing(config), *_metrics(config), *_exports(config))


def _gateways(config: Config) -> Iterator[Finding]:
    if not config.gateway:
        yield Finding(
            "no-gateway",
            ("gateway",),
            "there is no gateway (at least one table [gateway.NAME])",
            "one line is a whole configuration, where dev-gw is a Host of your ssh_config:"
            f" {SMALLEST_FILE}",
        )
    told: set[tuple[str, Path, str]] = set()
    for name, gateway in config.gateway.items():
        findings = [
            *_addresses(("gateway", name, "listen"), gateway.listen),
            *_repeated(("gateway", name, "client_address"), gateway.client_address),
            *_carried(config, name),
        ]
        for finding in findings:
            same = (finding.code, finding.key, finding.text)
            if same not in told:  # a clash inside [services] concerns every gateway: told once
                yield finding
            told.add(same)
    yield from _modes(("services",), config.services)
    for name, gateway in config.gateway.items():
        yield from _modes(("gateway", name, "services"), gateway.services)


def _addresses(key: Path, listen: tuple[str, ...]) -> Iterator[Finding]:
    if not listen:
        yield Finding("empty-list", key, "an empty list forwards nothing (one address at least)")
    if len(listen) > MOST_LISTENERS:
        text = f"{len(listen)} addresses, each of which would have a listener for every service"
        yield Finding("too-many", key, f"{text} (at most {MOST_LISTENERS})")
        return
    for position, address in enumerate(listen):
        before = listen[:position]
        if any(_same(address, other) for other in before):
            text = f"{quoted(address)} is given twice (each address once)"
            yield Finding("listen-duplicate", (*key, position), text)
        elif other := next((o for o in before if _overlap(address, o)), None):
            yield Finding(
                "listen-overlap",
                (*key, position),
                f"{quoted(address)} and {quoted(other)} cover the same address (a gateway cannot"
                " bind a port twice)",
                "keep the wider one of both",
            )


def _same(one: str, other: str) -> bool:
    if one in _ALL or other in _ALL:
        return one in _ALL and other in _ALL
    if "localhost" in {one, other}:
        return one == other
    return ipaddress.ip_address(one) == ipaddress.ip_address(other)


def _overlap(one: str, other: str) -> bool:
    """Whether sshd could not bind both: one is a wildcard of the other's family, or its alias."""
    if one in _ALL or other in _ALL:
        return True
    if "localhost" in {one, other}:
        rest = ipaddress.ip_address(other if one == "localhost" else one)
        return rest.is_unspecified or str(rest) in _LOOPBACK
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    # sshd's listeners are IPV6_V6ONLY: "::" and "0.0.0.0" live side by side.
    return first.version == second.version and (first.is_unspecified or second.is_unspecified)


def _repeated(key: Path, addresses: tuple[str, ...]) -> Iterator[Finding]:
    seen: set[str] = set()
    for position, address in enumerate(addresses):
        if address in seen:
            text = f"{quoted(address)} is given twice (each address once)"
            yield Finding("duplicate", (*key, position), text)
        seen.add(address)


def _carried(config: Config, gateway: str) -> Iterator[Finding]:
    carried = config.carried(gateway)
    if not carried:
        yield Finding(
            "nothing-carried",
            ("gateway", gateway),
            "no service is carried to this gateway: every one is false (one at least)",
            "remove the table, or set a service's port in [services]",
            rests_on=_tables(gateway),
        )
    holders: dict[int, Service] = {}
    for service, entry in carried.items():
        holder = holders.setdefault(entry.port, service)
        if holder is not service:
            yield _clash(config, gateway, (holder, service), entry.port)


def _clash(config: Config, gateway: str, pair: tuple[Service, Service], port: int) -> Finding:
    """Two services on one port, told at a key that the file names: defaults never clash."""
    given = [(_port_key(config, gateway, service), service) for service in pair]
    (other_key, other), (key, _) = sorted(given, key=lambda one: one[0] is not None)
    usual = "" if other_key else ", by default"
    return Finding(
        "port-clash",
        key or ("gateway", gateway),
        f"gateway port {port} is also that of {other}{usual} (one port for each service)",
        rests_on=tuple((*table, other.value) for table in _tables(gateway)),
    )


def _tables(gateway: str) -> tuple[Path, Path]:
    """The tables of services that count for a gateway, the nearer first."""
    return ("gateway", gateway, "services"), ("services",)


def _port_key(config: Config, gateway: str, service: Service) -> Path | None:
    """The key that gives a service its gateway port; None for the default."""
    own, shared = _tables(gateway)
    for table, entries in ((own, config.gateway[gateway].services), (shared, config.services)):
        entry = entries.get(service)
        if entry and "port" in entry.model_fields_set:
            return (*table, service.value, "port")
    return None


def _modes(table: Path, entries: Mapping[Service, Any]) -> Iterator[Finding]:
    for service, entry in entries.items():
        if entry and entry.mode is not None and service is not Service.RPCBIND:
            yield Finding(
                "mode-not-rpcbind",
                (*table, service.value, "mode"),
                "only rpcbind has a mode (the portmapper is answered or relayed, the rest relayed)",
                "remove the key",
            )


def _timing(config: Config) -> Iterator[Finding]:
    tunnel, probe = config.tunnel, config.probe
    if tunnel.backoff_min_s > tunnel.backoff_max_s:
        yield Finding(
            "backoff-order",
            ("tunnel", "backoff_min_s"),
            f"{tunnel.backoff_min_s:g} is more than backoff_max_s, which is"
            f" {tunnel.backoff_max_s:g} (at most that)",
            rests_on=(("tunnel", "backoff_max_s"),),
        )
    detection_s = tunnel.keepalive_interval_s * (tunnel.keepalive_count_max + 1)
    if detection_s > SLOW_DETECTION_S:
        yield Finding(
            "slow-detection",
            ("tunnel", "keepalive_interval_s"),
            f"a dead gateway is noticed after {detection_s:g} s only: interval × (count + 1)",
            f"clients hang that long; keep it below {SLOW_DETECTION_S:g} s",
            Severity.WARNING,
            rests_on=(("tunnel", "keepalive_count_max"),),
        )
    if probe.timeout_s > probe.interval_s:
        yield Finding(
            "probe-order",
            ("probe", "timeout_s"),
            f"{probe.timeout_s:g} is more than interval_s, which is {probe.interval_s:g}"
            " (a probe ends before the next begins)",
            rests_on=(("probe", "interval_s"),),
        )


def _metrics(config: Config) -> Iterator[Finding]:
    metrics = config.metrics
    cert, key = ("metrics", "tls_cert_file"), ("metrics", "tls_key_file")
    if bool(metrics.tls_cert_file) != bool(metrics.tls_key_file):
        present, absent = (cert, key) if metrics.tls_cert_file else (key, cert)
        yield Finding(
            "tls-pair",
            present,
            f"{absent[1]} is missing (certificate and key go together)",
            rests_on=(absent,),
        )
    encrypted = metrics.tls_cert_file or metrics.tls_key_file  # half a pair is told above
    if not is_loopback(metrics.listen) and not encrypted and not metrics.allow_plaintext:
        yield Finding(
            "metrics-plaintext",
            ("metrics", "listen"),
            f"{quoted(metrics.listen)} is not a loopback address: what the daemon knows would be"
            " readable by all (loopback, or TLS)",
            "set tls_cert_file and tls_key_file, or accept it with allow_plaintext = true",
            rests_on=(cert, key, ("metrics", "allow_plaintext")),
        )


def is_loopback(listen: str) -> bool:
    """Whether ``HOST:PORT`` binds loopback addresses only."""
    parts = split_listen(listen)
    if parts is None or not parts[0]:
        return False
    if parts[0] == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts[0]).is_loopback
    except ValueError:
        return False  # a name may mean anything tomorrow


def _exports(config: Config) -> Iterator[Finding]:
    if config.host.exports == "none" and config.access.allow == "exports":
        yield Finding(
            "allow-needed",
            ("host", "exports"),
            '"none" leaves nothing to say who is let through (access.allow must then be given)',
            'in [access]: allow = ["172.22.0.0/16"], or allow = "any"',
            rests_on=(("access", "allow"),),
        )
