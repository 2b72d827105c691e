"""What of the NFS server's own configuration stands in the way of a tunnel: remarks, no more.

Ports are not taken from it: rpcbind knows where services are, and the daemon asks it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

_DARWIN: Final = re.compile(r"\s*([A-Za-z_.]+)\s*(?:=\s*(\S+))?\s*(?:#.*)?")
_SECTION: Final = re.compile(r"\s*\[\s*([\w-]+)[^\]]*\]")
_ENTRY: Final = re.compile(r"\s*([\w.-]+)\s*=\s*(.*?)\s*")
_OFF: Final = frozenset({"0", "n", "no", "f", "false", "off"})


def darwin(text: str) -> Mapping[str, int]:
    """The numbers of macOS's nfs.conf(5), the last of each key; 1 where a key has no value.

    They are read as strtol(3) does, base 0: ``011`` is nine.
    """
    found: dict[str, int] = {}
    for line in text.splitlines():
        match = _DARWIN.fullmatch(line)
        if match is not None:
            found[match[1]] = 1 if match[2] is None else _strtol(match[2])
    return found


def _strtol(text: str) -> int:
    match = re.match(r"[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text)
    if match is None:
        return 0
    digits = match[0].lstrip("+-")
    sign = -1 if match[0].startswith("-") else 1
    if digits[:2] in {"0x", "0X"}:
        return sign * int(digits, 16)
    return sign * (int(digits, 8) if digits.startswith("0") else int(digits))


def linux(text: str) -> Mapping[tuple[str, str], str]:
    """The values of nfs.conf(5) of nfs-utils by section and key, in lower case."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in text.splitlines():
        bare = line.partition("#")[0].partition(";")[0]
        if (head := _SECTION.match(bare)) is not None:
            section = head[1].lower()
        elif (entry := _ENTRY.fullmatch(bare)) is not None:
            found[section, entry[1].lower()] = entry[2].strip("\"'").lower()
    return found


def darwin_remarks(text: str) -> Iterator[str]:
    """What of macOS's /etc/nfs.conf stands in the way."""
    if darwin(text).get("nfs.server.tcp") == 0:
        yield (
            "/etc/nfs.conf has nfs.server.tcp = 0: the tunnel carries TCP only. Delete the line,"
            " then sudo nfsd restart"
        )


def linux_remarks(text: str) -> Iterator[str]:
    """What of Linux's /etc/nfs.conf stands in the way."""
    values = linux(text)
    if values.get(("nfsd", "tcp")) in _OFF:
        yield (
            "/etc/nfs.conf has tcp off in [nfsd]: the tunnel carries TCP only. Delete the line,"
            " then sudo systemctl restart nfs-server"
        )
    if values.get(("nfsd", "vers3")) in _OFF:
        yield (
            "/etc/nfs.conf has vers3 off in [nfsd]: only NFSv4 is spoken, and hostnfsd's mounts are"
            " of version 3 unless --vers 4 is given"
        )
