"""``hostnfsd install`` and ``hostnfsd uninstall``: the service of launchd or systemd."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from hostnfsd.errors import Exit, NotPermittedError, UsageError
from hostnfsd.problem import Severity

if TYPE_CHECKING:
    from hostnfsd.install.plan import Plan


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands."""
    install = commands.add_parser(
        "install",
        help="install and start the service (launchd or systemd), or bring it up to date",
        description="Installs hostnfsd as a service and starts it: a launchd user agent on macOS, "
        "a systemd user unit on Linux. Run it again after an upgrade or a move.",
    )
    install.set_defaults(run=run_install)
    uninstall = commands.add_parser(
        "uninstall",
        help="stop the service and remove it",
        description="Stops the service and removes what install wrote. Configuration, keys, state "
        "and logs stay.",
    )
    uninstall.set_defaults(run=run_uninstall)
    for parser in (install, uninstall):
        parser.add_argument(
            "--system",
            action="store_true",
            help="a service of the whole machine, started at boot; on macOS it runs as you, on "
            "Linux as its own user hostnfsd",
        )
        parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")


def run_install(args: argparse.Namespace) -> int:
    """Check the configuration, then carry the plan out or show it."""
    from hostnfsd.cli.service_plan import install_plan  # noqa: PLC0415  # --help starts without it

    _check_rights("install", args)
    plan, loaded = install_plan(args.config, system=args.system)
    for problem in loaded.reading.problems:
        if problem.severity is not Severity.NOTE:
            print(problem.render(), file=sys.stderr)
    return _perform(plan, "installed", "next: hostnfsd status", dry_run=args.dry_run)


def run_uninstall(args: argparse.Namespace) -> int:
    """Carry the plan out or show it."""
    from hostnfsd.cli.service_plan import uninstall_plan  # noqa: PLC0415  # --help starts without it

    _check_rights("uninstall", args)
    plan = uninstall_plan(system=args.system)
    return _perform(plan, "uninstalled", "", dry_run=args.dry_run)


def _check_rights(command: str, args: argparse.Namespace) -> None:
    if args.system and os.geteuid() != 0 and not args.dry_run:
        raise NotPermittedError(
            "--system is for the whole machine, which only root may change",
            hint=f"sudo hostnfsd {command} --system, or leave out --system",
        )
    caller = os.environ.get("SUDO_USER", "root")
    if not args.system and os.geteuid() == 0 and caller != "root":
        raise UsageError(
            f"behind sudo this would be root's own service, not {caller}'s",
            hint="leave out sudo, or add --system",
        )


def _perform(plan: "Plan", done: str, following: str, *, dry_run: bool) -> int:
    from hostnfsd.install import execute  # noqa: PLC0415  # --help starts without it
    from hostnfsd.install.plan import render  # noqa: PLC0415  # --help starts without it

    if dry_run:
        print(render(plan, execute.unchanged(plan)), end="")
        return Exit.OK
    if execute.settled(plan):
        lines = [f"already {done}: nothing to do", following]
    else:
        execute.carry_out(plan, lambda line: print(line, file=sys.stderr))
        lines = [done, *plan.notes, following]
    print("\n".join(line for line in lines if line))
    return Exit.OK
