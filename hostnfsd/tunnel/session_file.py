"""The file that remembers our sessions across runs of the daemon: its text, and what it is called.

One file for each configuration of each machine, so that daemons which share a directory, or a login
on a gateway, know nothing of each other's sessions. ``"schema": 1`` promises that members are only
ever added.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hostnfsd.tunnel.own_session import OwnSession, read_process

SCHEMA: Final = 1
#: Letters of a file that is read: a hundred gateways with all they can have are less.
SIZE_MOST: Final = 1 << 20
_DIGITS: Final = 12
_PORT_MOST: Final = 65535

#: By gateway.
Remembered = Mapping[str, tuple[OwnSession, ...]]


class SessionFileError(ValueError):
    """The text is no file of ours."""


def name(machine: str, config_path: str) -> str:
    """What the file of one daemon is called, without an ending.

    Args:
        machine: what tells this machine from others that may see the same directory.
        config_path: of its configuration, whole.
    """
    told = f"{machine}\n{config_path}".encode("utf-8", "surrogateescape")
    return f"sessions-{hashlib.sha256(told).hexdigest()[:_DIGITS]}"


def text(remembered: Remembered, *, config_path: str, version: str) -> str:
    """The whole file, for people as well."""
    document = {
        "schema": SCHEMA,
        "what": "SSH sessions of hostnfsd with its gateways; it may end them if they outlive it",
        "version": version,
        "config": config_path.encode("utf-8", "replace").decode("utf-8"),
        "gateways": {
            gateway: [_to_json(session) for session in sessions]
            for gateway, sessions in remembered.items()
            if sessions
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _to_json(session: OwnSession) -> dict[str, Any]:
    process = session.process
    return {
        "host_key": session.host_key,
        "address": session.address,
        "since": session.since,
        "ports": sorted(session.ports),
        "process": None
        if process is None
        else {
            "boot_id": process.place.boot_id,
            "pid_namespace": process.place.namespace,
            "first_process_start": process.place.first_start,
            "pid": process.pid,
            "start": process.start,
            "uid": process.uid,
            "name": process.name,
        },
    }


def read(content: bytes) -> tuple[Remembered, int]:
    """Read a file.

    Returns:
        What is remembered by gateway, and how many entries made no sense and were left out.

    Raises:
        SessionFileError: it is none of ours, or of a later version; a sentence's end.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise SessionFileError(
            "it is no JSON: it was written by somebody else, or cut off"
        ) from None
    if not isinstance(document, dict) or not isinstance(document.get("gateways"), dict):
        raise SessionFileError("it remembers no sessions: it is somebody else's")
    if document.get("schema") != SCHEMA:
        raise SessionFileError(f"its schema is {document.get('schema')!r}, and we know {SCHEMA}")
    found: dict[str, tuple[OwnSession, ...]] = {}
    odd = 0
    for gateway, entries in document["gateways"].items():
        listed = entries if isinstance(entries, list) else [None]
        read_ = [_from_json(entry) for entry in listed]
        odd += read_.count(None)
        found[gateway] = tuple(session for session in read_ if session is not None)
    return found, odd


def _from_json(entry: Any) -> OwnSession | None:
    """One session; None if anything of it is not as we write it: it is to be ended by numbers."""
    match entry:
        case {
            "host_key": str(host_key),
            "address": str(address),
            "since": int() | float() as since,
            "ports": [*ports],
            "process": None | {} as process,
        }:
            pass
        case _:
            return None
    try:
        instant = float(since)
    except OverflowError:  # JSON's whole numbers have no bounds
        return None
    if not _ports(ports) or not math.isfinite(instant):
        return None
    if process is None:
        return OwnSession(host_key, address, instant, frozenset(ports))
    carrier = read_process(_words(process))
    if carrier is None:
        return None
    return OwnSession(host_key, address, instant, frozenset(ports), carrier)


def _ports(ports: Iterable[object]) -> bool:
    return all(type(port) is int and 0 < port <= _PORT_MOST for port in ports)


def _words(process: Mapping[str, Any]) -> list[str]:
    """As the gateway told them, so that one reader does for both."""
    keys = ("boot_id", "pid_namespace", "first_process_start", "pid", "start", "uid", "name")
    return [str(process.get(key, "")) for key in keys]
