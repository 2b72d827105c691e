"""What ``--fix`` may do by itself: commands of cures that harm nothing, whatever the cause.

Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hostnfsd.doctor import cure
from hostnfsd.doctor.check import Row
from hostnfsd.doctor.finding import Finding, Outcome

#: Findings whose commands are safe: the mode of a key, the server told to read its own file again,
#: an attempt that the daemon would make by itself.
SAFE: Final = frozenset({"key-open", "not-applied", "tunnel-down"})
#: Only if asked for: whoever answers now is taken for the gateway.
ACCEPT: Final = "host-key-unknown"
_SUDO: Final = "sudo "


@dataclass(frozen=True, slots=True)
class Fix:
    """One command.

    Attributes:
        why: what is wrong, in the finding's words.
        command: for the shell.
    """

    why: str
    command: str


def plan(
    rows: Iterable[Row], *, accept_host_key: bool, root: bool, config: str | None = None
) -> tuple[Fix, ...]:
    """The commands, in the order of the rows, each once.

    Args:
        rows: the walk's.
        accept_host_key: record a host key that is not known; never one that has changed.
        root: this process may do all that sudo would allow.
        config: the file given with ``--config``, which our own commands are to use as well.
    """
    wanted = SAFE | {ACCEPT} if accept_host_key else SAFE
    found: dict[str, Fix] = {}
    for row in rows:
        for finding in row.findings:
            if finding.code in wanted and finding.outcome in {Outcome.FAIL, Outcome.WARN}:
                for command in _commands(finding, root=root, config=config):
                    found.setdefault(command, Fix(finding.text, command))
    return tuple(found.values())


def _commands(finding: Finding, *, root: bool, config: str | None) -> list[str]:
    commands = cure.commands(cure.for_config(finding.cure, config))
    return [command.removeprefix(_SUDO) if root else command for command in commands]
