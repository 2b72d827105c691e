"""The kinds of client, each with its way to write a mount."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from hostnfsd.mount import kubernetes, machines, volumes
from hostnfsd.mount.plan import Mount
from hostnfsd.mount.printed import Printed

NODE: Final = "kind-control-plane"
"""The node of a kind cluster that nobody gave a name."""

_WRITERS: Final[Mapping[str, Callable[[Mount, str], Printed]]] = MappingProxyType(
    {
        "linux": lambda mount, _: machines.linux(mount),
        "docker": lambda mount, _: volumes.docker(mount),
        "compose": lambda mount, _: volumes.compose(mount),
        "fstab": lambda mount, _: machines.fstab(mount),
        "kind-node": machines.kind_node,
        "pod": lambda mount, _: kubernetes.pod(mount),
        "pv": lambda mount, _: kubernetes.pv(mount),
        "storageclass": lambda mount, _: kubernetes.storageclass(mount),
    }
)

KINDS: Final = tuple(_WRITERS)
"""What a mount can be printed for."""


def printed(kind: str, mount: Mount, *, node: str = NODE) -> Printed:
    """A mount as a kind of client takes it.

    Args:
        kind: one of :data:`KINDS`.
        mount: what was decided.
        node: for ``kind-node``: the name of its container.
    """
    return _WRITERS[kind](mount, node)
