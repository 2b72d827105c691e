"""Vectors: RPC messages as they were on the wire, with their meaning. README.md tells the form."""

import pprint
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hostnfsd.sunrpc import mount, nfs, portmap, rpc, rpcbind
from hostnfsd.sunrpc.xdr import Message, RpcDecodeError, decode

FOLDER: Final = Path(__file__).with_name("rpc")
_HEX_WIDTH: Final = 32
_WIDTH: Final = 100

#: (program, version, procedure) -> what its arguments and its results are.
TYPES: Final[Mapping[tuple[int, int, int], tuple[type[Message] | None, type[Message] | None]]] = (
    MappingProxyType(
        {
            (portmap.PROGRAM, 2, 3): (portmap.Mapping, portmap.Port),
            (portmap.PROGRAM, 2, 4): (None, portmap.Mappings),
            **{
                (portmap.PROGRAM, version, procedure): types
                for version in rpcbind.VERSIONS
                for procedure, types in {
                    rpcbind.Procedure.GETADDR: (rpcbind.Binding, rpcbind.Uaddr),
                    rpcbind.Procedure.DUMP: (None, rpcbind.Bindings),
                    rpcbind.Procedure.GETTIME: (None, rpcbind.Time),
                    rpcbind.Procedure.UADDR2TADDR: (rpcbind.Uaddr, rpcbind.Netbuf),
                    rpcbind.Procedure.TADDR2UADDR: (rpcbind.Netbuf, rpcbind.Uaddr),
                }.items()
            },
            (portmap.PROGRAM, 4, 9): (rpcbind.Binding, rpcbind.Uaddr),
            (portmap.PROGRAM, 4, 11): (rpcbind.Binding, rpcbind.Endpoints),
            **{
                (mount.PROGRAM, version, procedure): types
                for version in mount.VERSIONS
                for procedure, types in {
                    mount.Procedure.DUMP: (None, mount.Mounts),
                    mount.Procedure.UMNT: (mount.Path, None),
                    mount.Procedure.EXPORT: (None, mount.Exports),
                }.items()
            },
            (mount.PROGRAM, 1, 1): (mount.Path, mount.MountedV1),
            (mount.PROGRAM, 3, 1): (mount.Path, mount.MountedV3),
            (nfs.PROGRAM, 3, 1): (nfs.Handle, nfs.GetattrResult),
            (nfs.PROGRAM, 3, 4): (nfs.AccessArguments, nfs.AccessResult),
            (nfs.PROGRAM, 3, 19): (nfs.Handle, nfs.FsinfoResult),
        }
    )
)


@dataclass(frozen=True, slots=True)
class Vector:
    """A call, its reply, and what they say.

    Attributes:
        tool: what sent the call.
        server: what answered.
        printed: what the tool printed of it.
        call: the record, without its mark.
        reply: the same.
        meaning: both, decoded: Python values as they print.
    """

    tool: str
    server: str
    printed: str
    call: bytes
    reply: bytes
    meaning: str

    def text(self) -> str:
        """The file's text."""
        sections = {
            "tool": self.tool,
            "server": self.server,
            "printed": self.printed.rstrip(),
            "call": _hex(self.call),
            "reply": _hex(self.reply),
            "meaning": self.meaning,
        }
        return "".join(f"== {name}\n{body}\n" for name, body in sections.items())

    @classmethod
    def parse(cls, text: str) -> "Vector":
        """The vector of a file's text."""
        sections = {}
        for section in text.removeprefix("== ").split("\n== "):
            name, _, body = section.partition("\n")
            sections[name] = body.rstrip("\n")
        return cls(
            sections["tool"],
            sections["server"],
            sections["printed"],
            bytes.fromhex(sections["call"]),
            bytes.fromhex(sections["reply"]),
            sections["meaning"],
        )


def _hex(data: bytes) -> str:
    rows = (data[at : at + _HEX_WIDTH] for at in range(0, len(data), _HEX_WIDTH))
    return "\n".join(row.hex(" ", 4) for row in rows)


def explain(asked: rpc.Message, answered: rpc.Message) -> str:
    """Both messages, and their arguments and results where those are known."""
    parts: list[object] = [asked]
    types = _types(asked)
    if types[0] is not None and isinstance(asked, rpc.Call):
        try:
            parts.append(decode(types[0], asked.arguments))
        except RpcDecodeError as error:
            parts.append(str(error))
    parts.append(answered)
    if (
        types[1] is not None
        and isinstance(answered, rpc.Accepted)
        and isinstance(answered.outcome, rpc.Success)
    ):
        parts.append(decode(types[1], answered.outcome.results))
    return "\n".join(pprint.pformat(part, width=_WIDTH) for part in parts)


def _types(asked: rpc.Message) -> tuple[type[Message] | None, type[Message] | None]:
    if not isinstance(asked, rpc.Call):
        return None, None
    return TYPES.get((asked.program, asked.version, asked.procedure), (None, None))


def load() -> dict[str, Vector]:
    """Every vector by its name."""
    return {
        path.stem: Vector.parse(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*.txt"))
    }
