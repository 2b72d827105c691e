"""Clients that mount by mount(8) themselves: a machine, its fstab, the node of a kind cluster."""

import shlex
from typing import Final

from hostnfsd.mount import notes
from hostnfsd.mount.plan import Mount, joined
from hostnfsd.mount.printed import Printed, commands

#: fstab(5): blanks and what makes escapes are octal; readers of old know no others.
_FSTAB: Final = str.maketrans({" ": r"\040", "\t": r"\011", "\n": r"\012", "\\": r"\134"})
_AT_BOOT: Final = ("_netdev", "nofail")


def linux(mount: Mount) -> Printed:
    """For a Linux machine or container: commands to run as root."""
    before = [
        *notes.said(
            f"Run as root on the client, a machine or container that reaches gateway"
            f" {mount.gateway}. Debian and Ubuntu need the package nfs-common, Fedora and Alpine"
            " nfs-utils.",
            "A container needs the right to mount: docker run --cap-add SYS_ADMIN, and with"
            " AppArmor (Debian, Ubuntu) --security-opt apparmor=unconfined.",
        ),
        "#",
        *notes.options(mount),
        "#",
        *notes.naming(mount, "containers on its docker network can look up"),
    ]
    return commands(
        "linux",
        mount,
        [shlex.join(words) for words in _words(mount)],
        before=before,
        after=_after(mount),
        address=mount.address,
        options=mount.options(mount.address),
    )


def kind_node(mount: Mount, node: str) -> Printed:
    """For the node of a kind cluster: commands to run where docker is.

    Args:
        mount: what was decided.
        node: the name of its container.
    """
    before = [
        *notes.said(
            f"Run where the docker command is: it mounts inside {node}, the container that is a"
            " node of the kind cluster (`kind get nodes` names them all; --node NAME). Images of"
            " kind's nodes have mount.nfs, but no rpc.statd runs there: hence nolock."
            if mount.mountd_port is not None
            else f"Run where the docker command is: it mounts inside {node}, the container that"
            " is a node of the kind cluster (`kind get nodes` names them all; --node NAME).",
            f"Pods of that node get it as a hostPath volume of {mount.mount_point}. It is gone"
            " when the node restarts, and other nodes do not have it: a PersistentVolume"
            " (--for pv) is mounted by Kubernetes wherever a pod needs it.",
        ),
        "#",
        *notes.options(mount),
        "#",
        *notes.naming(mount, "nodes look up in docker's DNS, as kind has set it up there"),
    ]
    prefix = ("docker", "exec", node)
    return commands(
        "kind-node",
        mount,
        [shlex.join((*prefix, *words)) for words in _words(mount)],
        before=before,
        after=_after(mount),
        address=mount.address,
        options=mount.options(mount.address),
    )


def fstab(mount: Mount) -> Printed:
    """For a machine that mounts it at boot: a line of /etc/fstab."""
    options = mount.options(mount.address) | dict.fromkeys(_AT_BOOT)
    source, point = mount.source(mount.address), str(mount.mount_point)
    fields = (fstab_field(source), fstab_field(point), "nfs", joined(options), "0", "0")
    line = " ".join(fields)
    before = [
        *notes.said("A line for the client's /etc/fstab. Then, as root:"),
        notes.command(shlex.join(("mkdir", "-p", point))),
        notes.command(shlex.join(("mount", point))),
        "#",
        *notes.options(mount),
        *notes.terms(
            [
                ("_netdev", "mounted once the network is up."),
                (
                    "nofail",
                    (
                        "the client boots without it, too; x-systemd.automount beside it has it"
                        " mounted when it is first used."
                    ),
                ),
            ]
        ),
        "#",
        *notes.naming(mount, "containers on its docker network can look up"),
    ]
    text = notes.script([*before, line, *_after(mount)])
    return Printed("fstab", mount, mount.address, options, text, {"line": line})


def fstab_field(text: str) -> str:
    """A field of fstab(5), escaped."""
    return text.translate(_FSTAB)


def _words(mount: Mount) -> tuple[tuple[str, ...], ...]:
    """What to run, as root on the client; program and arguments each."""
    point = str(mount.mount_point)
    options = joined(mount.options(mount.address))
    return (
        ("mkdir", "-p", point),
        ("mount", "-t", "nfs", "-o", options, mount.source(mount.address), point),
    )


def _after(mount: Mount) -> list[str]:
    return ["#", *notes.expectations(mount), "#", *notes.troubles(mount)]
