"""What is printed for one kind of client: a text to copy, and the same in pieces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hostnfsd.mount import notes
from hostnfsd.mount.plan import Mount


@dataclass(frozen=True, slots=True)
class Printed:
    """A mount as one kind of client takes it.

    Attributes:
        kind: the kind.
        mount: what was decided.
        address: the gateway, as it stands there; None where it is looked up when it is run.
        options: of mount, in order; None for those without a value.
        text: to be copied as a whole; ends with a newline.
        pieces: what of the JSON form only this kind has.
    """

    kind: str
    mount: Mount
    address: str | None
    options: Mapping[str, str | None]
    text: str
    pieces: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        """The ``--json`` form."""
        return {
            "schema": 1,
            "kind": self.kind,
            "gateway": self.mount.gateway,
            "address": self.address,
            "path": str(self.mount.path),
            "source": None if self.address is None else self.mount.source(self.address),
            "mount_point": str(self.mount.mount_point),
            "options": dict(self.options),
            **self.pieces,
        }


def commands(
    kind: str,
    mount: Mount,
    lines: Iterable[str],
    *,
    before: Iterable[str],
    after: Iterable[str],
    address: str | None,
    options: Mapping[str, str | None],
) -> Printed:
    """For a kind that is mounted by running commands, each a line for the shell."""
    typed = list(lines)
    text = notes.script([*before, *typed, *after])
    return Printed(kind, mount, address, options, text, {"commands": typed})
