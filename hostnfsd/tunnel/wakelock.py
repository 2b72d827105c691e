"""How a machine is kept awake, and what it means that it cannot be. Pure.

A child process holds it, by the system's own command, and ends with us however we end:

- macOS, caffeinate(8): ``-i`` "Create an assertion to prevent the system from idle sleeping",
  ``-w`` "Waits for the process with the specified pid to exit. Once the process exits, the
  assertion is also released". Neither ``-d`` (the display may go dark) nor ``-s`` (more than idle
  sleep). A closed lid and the Sleep of the menu are obeyed. Not run on a Mac.
- Linux, systemd-inhibit(1): ``idle`` is what caffeinate's ``-i`` is; ``sleep`` would refuse a
  person's own "suspend", and polkit grants it to nobody who is not logged in. The lock is taken
  before the command is run, and given back when that ends: cat(1) says back a line once it is held,
  and ends at the end of its input, which is ours alone.
"""

import re
from dataclasses import dataclass
from typing import Final

#: As lists of locks show it: ``systemd-inhibit --list``.
WHO: Final = "hostnfsd"
WHY: Final = "clients work on the exports of this machine"
#: Asks logind what it does with an idle machine, IdleAction of logind.conf(5). It prints type and
#: value: ``s "suspend"``.
IDLE_ACTION: Final = (
    *("busctl", "get-property", "org.freedesktop.login1", "/org/freedesktop/login1"),
    *("org.freedesktop.login1.Manager", "IdleAction"),
)
_ANSWER: Final = re.compile(r'^s "([a-z-]+)"$', re.MULTILINE)
#: logind.conf(5), IdleAction=: what stops no program.
_HARMLESS: Final = frozenset({"ignore", "lock"})
_NEVER: Final = 'or set host.keep_awake = "never"'


@dataclass(frozen=True, slots=True)
class Holder:
    """The command that holds it while it runs.

    Attributes:
        argv: what is run.
        echoes: it says back what it is told, from when it holds on, and ends when it is told no
            more. Else it holds from its start on, and is ended by a signal.
    """

    argv: tuple[str, ...]
    echoes: bool


@dataclass(frozen=True, slots=True)
class Cannot:
    """Why it is not held.

    Attributes:
        text: a sentence.
        hint: what a person can do; None where nobody has to.
    """

    text: str
    hint: str | None = None

    @property
    def needless(self) -> bool:
        """Whether nothing is lost by it."""
        return self.hint is None


def holder(platform: str, pid: int) -> Holder | Cannot:
    """The command of a system, for a daemon that runs as process ``pid``.

    Args:
        platform: as :data:`sys.platform` has it.
        pid: ours.
    """
    if platform == "darwin":
        return Holder(("caffeinate", "-i", "-w", str(pid)), echoes=False)
    if platform == "linux":
        lock = ("--what=idle", "--mode=block", f"--who={WHO}", f"--why={WHY}")
        return Holder(("systemd-inhibit", *lock, "cat"), echoes=True)
    return Cannot(f"nobody knows here how {platform} is kept awake")


def missing(platform: str) -> Cannot:
    """The program is not there."""
    if platform == "darwin":
        return Cannot(
            "there is no caffeinate on this Mac", f"restore /usr/bin/caffeinate, {_NEVER}"
        )
    return Cannot("no systemd-logind is here: there is no systemd-inhibit")


def idle_action(printed: str) -> str | None:
    """What logind does with an idle machine; None where it does not tell."""
    answer = _ANSWER.search(printed)
    return None if answer is None else answer[1]


def ended(platform: str, said: str, printed: str) -> Cannot:
    """It ended at once, or does not answer.

    Args:
        platform: as above.
        said: its last words.
        printed: what :data:`IDLE_ACTION` printed.
    """
    if platform == "darwin":
        return Cannot(f"caffeinate: {said}", f"run it by hand: caffeinate -i -t 5; {_NEVER}")
    action = idle_action(printed)
    if action is None:
        return Cannot(f"no systemd-logind is here to be asked: {said}")
    if action in _HARMLESS:
        return Cannot(f"systemd-logind leaves an idle machine on here, and says: {said}")
    return Cannot(
        f"systemd-inhibit: {said}",
        f"polkit lets other users than root do it: sudo apt install polkitd; {_NEVER}",
    )
