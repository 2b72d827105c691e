"""What the daemon starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from hostnfsd.config.model import Config
from hostnfsd.daemon.logs import Logs
from hostnfsd.problem import Problem


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the daemon starts from.

    Attributes:
        config: the configuration.
        path: its file.
        problems: warnings found in it.
        read: reads the file again.
        control_path: where the control socket of a configuration is.
        logs: the log, configured.
        state_folder: where it remembers what it must across restarts; None: it remembers nothing.
    """

    config: Config
    path: PurePath
    problems: tuple[Problem, ...]
    read: Callable[[], bytes]
    control_path: Callable[[Config], PurePath]
    logs: Logs
    state_folder: Path | None = None
