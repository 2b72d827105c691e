"""A stand-in for macOS's launchctl, first in PATH: remembers what is loaded, logs what it is told.

It answers as launchctl does on macOS 15: 3 for a bootout of a job that is not loaded, 113 for a
print of one, 5 for a bootstrap of a label that is taken, and 64 for what it does not know.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SCRIPT: Final = """\
#!/bin/sh
cd {state} || exit 70
echo "$*" >>log
case $1 in
print) if [ -e stopping ]; then rm stopping loaded; exit 0; fi
    [ -e loaded ] || {{ echo 'Could not find service' >&2; exit 113; }} ;;
bootout) [ -e loaded ] || {{ echo 'Boot-out failed: 3: No such process' >&2; exit 3; }}
    : >stopping ;;
bootstrap) if rm refuse 2>/dev/null; then echo 'Bootstrap failed: 125: domain' >&2; exit 125; fi
    if [ -e loaded ] || [ -e taken ]; then
        rm -f taken; echo 'Bootstrap failed: 5: Input/output error' >&2; exit 5; fi
    cp "$3" loaded ;;
enable | kickstart) ;;
*) echo "Unrecognized subcommand: $1" >&2; exit 64 ;;
esac
"""


@dataclass(frozen=True, slots=True)
class FakeLaunchctl:
    """The stand-in's directory: ``bin`` belongs first in PATH."""

    folder: Path

    @property
    def bin(self) -> Path:
        """Where the program lies."""
        return self.folder / "bin"

    @property
    def loaded(self) -> str | None:
        """The property list that is loaded."""
        path = self.folder / "loaded"
        return path.read_text() if path.exists() else None

    def take_log(self) -> list[str]:
        """What it was told since the last call."""
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def label_stays_taken(self) -> None:
        """The next bootstrap comes too early after a bootout."""
        (self.folder / "taken").touch()

    def refuse_bootstrap(self) -> None:
        """The next bootstrap fails for good."""
        (self.folder / "refuse").touch()


def make(folder: Path) -> FakeLaunchctl:
    """Lay the stand-in down in a directory."""
    fake = FakeLaunchctl(folder)
    fake.bin.mkdir(parents=True)
    program = fake.bin / "launchctl"
    program.write_text(_SCRIPT.format(state=shlex.quote(str(folder))))
    program.chmod(0o755)
    return fake
