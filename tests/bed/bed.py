"""The test bed: networks, gateway, NFS server, clients and daemons, brought up and taken down."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tests.bed import network
from tests.bed.daemon import METRICS_PORT, Config, Daemon, merge
from tests.bed.gateway import Gateway, SshdOptions, make_key
from tests.bed.kernel import Kernel
from tests.bed.libnfs import Libnfs
from tests.bed.network import Network
from tests.bed.nfs_server import EXPORT, NfsOptions, NfsServer, exports_line
from tests.bed.process import Process
from tests.bed.proxy import PROXY, PROXY_PORT, Proxy
from tests.bed.rights import require
from tests.bed.squatter import Squatter
from tests.bed.storage import mounting, suitable_parent
from tests.bed.waiting import wait_until


@dataclass(frozen=True, slots=True)
class BedOptions:
    """What tests vary.

    Attributes:
        sshd: of the gateway.
        nfs: of the host.
        user: who logs in at the gateway: ``admin`` or ``root``.
        low_ports: whether any user of the gateway may bind ports below 1024, as in a container.
        through_proxy: whether :attr:`Bed.proxy` stands before sshd, as with Docker Desktop.
        share_in_image: put the exported folder into a file with a file system, as is done where
            no disk suits (see ``storage.py``).
        start: whether gateway and NFS server run when the bed is up.
        host_files: files of the host, such as ``/etc/ssh/ssh_config``, that are to be the bed's
            own, empty at first; see :meth:`Bed.host_file`. This machine must have such files.
    """

    sshd: SshdOptions = field(default_factory=SshdOptions)
    nfs: NfsOptions = field(default_factory=NfsOptions)
    user: str = "admin"
    low_ports: bool = True
    through_proxy: bool = False
    share_in_image: bool = False
    start: bool = True
    host_files: tuple[str, ...] = ()


class Bed:
    """Everything around the daemon. A context manager; :meth:`close` always leaves nothing behind.

    Attributes:
        network: the boxes; ``bed.network.pod`` and so on.
        gateway: sshd.
        nfs: the host's NFS server.
        libnfs: the quick client, in ``network.pod``.
        key: the private key that may log in at the gateway.
        daemons: every hostnfsd started here.
        known_hosts: a file that knows the gateway's host key; see :meth:`learn_host_key`.
        exports: the exports file of the host; says what the server exports, until it is changed.
    """

    def __init__(self, options: BedOptions = BedOptions()) -> None:
        """Bring it up.

        Raises:
            MissingRightsError: this machine or this user cannot; the text says what is missing.
        """
        require()
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="hostnfsd-bed-"))
        self.daemons: list[Daemon] = []
        self._stack = ExitStack()
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        try:
            self._bring_up()
        except BaseException:
            self.close()
            raise

    def _bring_up(self) -> None:
        self.folder.chmod(0o755)
        self.gateway = Gateway(self.folder / network.GATEWAY_NAME, self.options.sshd)
        self.nfs = NfsServer(self.folder / "host", self.options.nfs)
        parent = (lambda: None) if self.options.share_in_image else suitable_parent
        self.network = Network(
            self.folder,
            host_binds=self.nfs.binds() | self._own_files(),
            host_mounts=[
                *mounting(self._stack, self.folder, str(Path(EXPORT).parent), parent=parent),
                f"mkdir -m 777 {EXPORT}",
            ],
            gateway_binds=self.gateway.binds(),
            low_ports=self.options.low_ports,
        )
        self._stack.callback(self.network.close)
        self.gateway.attach(self.network.gateway)
        self.nfs.attach(self.network.host)
        self.libnfs = Libnfs(self.network.pod, network.GATEWAY)
        self.key = self.folder / "id_ed25519"
        self.public_key = make_key(self.key)
        self.gateway.authorize(self.public_key)
        self.known_hosts = self.folder / "known_hosts"
        self.learn_host_key()
        self.exports = self.folder / "host" / "nfs" / "exports"
        self.exports.parent.mkdir()
        self.exports.write_text(exports_line(EXPORT), encoding="utf-8")
        if self.options.start:
            self.gateway.start()
            self.nfs.start()
        if self.options.through_proxy:
            assert self.proxy.process.running

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process, network and file of the bed. Can be called again."""
        self._stack.close()

    def _own_files(self) -> dict[str, Path]:
        files = {path: self.host_file(path) for path in self.options.host_files}
        for file in files.values():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return files

    def host_file(self, path: str) -> Path:
        """The bed's own file in place of one of the host's: to be written to, never replaced."""
        return self.folder / "host-files" / path.lstrip("/")

    @property
    def share(self) -> Path:
        """The exported folder, as the tests see it."""
        return self.nfs.share

    @property
    def entering(self) -> list[str]:
        """The command prefix that leads into the host, for a person at another terminal."""
        return self.network.host.enter()

    # -- the daemon ----------------------------------------------------------------------------

    def learn_host_key(self) -> None:
        """Write the gateway's host key of now into :attr:`known_hosts`, and no other."""
        self.known_hosts.write_text(f"* {self.gateway.host_key}\n", encoding="utf-8")

    def config(self, over: Mapping[str, Any] = {}) -> Config:
        """The tables of a configuration that fits this bed, with ``over`` laid on top."""
        host, port = self.ssh_address
        base: Config = {
            "gateway": {
                network.GATEWAY_NAME: {
                    "host": host,
                    "port": port,
                    "user": self.options.user,
                    "identity_files": [str(self.key)],
                    "known_hosts": str(self.known_hosts),
                    "ssh_config": "none",
                    "client_address": network.GATEWAY,
                }
            },
            "host": {"exports": str(self.exports)},
        }
        return merge(base, over)

    @property
    def ssh_address(self) -> tuple[str, int]:
        """Where the host finds sshd: at the gateway, or at the proxy before it."""
        if self.options.through_proxy:
            return PROXY, PROXY_PORT
        return network.GATEWAY_SSH, self.gateway.options.port

    def daemon(
        self, over: Mapping[str, Any] = {}, *, start: bool = True, without: Sequence[str] = ()
    ) -> Daemon:
        """One more hostnfsd, ended with the bed. ``over`` is laid over :meth:`config`.

        Each has its own folder and metrics port: several can run in one bed. It runs as root,
        ``without`` these capabilities: ``net_bind_service`` is the right to low source ports.
        """
        number = len(self.daemons)
        daemon = Daemon(
            self.network.host,
            self.folder / "host" / f"daemon{number}",
            self.config(over),
            port=METRICS_PORT + number,
            socket=f"/run/hostnfsd{number}.sock",
            without=without,
        )
        self.daemons.append(daemon)
        self._stack.callback(daemon.close)
        if start:
            daemon.start()
        return daemon

    # -- clients and others --------------------------------------------------------------------

    @cached_property
    def kernel(self) -> Kernel:
        """The kernel client, booted when first asked for (about 3 s), ended with the bed.

        Raises:
            NoKernelError: it cannot run on this machine.
        """
        kernel = Kernel(
            self.network.switch,
            binds=self.network.names("pod-kernel", network.GATEWAY),
            folder=self.folder / "pod-kernel",
        )
        self._stack.callback(kernel.close)
        return kernel

    @cached_property
    def proxy(self) -> Proxy:
        """The proxy before sshd, started when first asked for; see ``through_proxy``."""
        proxy = Proxy(self.network.host, network.GATEWAY_SSH, self.gateway.options.port)
        self._stack.callback(proxy.close)
        return proxy

    def squatter(self, port: int, *addresses: str, uid: int = 0) -> Squatter:
        """Somebody else's process that holds a port of the gateway."""
        return Squatter(self.network.gateway, port, *addresses, uid=uid)

    def plain_ssh(self, *ports: int, session: bool = False, listen: str | None = None) -> Process:
        """What people use without hostnfsd: ``ssh -N -R``. Returns once every port is bound.

        Args:
            ports: forwarded to the same port of the host.
            session: keep a session open, which makes reads fast (sshd sets TCP_NODELAY).
            listen: the gateway's address to bind, which ``GatewayPorts clientspecified`` allows.
        """
        host, port = self.ssh_address
        at = "" if listen is None else f"{listen}:"
        forwards = [word for one in ports for word in ("-R", f"{at}{one}:127.0.0.1:{one}")]
        options = {
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "ExitOnForwardFailure": "yes",
            "BatchMode": "yes",
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        tail = ("-T",) if session else ("-N",)
        process = self.network.host.start(
            "ssh",
            *("ssh", "-F", "none", "-i", str(self.key), "-p", str(port)),
            *(*words, *forwards, *tail, f"{self.options.user}@{host}"),
            *(("sleep", "infinity") if session else ()),
        )
        self._stack.callback(process.stop)
        wait_until(
            lambda: (
                set(ports) <= {port for _, port in self.network.gateway.listening()}
                or not process.running
            ),
            "ssh to forward",
            seen=process.tail,
        )
        assert process.running, process.tail()
        return process

    def logs(self) -> dict[str, str]:
        """The end of every log of the bed, by name: for the report of a failed test."""
        found = {}
        for path in sorted(self.folder.rglob("*.log")):
            text = path.read_text(encoding="utf-8", errors="replace").splitlines()
            if text:
                found[str(path.relative_to(self.folder))] = "\n".join(text[-60:])
        return found
