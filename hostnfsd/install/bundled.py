"""Where the service templates lie.

In the package when it was installed from a wheel; at the top of the source tree when it runs from
there, as an editable install does.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from hostnfsd.install import launchd, systemd


def for_systemd() -> systemd.Templates:
    """The unit files and the account they need."""
    folder = _folder("systemd")
    return systemd.Templates(
        user_unit=_read(folder / "user" / "hostnfsd.service.in"),
        system_unit=_read(folder / "system" / "hostnfsd.service.in"),
        account=_read(folder / "system" / "sysusers.conf"),
        exports_path=_read(folder / "system" / "hostnfsd-exports.path.in"),
        exports_unit=_read(folder / "system" / "hostnfsd-exports.service.in"),
    )


def for_launchd() -> launchd.Templates:
    """The property lists."""
    folder = _folder("launchd")
    return launchd.Templates(
        agent=_read(folder / "agent.plist.in"),
        daemon=_read(folder / "daemon.plist.in"),
        newsyslog=_read(folder / "newsyslog.conf.in"),
    )


def _folder(name: str) -> Traversable:
    packaged = files("hostnfsd.install") / "templates" / name
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / name


def _read(template: Traversable) -> str:
    return template.read_text(encoding="utf-8")
