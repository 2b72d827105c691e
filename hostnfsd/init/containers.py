"""Containers, out of what ``docker inspect`` prints (Docker Engine API, ContainerInspect)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hostnfsd.init.facts import Attachment, Container, Published

#: Ports that images with an sshd expose: its own, and what images without root's rights take.
_SSHD: Final = ("22/tcp", "2222/tcp")
_KIND: Final = "io.x-k8s.kind.cluster"
_ANY: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  # compared, not bound


def containers(output: str) -> tuple[Container, ...]:
    """The containers of ``docker inspect ID …``.

    Raises:
        ValueError: it is not what docker prints.
    """
    document = json.loads(output)
    if not isinstance(document, list):
        raise ValueError("docker inspect did not print a list")  # noqa: TRY004  # of its content
    return tuple(_container(each) for each in document if isinstance(each, dict))


def _container(each: Mapping[str, Any]) -> Container:
    settings = _table(each, "NetworkSettings")
    return Container(
        name=str(each.get("Name", "")).removeprefix("/"),
        ssh=tuple(dict.fromkeys(_published(_table(settings, "Ports")))),
        networks=tuple(_attachments(_table(settings, "Networks"))),
        kind_node=_KIND in _table(_table(each, "Config"), "Labels"),
    )


def _table(of: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def _published(ports: Mapping[str, Any]) -> Iterable[Published]:
    for exposed in _SSHD:
        bindings = ports.get(exposed)
        for binding in bindings if isinstance(bindings, list) else ():
            if not isinstance(binding, dict):
                continue
            host, port = str(binding.get("HostIp", "")), str(binding.get("HostPort", ""))
            if port.isascii() and port.isdigit() and 0 < int(port) <= 65535:  # noqa: PLR2004  # TCP's
                yield Published("127.0.0.1" if host in _ANY else host, int(port))


def _attachments(networks: Mapping[str, Any]) -> Iterable[Attachment]:
    for name, entry in networks.items():
        if isinstance(entry, dict) and entry.get("IPAddress"):
            yield Attachment(name, f"{entry['IPAddress']}/{entry.get('IPPrefixLen') or 32}")
