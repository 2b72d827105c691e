"""What the machine must allow and have for the test bed, and a plain word where it does not."""

import os
import shutil
import subprocess
import sys
from functools import cache
from typing import Final

from tests.bed.box import UNSHARE

_PROGRAMS: Final = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "nft": "nftables",
    "sysctl": "procps",
    "ssh": "openssh-client",
    "sshd": "openssh-server",
    "rpcbind": "rpcbind",
    "rpc.statd": "nfs-common",
    "ganesha.nfsd": "nfs-ganesha",
    "nfs-ls": "libnfs-utils",
}
_TRIAL: Final = "mount -t tmpfs tmpfs /run && ip link add one type veth peer name two"
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"


class MissingRightsError(RuntimeError):
    """The test bed cannot run here; the text says why and what helps."""


@cache
def lacking_namespaces() -> str | None:
    """Why namespaces cannot be made here, in a sentence; None if they can."""
    if sys.platform != "linux":
        return f"network namespaces exist on Linux only, this is {sys.platform}"
    if os.geteuid() != 0:
        return "network namespaces need root: run it with sudo"
    trial = subprocess.run(
        [*UNSHARE, "--net", "sh", "-c", _TRIAL],
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode == 0:
        return None
    return (
        "this user may not make namespaces, mounts or interfaces "
        f"({' '.join(trial.stderr.split())}): needs CAP_SYS_ADMIN and CAP_NET_ADMIN, "
        "in a container --privileged"
    )


@cache
def missing_programs() -> dict[str, str]:
    """Program -> Debian package of all that is not installed."""
    return {
        program: package
        for program, package in _PROGRAMS.items()
        if shutil.which(program, path=_PATH) is None
    }


def require() -> None:
    """Raise unless the test bed can run here.

    Raises:
        MissingRightsError: with the reason and the cure.
    """
    if missing := missing_programs():
        packages = " ".join(sorted(set(missing.values())))
        raise MissingRightsError(
            f"not installed: {', '.join(missing)}. "
            f"Cure: packaging/install-test-packages.sh (it installs {packages})"
        )
    if (reason := lacking_namespaces()) is not None:
        raise MissingRightsError(f"the test bed cannot run here: {reason}")
