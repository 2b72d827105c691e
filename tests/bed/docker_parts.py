"""Gateway and client as two containers of one image; used by the demo on macOS."""

import os
import subprocess
from collections.abc import Callable, Sequence
from typing import Final

from tests.bed.box import CommandError
from tests.bed.gateway import Session
from tests.bed.network import GATEWAY_NAME

_DOCKERFILE: Final = """FROM alpine:3
RUN apk add --no-cache openssh-server nfs-utils procps-ng \\
 && ssh-keygen -A && adduser -D admin && sed -i 's/^admin:!/admin:*/' /etc/shadow
CMD ["/usr/sbin/sshd", "-D", "-e", "-o", "GatewayPorts=yes", "-o", "AllowTcpForwarding=yes"]
"""
Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class DockerGateway:
    """sshd in a container, published on loopback, and a client on the same network.

    Attributes:
        port: where sshd is published on 127.0.0.1.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.port = 0
        # Names of this run's own: a container dev-gw of the user's must never be touched.
        self._all = f"hostnfsd-demo-{os.getpid()}"
        self._gateway = f"{self._all}-gw"
        self._client = f"{self._all}-client"

    def start(self, public_key: str) -> None:
        """Build the image, run both containers, let the key in."""
        built = subprocess.run(
            ["docker", "build", "-q", "-t", self._all, "-"],
            input=_DOCKERFILE,
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            raise CommandError(f"docker build: {built.stderr}")
        self._docker("network", "create", self._all)
        self._docker(
            *("run", "-d", "--name", self._gateway, "--hostname", GATEWAY_NAME),
            # The default of docker since 20.10, named here because low ports depend on it.
            *("--sysctl", "net.ipv4.ip_unprivileged_port_start=0"),
            *("--network", self._all, "--network-alias", GATEWAY_NAME),
            *("-p", "127.0.0.1::22", self._all),
        )
        self._docker(
            *("run", "-d", "--name", self._client, "--privileged"),
            *("--network", self._all, self._all, "sleep", "infinity"),
        )
        self.port = int(self._docker("port", self._gateway, "22/tcp").split(":")[-1])
        self._docker(
            *("exec", "--user", "admin", self._gateway, "sh", "-c"),
            f"umask 077; mkdir -p ~/.ssh; echo '{public_key}' > ~/.ssh/authorized_keys",
        )
        self.in_client("mkdir -p /mnt/nfs")

    def _docker(self, *words: str) -> str:
        done = self._run(("docker", *words))
        if done.returncode != 0:
            raise CommandError(f"docker {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def in_client(self, command: str) -> str:
        """Run a shell command in the client; returns its output."""
        return self._docker("exec", self._client, "sh", "-c", command)

    def sessions(self) -> list[Session]:
        """None: their processes live in Docker's own machine."""
        return []

    def kill_sessions(self) -> int:
        """KILL the process of our login; returns 1, or 0 if there was none."""
        done = self._run(
            ("docker", "exec", self._gateway, "pkill", "-9", "-f", "^sshd(-session)?: admin(@|$)")
        )
        return 1 if done.returncode == 0 else 0

    def close(self) -> None:
        """Remove containers, network and image."""
        self._run(("docker", "rm", "-f", self._gateway, self._client))
        self._run(("docker", "network", "rm", self._all))
        self._run(("docker", "image", "rm", self._all))
