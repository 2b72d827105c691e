"""The checks of the daemon: does one run, does it answer, is it of this version."""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from hostnfsd import __version__
from hostnfsd.daemon.ssh import seams
from hostnfsd.doctor import daemon_unit, daemon_verdict
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.daemon_unit import Domain
from hostnfsd.doctor.daemon_verdict import Why
from hostnfsd.doctor.engine import in_thread
from hostnfsd.doctor.finding import Finding, passed, warned
from hostnfsd.doctor.scene import Scene

DAEMON: Final = Id("daemon")


def checks(scene: Scene, section: str, *, usable: bool) -> Iterator[Check]:
    """Both.

    Args:
        scene: with what the daemon told, or why it did not.
        section: under which they are shown.
        usable: whether there is a configuration that a daemon could run with.
    """
    yield Check(DAEMON, "daemon", section, partial(_daemon, scene, usable=usable))
    yield Check(Id("versions"), "versions", section, partial(_versions, scene))


async def _daemon(scene: Scene, *, usable: bool) -> Sequence[Finding]:
    if scene.snapshot is not None:
        return (daemon_verdict.running(scene.snapshot, usable=usable),)
    met = scene.mute
    if met is None:
        domain = await in_thread(partial(_installed, scene.platform))
        cure = daemon_unit.start(domain, scene.platform)
        return (daemon_verdict.absent(cure, usable=usable),)
    if met.why is Why.DIFFERS:
        return (warned("version-skew", met.text, await _restart(scene, met.pid)),)
    was_stopped = False
    if met.why is Why.SILENT and met.pid is not None:
        told = await scene.run(*daemon_verdict.PS_STATE, str(met.pid))
        was_stopped = daemon_verdict.stopped(told.output)
    return (daemon_verdict.mute(met, was_stopped=was_stopped),)


async def _versions(scene: Scene) -> Sequence[Finding]:
    rows = [warned("asyncssh-differs", misfit) for misfit in seams.check()]
    if scene.snapshot is None:
        return (passed(f"hostnfsd {__version__}"), *rows)
    daemon = scene.snapshot.version
    if daemon != __version__:
        text = f"this command is hostnfsd {__version__}, the daemon {daemon}"
        cure = await _restart(scene, scene.snapshot.pid)
        return (warned("version-skew", text, cure), *rows)
    return (passed(f"hostnfsd {__version__}, the daemon too"), *rows)


async def _restart(scene: Scene, pid: int | None) -> tuple[str, ...]:
    domain = await in_thread(partial(_runs_as, scene.platform, pid))
    return daemon_unit.restart(domain, scene.platform)


def _runs_as(platform: str, pid: int | None) -> Domain | None:
    """Whose service a process is; macOS does not say it, so that what is installed counts."""
    if platform == "darwin":
        return _installed(platform)
    try:
        return daemon_unit.of_cgroup(Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8"))
    except OSError:
        return None


def _installed(platform: str) -> Domain | None:
    """Whose service is installed; the user's own where both are."""
    # As service_plan: XDG_CONFIG_HOME counts if it is an absolute path.
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises without a home
    given = os.environ.get("XDG_CONFIG_HOME", "")
    config_home = Path(given) if given.startswith("/") else home / ".config"
    for file, domain in daemon_unit.files(platform, home, config_home):
        if Path(file).is_file():
            return domain
    return None
