"""The steps of a cure: sentences, commands, and what is for one platform only. Pure."""

import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

#: How a step that is a command begins; the others are sentences.
COMMAND: Final = "$ "
#: What stands before the commands of one platform: up to the next of these, or a sentence.
PLATFORMS: Final[Mapping[str, str]] = MappingProxyType({"macOS:": "darwin", "Linux:": "linux"})


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
    ours = f"{COMMAND}hostnfsd "
    named = f"{ours}--config {shlex.quote(config)} "
    return tuple(
        named + step.removeprefix(ours) if step.startswith(ours) else step for step in steps
    )
