"""The steps of a cure: sentences, commands, and what is for one platform only. Pure."""

import re
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

#: How a step that is a command begins.
COMMAND: Final = "$ "
#: How a step begins that is a line for a file, as it stands; the others are sentences.
LINE: Final = "> "
#: What stands before the commands of one platform: up to the next of these, or a sentence.
PLATFORMS: Final[Mapping[str, str]] = MappingProxyType({"macOS:": "darwin", "Linux:": "linux"})
#: Our own program at the beginning of a command.
_OURS: Final = re.compile(r"(?<=^\$ )hostnfsd |(?<=^\$ sudo )hostnfsd ")
#: What tells a daemon.
_TELL: Final = frozenset({f"{COMMAND}hostnfsd reload", f"{COMMAND}hostnfsd reconnect"})


def for_platform(steps: Iterable[str], platform: str) -> tuple[str, ...]:
    """The steps for one platform, as ``sys.platform`` calls it; all where it is neither."""
    known = platform in PLATFORMS.values()
    kept: list[str] = []
    meant = True
    for step in steps:
        if step in PLATFORMS:
            meant = not known or PLATFORMS[step] == platform
            if known:
                continue
        elif not step.startswith(COMMAND):
            meant = True
        if meant:
            kept.append(step)
    return tuple(kept)


def bare(step: str) -> str:
    """A step without what tells its kind."""
    return step.removeprefix(COMMAND).removeprefix(LINE)


def commands(steps: Iterable[str]) -> tuple[str, ...]:
    """The commands of a cure, as they are typed."""
    return tuple(step.removeprefix(COMMAND) for step in steps if step.startswith(COMMAND))


def for_config(steps: Iterable[str], config: str | None) -> tuple[str, ...]:
    """The steps for a configuration that was named: our own commands are to use it, too.

    Args:
        steps: the cure.
        config: the file given with ``--config``; None if none was.
    """
    if config is None:
        return tuple(steps)
    named = f"hostnfsd --config {shlex.quote(config)} "
    return tuple(_OURS.sub(lambda _: named, step) for step in steps)


def for_gateway(steps: Iterable[str], name: str) -> tuple[str, ...]:
    """The steps for one gateway: its table by its name."""
    return tuple(step.replace("[gateway.NAME]", f"[gateway.{name}]") for step in steps)


def without_daemon(steps: Iterable[str]) -> tuple[str, ...]:
    """The steps where no daemon runs, so that none is to be told that something was mended.

    Where nothing else is to be done they stay as they are.
    """
    told = tuple(steps)
    kept = tuple(step for step in told if step not in _TELL)
    return kept if kept and not kept[-1].endswith(":") else told
