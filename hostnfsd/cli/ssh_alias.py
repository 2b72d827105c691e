"""What ssh_config says of the gateways, for ``check --show``: ssh(1) is asked, as it always is."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hostnfsd.config.model import Config, Gateway

_TIMEOUT_S: Final = 5.0
_DEFAULT: Final = "~/.ssh/config"


def resolved(config: "Config") -> dict[str, Mapping[str, Any]]:
    """The keys of each gateway that ssh_config decides, as far as ssh(1) can tell."""
    return {
        name: found
        for name, gateway in config.gateway.items()
        if gateway.ssh_config != "none" and (found := _ask(name, gateway)) is not None
    }


def _ask(name: str, gateway: "Gateway") -> Mapping[str, Any] | None:
    from hostnfsd.tunnel.ssh_config import read_alias  # noqa: PLC0415  # only --show needs it

    ssh = shutil.which("ssh")
    if ssh is None:
        return None
    which: tuple[str, ...] = ()
    if gateway.ssh_config != _DEFAULT:
        which = ("-F", os.path.expanduser(gateway.ssh_config))  # noqa: PTH111  # raises nothing
    try:
        # What makes names canonical would ask a name server.
        done = subprocess.run(  # noqa: S603  # ssh itself, without a shell
            [ssh, *which, "-o", "CanonicalizeHostname=no", "-G", "--", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=True,
        )
        alias = read_alias(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return {
        "host": alias.host,
        "port": alias.port,
        "user": alias.user or None,
        # Of the usual names ssh prints every one, whether it is there or not.
        "identity_files": None if alias.default_identities else alias.identity_files,
        "known_hosts": alias.known_hosts or None,
    }
