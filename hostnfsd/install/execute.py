"""Carries a plan out: files in one step each, commands one by one, and back again on a failure."""

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path, PurePath

from hostnfsd.errors import CannotWriteError
from hostnfsd.install.files import Seen, as_planned, look, make_directory, remove, write
from hostnfsd.install.plan import (
    Action,
    AwaitFailure,
    MakeDirectory,
    Plan,
    RemoveFile,
    Run,
    WriteFile,
    describe,
)

Say = Callable[[str], None]
# A service manager that does not answer for this long will not; starting waits for READY, and
# stopping for the drain.
_COMMAND_TIMEOUT_S = 300.0
_ASK_AGAIN_S = 0.2


def unchanged(plan: Plan) -> frozenset[PurePath]:
    """The files that already are as planned: equal content and mode, or gone.

    Raises:
        CannotWriteError: a file of that name is not ours.
    """
    return frozenset(action.path for action in plan.files if as_planned(action))


def settled(plan: Plan) -> bool:
    """Whether nothing is left to do: every file as planned, every check as expected.

    Raises:
        CannotWriteError: there is no such service manager, or a file of that name is not ours.
    """
    _check_programs(plan)
    return len(unchanged(plan)) == len(plan.files) and all(
        (_run(check.argv).returncode == 0) is check.succeeds for check in plan.settled
    )


def carry_out(plan: Plan, say: Say) -> None:
    """Carry out every action in order, telling each; on a failure put things back.

    Args:
        plan: what to do.
        say: told every step, and what commands print on standard error.

    Raises:
        CannotWriteError: a step failed. Files are as they were; a service that ran before is
            started again with them, a first installation has left nothing.
    """
    _check_programs(plan)
    before = [look(Path(action.path)) for action in plan.files]
    done: list[Action] = []
    try:
        for action in plan.actions:
            done.append(action)
            _act(action, say)
    except (CannotWriteError, KeyboardInterrupt) as error:
        if plan.undo:
            _put_back(plan, before, done, say)
        if isinstance(error, CannotWriteError) and isinstance(done[-1], Run | AwaitFailure):
            error.hint = plan.hint
        raise


def _check_programs(plan: Plan) -> None:
    for program in sorted(plan.programs):
        if shutil.which(program) is None:
            raise CannotWriteError(
                f"{program} is not there: this machine has no such service manager",
                hint="run `hostnfsd run` under the supervisor it does have",
            )


def _act(action: Action, say: Say) -> None:
    match action:
        case MakeDirectory(path, mode):
            if not Path(path).is_dir():
                say(describe(action))
                make_directory(Path(path), mode)
        case WriteFile() | RemoveFile() if as_planned(action):
            pass
        case WriteFile(path, content, mode):
            say(describe(action))
            write(Path(path), content.encode(), mode)
        case RemoveFile(path):
            say(describe(action))
            remove(Path(path))
        case Run():
            say(describe(action))
            _run_to_success(action, say)
        case AwaitFailure():
            _await_failure(action)


def _await_failure(action: AwaitFailure) -> None:
    deadline = time.monotonic() + action.timeout_s
    while _run(action.argv).returncode == 0:
        if time.monotonic() >= deadline:
            raise CannotWriteError(
                f"`{shlex.join(action.argv)}` still finds it after {action.timeout_s:g} s"
            )
        time.sleep(_ASK_AGAIN_S)


def _run_to_success(run: Run, say: Say) -> None:
    deadline = time.monotonic() + run.patience_s
    while True:
        result = _run(run.argv)
        if result.returncode not in run.passing or time.monotonic() >= deadline:
            break
        time.sleep(_ASK_AGAIN_S)
    if result.returncode in run.tolerated:
        return
    said = (result.stderr or result.stdout).strip()
    if result.returncode != 0:
        raise CannotWriteError(
            f"`{shlex.join(run.argv)}` failed with status {result.returncode}"
            + (f": {said}" if said else "")
        )
    if said:
        say("".join(f"    {line}\n" for line in said.splitlines()).rstrip("\n"))


def _run(argv: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  # the plan's own fixed commands, without a shell
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotWriteError(
            f"`{shlex.join(argv)}` did not end within {_COMMAND_TIMEOUT_S:g} s"
        ) from None
    except OSError as error:
        raise CannotWriteError(f"cannot run {argv[0]}: {error.strerror}") from error


def _put_back(plan: Plan, before: list[Seen], done: list[Action], say: Say) -> None:
    """Undo as far as it goes: what fails here is told, and the first error stays the one raised."""
    say("failed: putting things back as they were")
    ran = any(isinstance(action, Run | AwaitFailure) for action in done)
    upgraded = any(state.content is not None for state in before)
    after: tuple[Action, ...] = ()
    if ran and upgraded:
        after = plan.revive
    elif ran:
        _try_all(plan.undo, say)
    for state in reversed(before):
        try:
            if state.content is not None:
                write(state.path, state.content, state.mode)
            elif state.path.exists():
                remove(state.path)
        except CannotWriteError as error:
            say(f"    {error}")
    _try_all(after, say)


def _try_all(actions: tuple[Action, ...], say: Say) -> None:
    for action in actions:
        try:
            _act(action, say)
        except CannotWriteError as error:
            say(f"    {error}")
