"""``hostnfsd doctor --fix``: show the plan, ask, do it."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hostnfsd.readable import printable

if TYPE_CHECKING:
    from hostnfsd.doctor.fixes import Fix

#: Seconds a command may take.
_WITHIN_S: Final = 60.0


def mend(plan: "Sequence[Fix]", *, yes: bool, ask: Callable[[str], bool]) -> bool:
    """Do what is planned; whether anything was done.

    Args:
        plan: the commands.
        yes: nobody need be asked.
        ask: puts a question, and gives the answer.
    """
    print()
    if not plan:
        print("--fix: nothing of this can be mended without you; the cures are above.")
        return False
    print("To be done:" if yes else "This can be done now:")
    for fix in plan:
        print(f"  {fix.command}")
    if not yes and not ask("Do it? [y/N] "):
        print("Nothing was done.")
        return False
    for fix in plan:
        _do(fix)
    return True


def answered(question: str) -> bool:
    """Ask a person; without one the answer is no."""
    if not sys.stdin.isatty():
        print("--fix: nobody can be asked here: --yes agrees beforehand", file=sys.stderr)
        return False
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _do(fix: "Fix") -> None:
    sys.stdout.flush()
    try:
        done = subprocess.run(  # noqa: S603  # it was shown, and somebody agreed
            ["/bin/sh", "-c", fix.command],
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"  failed: {fix.command}: it did not end within {_WITHIN_S:g} s")
        return
    said = printable(done.stdout.decode(errors="replace").strip(), lines=True)
    if done.returncode == 0:
        print(f"  done: {fix.command}")
    else:
        print(f"  failed: {fix.command} (status {done.returncode}){': ' if said else ''}{said}")
