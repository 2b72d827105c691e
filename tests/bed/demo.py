"""``make demo``: the whole of hostnfsd's job on this machine, explained while it happens.

A real NFS server, a real sshd as the gateway, hostnfsd between them and a client that can reach
nothing but the gateway. ``ONCE=1`` ends after the check. Whatever happens, all of it is taken down
again: a signal unwinds the stack like any error.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from tests.bed import demo_macos
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.bed.demo_client import Client, LibnfsClient, ShellClient
from tests.bed.demo_narration import Narrator
from tests.bed.gateway import Session, ssh_version
from tests.bed.kernel import NoKernelError
from tests.bed.libnfs import sha256
from tests.bed.loopback import LoopbackBed
from tests.bed.network import GATEWAY_NAME
from tests.bed.nfs_server import EXPORT
from tests.bed.rights import MissingRightsError, lacking_namespaces

_SIZE = 16 << 20
_KEY_METRICS = (
    "hostnfsd_tunnel_up{",
    "hostnfsd_tunnel_connect_attempts_total{",
    "hostnfsd_tunnel_losses_total{",
    "hostnfsd_service_serving{",
    "hostnfsd_relayed_bytes_total{",
    "hostnfsd_connections_total{",
)
_PICTURE = """
   pod                      gateway dev-gw                  host
   mount dev-gw:/… ──TCP──▶ :2049 :20048 :111 … ◀══ ssh ══ hostnfsd ──▶ nfsd, mountd, rpcbind …
