"""``hostnfsd reload``: let the daemon read its configuration again, as on SIGHUP."""

import argparse
import sys
from typing import Final

from hostnfsd.cli import control_client
from hostnfsd.errors import ConfigError, Exit

# A reload reads files and closes forwards; it waits for no gateway.
TIMEOUT_S: Final = 60.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of ``reload``."""
    parser = commands.add_parser(
        "reload",
        help="let the daemon read its configuration again",
        description="Let the daemon read its configuration again, as SIGHUP does, and wait for the"
        " verdict. A configuration that is wrong changes nothing; its problems are shown and the"
        " command exits 78.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what changed.

    Raises:
        ConfigError: the daemon rejected the configuration; carries its problems.
        DaemonUnreachableError: no daemon answers.
        NotPermittedError: the daemon does not admit this user.
    """
    from hostnfsd.problem import Severity  # noqa: PLC0415  # commands import when they run
    from hostnfsd.problem_document import problem_from_json  # noqa: PLC0415  # as above

    answer = control_client.ask(
        control_client.sockets(args.config), "POST", "/reload", timeout_s=TIMEOUT_S
    )
    problems = tuple(problem_from_json(each) for each in answer.document.get("problems", []))
    if not answer.document.get("accepted"):
        raise ConfigError(
            "the configuration was rejected; the daemon runs on with the one before", problems
        )
    for problem in problems:
        # Notes are for `hostnfsd check`.
        if problem.severity is not Severity.NOTE:
            print(problem.render(), file=sys.stderr)
    for change in answer.document.get("changes", []):
        print(change)
    print("reloaded" if answer.document.get("changes") else "reloaded: nothing changed")
    return Exit.OK
