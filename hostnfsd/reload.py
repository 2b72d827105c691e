"""What a new configuration changes, and what it leaves alone. Pure.

A reload applies the least that makes the new file true: a service that moves gets its new listener
and gives the old one back, a gateway whose connection settings changed is dialled anew, and what
did not change does not notice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from hostnfsd.config.model import Carried, Config
from hostnfsd.tunnel.forward import Spec

#: Keys of ``[gateway.NAME]`` that make the SSH connection what it is.
_DIALLED: Final = (
    "host",
    "port",
    "user",
    "identity_files",
    "known_hosts",
    "host_key_policy",
    "ssh_config",
)
#: Keys that a running daemon cannot take over.
_RESTART: Final = frozenset({"state.directory"})


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes from one configuration to the next.

    Attributes:
        added: gateways to start.
        removed: gateways to stop.
        redialled: gateways whose session must be replaced.
        kept: gateways that go on, perhaps with other forwards.
        tables: tables outside of the gateways in which something changed.
        texts: the changes, a sentence each; empty if nothing changed.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    redialled: tuple[str, ...]
    kept: tuple[str, ...]
    tables: frozenset[str]
    texts: tuple[str, ...]


def specs(config: Config, gateway: str) -> frozenset[Spec]:
    """The listeners a gateway is to have."""
    return frozenset(
        Spec(service, listen, carried.port)
        for service, carried in config.carried(gateway).items()
        for listen in config.gateway[gateway].listen
    )


def diff(old: Config, new: Config) -> Difference:
    """Compare two valid configurations."""
    both = [name for name in new.gateway if name in old.gateway]
    redialled = tuple(name for name in both if _dial(old, name) != _dial(new, name))
    texts: list[str] = []
    texts += [f"gateway {name}: added" for name in new.gateway if name not in old.gateway]
    texts += [f"gateway {name}: removed" for name in old.gateway if name not in new.gateway]
    for name in both:
        texts += _gateway_texts(old, new, name)
    changed = dict(_changed_keys(old, new))
    texts += [_key_text(key, *values) for key, values in changed.items()]
    return Difference(
        added=tuple(name for name in new.gateway if name not in old.gateway),
        removed=tuple(name for name in old.gateway if name not in new.gateway),
        redialled=redialled,
        kept=tuple(name for name in both if name not in redialled),
        tables=frozenset(key.partition(".")[0] for key in changed),
        texts=tuple(texts),
    )


def _dial(config: Config, name: str) -> Mapping[str, Any]:
    gateway = config.gateway[name]
    return {key: getattr(gateway, key) for key in _DIALLED}


def _gateway_texts(old: Config, new: Config, name: str) -> Iterator[str]:
    before, after = _dial(old, name), _dial(new, name)
    changed = [key for key in _DIALLED if before[key] != after[key]]
    if changed:
        yield f"gateway {name}: {', '.join(changed)} changed: reconnecting"
    was, is_ = old.carried(name), new.carried(name)
    for service in (*was, *(s for s in is_ if s not in was)):
        if service not in is_:
            yield f"gateway {name}: {service} is no longer carried"
        elif service not in was:
            yield f"gateway {name}: {service} is carried at port {is_[service].port}"
        elif was[service].port != is_[service].port:
            moved = f"from port {was[service].port} to {is_[service].port}"
            yield f"gateway {name}: {service} moves {moved}"
        elif was[service] != is_[service]:
            yield f"gateway {name}: {service} changes: {_entry(was[service], is_[service])}"
    for key in ("listen", "client_address", "reclaim", "optional"):
        before_value, after_value = (getattr(side.gateway[name], key) for side in (old, new))
        if before_value != after_value:
            yield f"gateway {name}: {key}: {_show(before_value)} -> {_show(after_value)}"


def _entry(was: Carried, is_: Carried) -> str:
    before, after = _told(was), _told(is_)
    return ", ".join(
        f"{key} {_show(before[key])} -> {_show(after[key])}"
        for key in after
        if before[key] != after[key]
    )


def _told(carried: Carried) -> Mapping[str, object]:
    return {
        "host_port": "auto" if carried.ask_rpcbind else carried.host_port,
        "required": carried.required,
        "mode": carried.mode,
    }


def _changed_keys(old: Config, new: Config) -> Iterator[tuple[str, tuple[object, object]]]:
    """Keys outside of the gateways and services, which are told on their own."""
    for table in type(new).model_fields:
        before, after = getattr(old, table), getattr(new, table)
        if not isinstance(after, BaseModel):
            continue
        for key in type(after).model_fields:
            values = (getattr(before, key), getattr(after, key))
            if values[0] != values[1]:
                yield f"{table}.{key}", values


def _key_text(key: str, before: object, after: object) -> str:
    later = " (takes effect when the daemon is restarted)" if key in _RESTART else ""
    return f"{key}: {_show(before)} -> {_show(after)}{later}"


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_show(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)