"""


class Ended(BaseException):
    """A signal asked for the end."""


def _end(number: int, _frame: FrameType | None) -> None:
    # Once: a second signal must not interrupt the taking down.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Ended(signal.Signals(number).name)


def main() -> int:
    """Run the demo; returns its exit status."""
    tell = Narrator()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    once = os.environ.get("ONCE", "") not in {"", "0"}
    began = time.monotonic()
    tell.line("hostnfsd: NFS exports of a host, for a pod that can reach a gateway only", "bold")
    tell.line(_PICTURE, "dim")
    try:
        with _stage(tell) as (bed, client):
            _check(tell, bed, client)
            _show(tell, bed)
            tell.heading(f"All of it works; {time.monotonic() - began:.0f} s.")
            if not once:
                _stay(tell, bed)
    except Ended as signal_name:
        tell.line(f"Ended by {signal_name}.", "dim")
        number = signal.Signals[str(signal_name)]
        status = 0 if number is signal.SIGINT else 128 + number
    except MissingRightsError as error:
        tell.line(f"The demo cannot run here: {error}", "red")
        return 1
    except Exception as error:  # noqa: BLE001  (the demo must say what went wrong, and end)
        tell.line(f"The demo failed: {error}", "red")
        return 1
    else:
        status = 0
    tell.line("Everything is taken down again: no process, network or file is left.", "dim")
    return status


class Sessions(Protocol):
    """The gateway, as far as the demo has to do with it."""

    def sessions(self) -> list[Session]:
        """The logins that stand now, where they can be seen."""
        ...

    def kill_sessions(self) -> int:
        """KILL them; returns how many there were."""
        ...


class Stage(Protocol):
    """What the demo plays on: a bed of namespaces, of loopback, or of a Mac and Docker."""

    daemons: list[Daemon]

    @property
    def gateway(self) -> Sessions:
        """The gateway."""
        ...

    @property
    def share(self) -> Path:
        """The exported folder."""
        ...

    @property
    def entering(self) -> list[str]:
        """The command prefix that leads to the host."""
        ...

    def daemon(self) -> Daemon:
        """Start hostnfsd."""
        ...


@contextmanager
def _stage(tell: Narrator) -> Iterator[tuple[Stage, Client]]:
    if sys.platform == "darwin":
        with demo_macos.stage(tell) as (bed, client):
            _start_daemon(tell, bed)
            yield bed, client
        return
    reason = lacking_namespaces()
    tell.heading("Bringing up real parts")
    if reason is None:
        with _namespaces(tell) as stage:
            yield stage
    else:
        tell.note(f"{reason}.")
        tell.note("So everything shares this machine's loopback, the gateway at high ports.")
        with _loopback(tell) as stage:
            yield stage


@contextmanager
def _namespaces(tell: Narrator) -> Iterator[tuple[Bed, Client]]:
    with tell.step("networks", "host, dev-gw and pod in network namespaces of their own") as step:
        bed = Bed(BedOptions(start=False))
        step.say("host, dev-gw and pod are network namespaces; the pod's only neighbour is dev-gw")
    with bed:
        with tell.step("host", f"rpcbind and nfs-ganesha, exporting {EXPORT}"):
            bed.nfs.start()
        with tell.step("gateway", "OpenSSH sshd") as step:
            bed.gateway.start()
            step.say(f"{ssh_version()}, GatewayPorts yes, login admin (not root)")
        _start_daemon(tell, bed)
        client: Client
        try:
            with tell.step("client", "a Linux kernel of its own boots") as step:
                kernel = bed.kernel
                step.say(f"Linux {kernel.release} (User Mode Linux), booted on the pod's network")
            client = ShellClient(lambda command: kernel.run(command).output, EXPORT)
        except NoKernelError as error:
            tell.note(f"{error}.")
            tell.note("libnfs in the pod takes its place: a real NFS client, but no kernel mount.")
            client = LibnfsClient(bed.libnfs, bed.folder)
        yield bed, client


@contextmanager
def _loopback(tell: Narrator) -> Iterator[tuple[LoopbackBed, Client]]:
    with LoopbackBed() as bed:
        with tell.step("host", f"rpcbind and nfs-ganesha, exporting {bed.export}"):
            bed.start_nfs()
        with tell.step("gateway", "OpenSSH sshd") as step:
            bed.start_gateway()
            step.say(f"{ssh_version()}, at 127.0.0.1 port {bed.ssh_port}")
        _start_daemon(tell, bed)
        tell.note("libnfs is the client here: a real NFS client, but no kernel mount.")
        yield bed, LibnfsClient(bed.libnfs, bed.folder)


def _start_daemon(tell: Narrator, bed: Stage) -> None:
    with tell.step("hostnfsd", "connects to the gateway and carries the NFS port set") as step:
        daemon = bed.daemon()
        daemon.await_ready(30)
        (view,) = daemon.status()["gateways"]
        ports = " ".join(f":{service['port']}" for service in view["services"])
        step.say(f"one SSH connection, {len(view['services'])} forwards on {GATEWAY_NAME}: {ports}")


def _check(tell: Narrator, bed: Stage, client: Client) -> None:
    (bed.share / "hello.txt").write_text("Written on the host.\n", encoding="utf-8")
    with (bed.share / "from-host.bin").open("wb") as file:
        file.write(os.urandom(_SIZE))
    expected = sha256(bed.share / "from-host.bin")
    tell.heading("What a client can do now")
    with tell.step("mount", client.mounting):
        client.mount()
    with tell.step("list", "the export") as step:
        names = client.names()
        step.say(" ".join(names))
        _demand(names == ["from-host.bin", "hello.txt"], f"the pod sees {names}")
    with tell.step("read", f"from-host.bin, {_SIZE >> 20} MiB") as step:
        found = client.checksum("from-host.bin")
        _demand(found == expected, f"read with sha256 {found}, the host has {expected}")
        step.say(f"from-host.bin, {_SIZE >> 20} MiB, sha256 {found[:16]}… as on the host")
    with tell.step("write", "it back as from-pod.bin") as step:
        client.copy("from-host.bin", "from-pod.bin")
        found = sha256(bed.share / "from-pod.bin")
        _demand(found == expected, f"written with sha256 {found}, expected {expected}")
        step.say(f"from-pod.bin, {_SIZE >> 20} MiB, sha256 {found[:16]}… on the host")
    with tell.step("lose", "sshd's session process is killed (kill -9)") as step:
        began = time.monotonic()
        _lose_tunnel(bed)
        back = time.monotonic() - began
        step.say(f"kill -9 of sshd's session process: serving again after {back:.2f} s")
    with tell.step("read on", "hello.txt, over the new connection; nobody mounted again") as step:
        found = client.checksum("hello.txt")
        _demand(found == sha256(bed.share / "hello.txt"), "hello.txt was read wrongly")
        step.say("hello.txt, over the new connection; nobody mounted again")


def _lose_tunnel(bed: Stage) -> None:
    (daemon,) = bed.daemons
    _demand(bed.gateway.kill_sessions() == 1, "there was no session to kill")
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_tunnel_losses_total") == 1 and daemon.ready(),
        "the tunnel to be back",
        timeout_s=30,
    )


def _demand(truth: bool, otherwise: str) -> None:
    if not truth:
        raise AssertionError(otherwise)


def _show(tell: Narrator, bed: Stage) -> None:
    (daemon,) = bed.daemons
    tell.heading("What hostnfsd says")
    tell.block("hostnfsd status", daemon.command("status").output)
    lines = [
        line
        for line in daemon.get("/metrics").body.splitlines()
        if line.startswith(_KEY_METRICS) and not line.endswith(" 0.0")
    ]
    tell.block(f"curl http://127.0.0.1:{daemon.port}/metrics", "\n".join(lines))


def _stay(tell: Narrator, bed: Stage) -> None:
    (daemon,) = bed.daemons
    program = Path(sys.executable).with_name("hostnfsd")
    command = [*bed.entering, str(program), "--config", str(daemon.config_file), "status"]
    tell.line("It keeps running until Ctrl-C. From another terminal, as root:")
    tell.block(" ".join([*command, "--watch"]), "")
    tell.line()
    phase = ""
    while daemon.running:
        phase = _narrate_phase(tell, bed, daemon.status(), phase)
        time.sleep(0.2)
    raise AssertionError(f"hostnfsd has ended\n{daemon.process.tail()}")


def _narrate_phase(tell: Narrator, bed: Stage, status: dict[str, Any], before: str) -> str:
    (view,) = status["gateways"]
    phase = str(view["phase"])
    if phase != before:
        more = f": {view['error']}" if view["error"] else ""
        if phase == "up":
            pids = " ".join(str(session.pid.number) for session in bed.gateway.sessions())
            more = f"; to see it come back: kill -9 {pids}" if pids else ""
        tell.line(f"  {time.strftime('%H:%M:%S')}  tunnel {phase}{more}")
    return phase


if __name__ == "__main__":
    sys.exit(main())
