"""The networks of the test bed and the machines on them.

    host ──veth 10.77.0.0/30── gateway ──┐
                                         ├── 172.22.0.0/16 and fd22::/64: the kind bridge
                       pod, pod2, kernel ┘

The pods know no route elsewhere. Every machine is a box, so two beds never meet, and nothing
appears in the root namespaces.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.bed.box import Box

HOST = "10.77.0.1"
GATEWAY_SSH = "10.77.0.2"
GATEWAY = "172.22.0.12"
KERNEL = "172.22.0.13"
POD = "172.22.0.14"
POD2 = "172.22.0.15"
GATEWAY_V6 = "fd22::12"
KERNEL_V6 = "fd22::13"
POD_V6 = "fd22::14"
POD2_V6 = "fd22::15"
GATEWAY_NAME = "dev-gw"
TAP = "tap0"

_HOSTS: Final = """127.0.0.1 localhost
::1 localhost
{gateway} {name}
"""
# No machine of the bed asks a name server: an answer that never comes costs 20 s.
_NSSWITCH: Final = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"


class Network:
    """The boxes and the wires between them.

    Attributes:
        host, gateway, pod, pod2: machines.
        switch: the bridge of the clients' network. The kernel client plugs in here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host_binds: dict[str, Path],
        host_mounts: Sequence[str] = (),
        gateway_binds: dict[str, Path],
        low_ports: bool = True,
    ) -> None:
        """Bring everything up. ``low_ports``: whether any user of the gateway may bind them."""
        self._folder = folder
        with ExitStack() as stack:

            def box(
                name: str,
                *,
                gateway: str,
                binds: Mapping[str, Path] = MappingProxyType({}),
                mounts: Sequence[str] = (),
            ) -> Box:
                all_binds = {**self.names(name, gateway), **binds}
                return stack.enter_context(Box(name, folder / name, binds=all_binds, mounts=mounts))

            self.host = box("host", gateway=GATEWAY_SSH, binds=host_binds, mounts=host_mounts)
            self.gateway = box(GATEWAY_NAME, gateway=GATEWAY, binds=gateway_binds)
            self.switch = box("switch", gateway=GATEWAY)
            self.pod = box("pod", gateway=GATEWAY)
            self.pod2 = box("pod2", gateway=GATEWAY)
            self._wire(low_ports=low_ports)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Take every box away."""
        self._stack.close()

    def names(self, name: str, gateway: str) -> dict[str, Path]:
        """The files for name look-up in a box, to be bound over the machine's own."""
        folder = self._folder / name / "etc"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts").write_text(_HOSTS.format(gateway=gateway, name=GATEWAY_NAME))
        (folder / "nsswitch.conf").write_text(_NSSWITCH)
        files = {f"/etc/{file}": folder / file for file in ("hosts", "nsswitch.conf")}
        return {inside: outside for inside, outside in files.items() if Path(inside).exists()}

    def _wire(self, *, low_ports: bool) -> None:
        # The wires are made inside the boxes: nothing appears outside, not even for a moment.
        _batch(
            self.host,
            f"link add gateway type veth peer name host netns {self.gateway.first.number}",
            f"addr add {HOST}/30 dev gateway",
            "link set gateway up",
        )
        _batch(self.gateway, f"addr add {GATEWAY_SSH}/30 dev host", "link set host up")
        _batch(
            self.switch,
            "link add kind type bridge",
            "link set kind up",
            f"tuntap add {TAP} mode tap",
            f"link set {TAP} master kind",
            f"link set {TAP} up",
        )
        for box, address, address_v6 in (
            (self.gateway, GATEWAY, GATEWAY_V6),
            (self.pod, POD, POD_V6),
            (self.pod2, POD2, POD2_V6),
        ):
            _batch(
                self.switch,
                f"link add {box.name} type veth peer name eth0 netns {box.first.number}",
                f"link set {box.name} master kind",
                f"link set {box.name} up",
            )
            _batch(
                box,
                f"addr add {address}/16 dev eth0",
                f"addr add {address_v6}/64 dev eth0 nodad",
                "link set eth0 up",
            )
        start = 0 if low_ports else 1024
        self.gateway.run("sysctl", "-qw", f"net.ipv4.ip_unprivileged_port_start={start}")

    def cut(self) -> None:
        """From now on every packet between host and gateway vanishes; both ends keep carrier."""
        self.gateway.run(
            "nft",
            "-f",
            "-",
            stdin="""table inet bed {
  chain incoming { type filter hook input priority 0; iifname "host" drop; }
  chain outgoing { type filter hook output priority 0; oifname "host" drop; }
}
""",
        )

    def strand(self) -> int:
        """The packets of the connections from the host that stand now vanish; new ones pass.

        As when the host's address changed, or its machine was switched off: the gateway hears
        nothing more of them, and nothing of their end. Returns how many there are.
        """
        told = self.gateway.run("ss", "-Htn", "state", "established", "src", GATEWAY_SSH).output
        ports = ", ".join(line.split()[3].rpartition(":")[2] for line in told.splitlines())
        self.gateway.run(
            "nft",
            "-f",
            "-",
            stdin=f"""table inet stranded {{
  chain incoming {{
    type filter hook input priority 0; ip saddr {HOST} tcp sport {{ {ports} }} drop;
  }}
  chain outgoing {{
    type filter hook output priority 0; ip daddr {HOST} tcp dport {{ {ports} }} drop;
  }}
}}
""",
        )
        return len(told.splitlines())

    def heal(self) -> None:
        """Undo :meth:`cut` and :meth:`strand`."""
        for table in ("bed", "stranded"):
            self.gateway.run("nft", "delete", "table", "inet", table, check=False)

    def reset(self) -> None:
        """Reset the TCP connections between host and gateway: both kernels forget them."""
        self.host.run("ss", "-K", "dst", GATEWAY_SSH)
        self.gateway.run("ss", "-K", "dst", HOST)


def _batch(box: Box, *lines: str) -> None:
    """Run lines of ip(8) inside the network of a box, with the machine's own process numbers."""
    box.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n", kinds=("--net",))
