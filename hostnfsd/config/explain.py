"""Every effective value and where it came from, as rows: what ``hostnfsd check --show`` prints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final

from hostnfsd.config import paths
from hostnfsd.config.keys import dotted
from hostnfsd.config.model import CarriedService, Config, Gateway
from hostnfsd.config.paths import Surroundings
from hostnfsd.config.places import Path, Places
from hostnfsd.config.values import quoted
from hostnfsd.problem import Place
from hostnfsd.services import Service


class Origin(StrEnum):
    """Where a value comes from."""

    FILE = "file"
    DEFAULT = "default"
    SSH_CONFIG = "ssh_config"


@dataclass(frozen=True, slots=True)
class Row:
    """One effective value.

    Attributes:
        table: the table that a file would set it in, as a path.
        name: the key in that table.
        value: None where it is decided when the daemon connects.
        shown: the value for people: TOML, or what happens instead in brackets.
        origin: where it comes from.
        place: the key in the file, if it stands there.
    """

    table: Path
    name: str
    value: Any
    shown: str
    origin: Origin
    place: Place | None = None

    @property
    def key(self) -> str:
        """The whole key as TOML writes it."""
        return dotted(self.table) + "." + self.name

    def source(self) -> str:
        """The origin for people."""
        match self.origin:
            case Origin.FILE:
                assert self.place is not None  # noqa: S101  # rows of the file are made with it
                return f"{PurePath(self.place.path).name}:{self.place.line}"
            case Origin.SSH_CONFIG | Origin.DEFAULT:
                return self.origin.value

    def to_json(self) -> dict[str, Any]:
        """The row for ``check --show --json``."""
        return {
            "value": self.value,
            "origin": self.origin.value,
            "line": self.place.line if self.place else None,
        }


#: What an unset key of a gateway means while ssh_config is read (ssh_config(5)), and without.
_FROM_SSH: Final = {
    "host": ("(HostName, else the alias itself)", "(the alias itself)"),
    "port": ("(Port, else 22)", "22"),
    "user": ("(User, else who runs the daemon)", "(who runs the daemon)"),
    "identity_files": (
        "(IdentityFile, the agent, the usual names)",
        "(the agent, the usual names)",
    ),
    "known_hosts": ("(UserKnownHostsFile)", "(~/.ssh/known_hosts)"),
}


def explain(
    config: Config,
    places: Places,
    here: Surroundings,
    resolved: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> tuple[Row, ...]:
    """All effective values, table by table.

    Args:
        config: as accepted by the reader.
        places: where its keys stand.
        here: decides the usual places of socket and state.
        resolved: what ssh_config says of each gateway, key by key, where that is known.
    """
    rows: list[Row] = []
    for name, gateway in config.gateway.items():
        rows.extend(_gateway(name, gateway, places, resolved.get(name, {})))
        rows.extend(_services(config, name, places))
    for table in Config.model_fields:
        if table not in {"gateway", "services"}:
            values = getattr(config, table)
            rows.extend(
                _plain((table,), key, getattr(values, key), places, here)
                for key in type(values).model_fields
            )
    return tuple(rows)


def toml(value: Any) -> str:
    """A value as TOML writes it, whole."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value).removesuffix(".0")
        case str():
            return quoted(value, length=None)
        case tuple():
            return f"[{', '.join(toml(element) for element in value)}]"
        case _:
            return str(value)


def _gateway(
    name: str, gateway: Gateway, places: Places, resolved: Mapping[str, Any]
) -> Iterator[Row]:
    table: Path = ("gateway", name)
    for key in Gateway.model_fields:
        if key == "services":
            continue
        value = getattr(gateway, key)
        if value is None and resolved.get(key) is not None:
            found = resolved[key]
            yield Row(table, key, found, toml(found), Origin.SSH_CONFIG)
        elif value is None:
            with_file, without = _FROM_SSH[key]
            ignored = gateway.ssh_config == "none"
            origin = Origin.DEFAULT if ignored else Origin.SSH_CONFIG
            yield Row(table, key, None, without if ignored else with_file, origin)
        else:
            yield _plain(table, key, value, places, None)


def _plain(table: Path, key: str, value: Any, places: Places, here: Surroundings | None) -> Row:
    """A key that stands in the file or has its default."""
    path = (*table, key)
    place = places.find(path) if path in places else None
    origin = Origin.DEFAULT if place is None else Origin.FILE
    shown = toml(value)
    match path:
        case ("control", "socket") if here:
            value = str(paths.control_socket(value, here))
            shown = toml(value)
        case ("state", "directory") if here:
            value = str(paths.state_directory(value, here))
            shown = toml(value)
        case ("log", "file") if not value:
            shown = "(stderr)"
        case ("gateway", _, "client_address") if not value:
            value, shown = None, "(discovered over SSH)"
    return Row(table, key, value, shown, origin, place)


def _services(config: Config, gateway: str, places: Places) -> Iterator[Row]:
    table: Path = ("gateway", gateway, "services")
    carried = config.carried(gateway)
    for service in Service:
        entry = carried.get(service)
        if entry is None:
            off = next(t for t in (table, ("services",)) if (*t, service.value) in places)
            place = places.find((*off, service.value))
            yield Row(table, service.value, False, "false", Origin.FILE, place)  # TOML's false
            continue
        values: dict[str, Any] = {"port": entry.port, "host_port": entry.host_port}
        if entry.ask_rpcbind:
            values["host_port"] = "auto"
        values["required"] = entry.required
        if service is Service.RPCBIND:
            values["mode"] = entry.mode
        for key, value in values.items():
            yield _service_key(config, gateway, service, (key, value), places)


def _service_key(
    config: Config, gateway: str, service: Service, pair: tuple[str, Any], places: Places
) -> Row:
    table: Path = ("gateway", gateway, "services")
    key, value = pair
    name = f"{service.value}.{key}"
    for where, entries in (
        (table, config.gateway[gateway].services),
        (("services",), config.services),
    ):
        entry = entries.get(service)
        if isinstance(entry, CarriedService) and key in entry.model_fields_set:
            place = places.find((*where, service.value, key))
            return Row(table, name, value, toml(value), Origin.FILE, place)
    return Row(table, name, value, toml(value), Origin.DEFAULT)
