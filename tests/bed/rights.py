"""What the machine must allow and have for the test bed, and a plain word where it does not."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from tests.bed.box import UNSHARE

#: What the bed runs, and the Debian package that has it.
PROGRAMS: Final = {
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
_CAP_DAC_READ_SEARCH: Final = 1 << 2  # linux/capability.h
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
def lacking_for_nfs() -> str | None:
    """Why nfs-ganesha could not serve here, in a sentence; None if it can."""
    if not Path("/etc/mtab").exists():
        return (
            "nfs-ganesha finds file systems by /etc/mtab, which this machine lacks. "
            "Cure: packaging/install-test-packages.sh"
        )
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:") and not int(line.split()[1], 16) & _CAP_DAC_READ_SEARCH:
            return (
                "nfs-ganesha opens files by handle, for which this user lacks CAP_DAC_READ_SEARCH: "
                "run as root, in a container with --cap-add DAC_READ_SEARCH or --privileged"
            )
    return None


@cache
def missing_programs() -> dict[str, str]:
    """Program -> Debian package of all that is not installed."""
    return {
        program: package
        for program, package in PROGRAMS.items()
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
    require_for_nfs()


def require_for_nfs() -> None:
    """Raise unless a real NFS server can run here.

    Raises:
        MissingRightsError: with the reason and the cure.
    """
    if (reason := lacking_for_nfs()) is not None:
        raise MissingRightsError(reason)
