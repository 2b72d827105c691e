"""What ``hostnfsd init`` looks for on a machine."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SshAlias:
    """A ``Host`` of ssh_config, as ssh(1) resolves it.

    Attributes:
        name: the alias.
        host: what is dialled.
        port: of sshd.
        user: who logs in.
        forwards: ports of its RemoteForward lines.
    """

    name: str
    host: str
    port: int = 22
    user: str = ""
    forwards: tuple[int, ...] = ()

    @property
    def login(self) -> str:
        """Who logs in where, for people."""
        who = f"{self.user}@" if self.user else ""
        return f"{who}{self.host} port {self.port}"


@dataclass(frozen=True, slots=True)
class Published:
    """A container's sshd, where the host reaches it."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A container on a network of docker.

    Attributes:
        network: its name.
        address: of the container there, with the length of the network's prefix.
    """

    network: str
    address: str


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs.

    Attributes:
        name: its name.
        ssh: where its sshd is published; empty where it is not.
        networks: that it is attached to.
        kind_node: whether it is a node of a kind cluster.
    """

    name: str
    ssh: tuple[Published, ...] = ()
    networks: tuple[Attachment, ...] = ()
    kind_node: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was found.

    Attributes:
        platform: of this host.
        aliases: of ssh_config, in the order of the files.
        containers: that run, whatever they are.
        owner: ``uid:gid`` of whoever asks.
        in_file: whether the exports files export anything, to whomever.
        exported: paths that clients of the tunnel could mount, as the exports file tells.
        listed: paths that the server says it exports; None: it could not be asked.
        notes: what could not be found out, and what stands in the way, a sentence each.
    """

    platform: Literal["darwin", "linux"]
    aliases: tuple[SshAlias, ...] = ()
    containers: tuple[Container, ...] = ()
    owner: str = "501:20"
    in_file: bool = True
    exported: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
