"""Captures RPC messages between the real tools and the real servers on the test bed.

    .venv/bin/python -m tests.vectors.capture      # as root; writes tests/vectors/rpc/*.txt anew

See README.md beside the vectors.
"""

import contextlib
import ipaddress
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hostnfsd.sunrpc import mount, nfs, portmap, record, rpc, rpcbind
from hostnfsd.sunrpc.xdr import Encodable, decode, encode
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.nfs_server import EXPORT, NfsOptions
from tests.bed.waiting import DeadlineError, wait_until
from tests.vectors.rpc_vectors import FOLDER, Vector, explain

_SNIFF: Final = Path(__file__).with_name("sniff.py")
_TCP: Final = 6
_SYN: Final = 0x02
_SERVERS: Final = (111, 2049, 20048)
_MOUNT3: Final = "vers=3,tcp,nolock,retry=0"
_LARGEST: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class Stream:
    """One direction of a TCP connection."""

    next_sequence: int
    data: bytearray = field(default_factory=bytearray)

    def take(self, sequence: int, payload: bytes) -> None:
        """Append what is new; packets come in order on these networks, some of them twice."""
        new = (self.next_sequence - sequence) & 0xFFFF_FFFF
        if new < len(payload):
            self.data += payload[new:]
            self.next_sequence = (sequence + len(payload)) & 0xFFFF_FFFF


def packets(path: Path) -> Iterator[bytes]:
    """What ``sniff.py`` wrote."""
    raw = path.read_bytes()
    at = 0
    while at + 4 <= len(raw):
        (size,) = struct.unpack_from(">I", raw, at)
        yield raw[at + 4 : at + 4 + size]
        at += 4 + size


def streams(path: Path) -> dict[tuple[str, int, str, int], Stream]:
    """(source, port, destination, port) -> what was sent, in the order of the connections."""
    found: dict[tuple[str, int, str, int], Stream] = {}
    for packet in packets(path):
        if packet[0] >> 4 == 4 and packet[9] == _TCP:
            head, addresses = (packet[0] & 15) * 4, (packet[12:16], packet[16:20])
            end = int.from_bytes(packet[2:4], "big")
        elif packet[0] >> 4 == 6 and packet[6] == _TCP:
            head, addresses = 40, (packet[8:24], packet[24:40])
            end = 40 + int.from_bytes(packet[4:6], "big")
        else:
            continue
        source, target = (str(ipaddress.ip_address(address)) for address in addresses)
        source_port, target_port, sequence = struct.unpack_from(">HHI", packet, head)
        key = source, source_port, target, target_port
        if packet[head + 13] & _SYN:
            found.setdefault(key, Stream((sequence + 1) & 0xFFFF_FFFF))
        elif key in found:
            found[key].take(sequence, packet[head + (packet[head + 12] >> 4) * 4 : end])
    return found


def records(stream: Stream) -> list[bytes]:
    """The records of one direction."""
    return list(record.RecordReader(_LARGEST).feed(bytes(stream.data)))


class Recording:
    """Writes vectors of what passes the host while tools run."""

    def __init__(self, bed: Bed, server: str) -> None:
        self._bed = bed
        self._server = server
        self._number = 0
        self._size = 0  # of the file, when it was looked at last
        self._seen: set[tuple[object, ...]] = set()

    @contextlib.contextmanager
    def step(self, name: str, tool: str) -> Iterator[list[str]]:
        """Record what is said inside the block; what the tool prints goes into the list."""
        self._number += 1
        path = self._bed.network.host.run_folder / f"sniffed{self._number}"
        sniffer = self._bed.network.host.start(
            f"sniff{self._number}", sys.executable, str(_SNIFF), f"/run/{path.name}"
        )
        wait_until(path.exists, "the sniffer")
        printed: list[str] = []
        yield printed
        try:
            wait_until(lambda: self._settled(path), "the last packet", timeout_s=3)
        except DeadlineError:
            sys.stderr.write(f"{name}: a call without a reply\n")
        sniffer.stop()
        self._write(path, name, tool, "".join(printed))

    def _settled(self, path: Path) -> bool:
        """Whether there are calls, every call has its reply, and the file has stopped to grow."""
        size, self._size = self._size, path.stat().st_size
        found = streams(path)
        calls = {key: stream for key, stream in found.items() if key[3] in _SERVERS}
        return (
            size == self._size
            and any(stream.data for stream in calls.values())
            and all(
                len(records(stream)) == len(records(found.get(key[2:] + key[:2], Stream(0))))
                for key, stream in calls.items()
            )
        )

    def _write(self, path: Path, name: str, tool: str, printed: str) -> None:
        found = streams(path)
        number = 0
        for key, stream in found.items():
            if key[3] not in _SERVERS:
                continue
            answers = found.get(key[2:] + key[:2], Stream(0))  # none where it was refused
            replies = {reply[:4]: reply for reply in records(answers)}
            for call in records(stream):
                if reply := replies.get(call[:4]):
                    number += self._vector(f"{name}-{number}", tool, printed, call, reply)

    def _vector(self, name: str, tool: str, printed: str, call: bytes, reply: bytes) -> int:
        asked, answered = rpc.decode_message(call), rpc.decode_message(reply)
        shape = self._shape(asked, answered)
        if shape in self._seen:
            return 0
        self._seen.add(shape)
        vector = Vector(tool, self._server, printed, call, reply, explain(asked, answered))
        (FOLDER / f"{name}.txt").write_text(vector.text(), encoding="utf-8")
        return 1

    def _shape(self, asked: rpc.Message, answered: rpc.Message) -> tuple[object, ...]:
        """What makes an exchange worth keeping: anything but the xid and the caller is new."""
        said = answered.outcome if isinstance(answered, rpc.Accepted) else answered
        if not isinstance(asked, rpc.Call):
            return type(asked), type(said)
        called = asked.program, asked.version, asked.procedure, asked.arguments
        return *called, asked.credential.flavor, str(said)


def ask(bed: Bed, port: int, message: bytes) -> bytes | None:
    """Send one record to the host from the gateway, from an ordinary port; the answer, if any."""
    with bed.network.gateway.connect(network.HOST, port) as connection:
        connection.sendall(record.encode(message))
        reader = record.RecordReader(_LARGEST)
        while chunk := connection.recv(65536):
            for answer in reader.feed(chunk):
                return answer
        return None


def call(program: int, version: int, procedure: int, arguments: Encodable | None = None) -> bytes:
    """A call as a record."""
    words = b"" if arguments is None else encode(arguments)
    return encode(rpc.Call(0x12345678, program, version, procedure, words))


def tools(bed: Bed, recording: Recording) -> None:
    """Programs in the gateway's and in the host's own namespace, straight to the servers."""
    for name, words, box in (
        ("rpcinfo-p", f"rpcinfo -p {network.HOST}", bed.network.gateway),
        ("rpcinfo", f"rpcinfo {network.HOST}", bed.network.gateway),
        ("rpcinfo-T", f"rpcinfo -T tcp {network.HOST} 100003 3", bed.network.gateway),
        ("rpcinfo-T-any", f"rpcinfo -T tcp {network.HOST} 100003", bed.network.gateway),
        ("rpcinfo-T-missing", f"rpcinfo -T tcp {network.HOST} 100227 3", bed.network.gateway),
        ("rpcinfo-l", f"rpcinfo -l {network.HOST} 100003 3", bed.network.gateway),
        ("rpcinfo-m", f"rpcinfo -m {network.HOST}", bed.network.gateway),
        ("rpcinfo-v6", "rpcinfo -T tcp6 ::1 100005 3", bed.network.host),
        ("rpcinfo-l-v6", "rpcinfo -l ::1 100005 3", bed.network.host),
        ("showmount-e", f"showmount -e {network.HOST}", bed.network.gateway),
    ):
        with recording.step(name, words) as printed:
            printed.append(box.run(*words.split(), check=False).text)


def by_hand(bed: Bed, recording: Recording) -> None:
    """Calls that no tool makes; the servers' answers are real."""
    pmap, mountd = portmap.PROGRAM, mount.PROGRAM
    binding = rpcbind.Binding(nfs.PROGRAM, 3, "tcp", "", "")

    asked: tuple[tuple[str, int, bytes], ...] = (
        ("getversaddr", 111, call(pmap, 4, rpcbind.Procedure.GETVERSADDR, binding)),
        ("gettime", 111, call(pmap, 4, rpcbind.Procedure.GETTIME)),
        ("uaddr2taddr", 111, call(pmap, 3, 7, rpcbind.Uaddr("192.0.2.1.8.1"))),
        (
            "taddr2uaddr",
            111,
            call(pmap, 3, 8, rpcbind.Netbuf(16, bytes((2, 0, 8, 1, 192, 0, 2, 1, *8 * (0,))))),
        ),
        ("dump-v4", 111, call(pmap, 4, rpcbind.Procedure.DUMP)),
        ("getport-udp", 111, call(pmap, 2, 3, portmap.Mapping(nfs.PROGRAM, 3, 17))),
        ("getport-other-version", 111, call(pmap, 2, 3, portmap.Mapping(nfs.PROGRAM, 4, 6))),
        ("program-unavailable", 111, call(100099, 1, 0)),
        ("program-mismatch", 111, call(pmap, 9, 0)),
        ("procedure-unavailable", 111, call(pmap, 2, 99)),
        ("garbage-arguments", 111, call(pmap, 2, 3, portmap.Port(1))),
        ("rejected-credential", 111, encode(rpc.Call(8, pmap, 2, 0, credential=rpc.Auth(99)))),
        ("mnt-v1", 20048, call(mountd, 1, 1, mount.Path(EXPORT))),
        ("export-v1", 20048, call(mountd, 1, 5)),
        ("nfs-v4-on-v3-server", 2049, call(nfs.PROGRAM, 4, 0)),
    )
    for name, port, message in asked:
        with recording.step(f"hand-{name}", "a call made by hand"):
            ask(bed, port, message)


def kernel(bed: Bed, recording: Recording) -> None:
    """mount.nfs and the kernel of a Linux client, through ssh -R, and showmount while mounted."""
    bed.plain_ssh(*_SERVERS)
    gateway = network.GATEWAY
    with recording.step(
        "mount", f"mount -t nfs -o {_MOUNT3} {gateway}:{EXPORT} /mnt/nfs; ls -l; cat missing"
    ) as printed:
        bed.kernel.mount(f"{gateway}:{EXPORT}", _MOUNT3)
        printed.append(bed.kernel.run("cd /mnt/nfs; ls -l; cat missing", check=False).text)
    with recording.step("showmount-a", f"showmount -a {network.HOST}") as printed:
        printed.append(bed.network.gateway.run("showmount", "-a", network.HOST, check=False).text)
    with recording.step("umount", "umount /mnt/nfs"):
        bed.kernel.run("umount /mnt/nfs")
    with recording.step(
        "mount-missing", f"mount -t nfs -o {_MOUNT3} {gateway}:/missing"
    ) as printed:
        words = f"mount -t nfs -o {_MOUNT3} {gateway}:/missing /mnt/nfs"
        printed.append(bed.kernel.run(words, check=False).text)
    options = "vers=3,proto=tcp6,nolock,retry=0"
    with recording.step("mount-v6", f"mount -t nfs -o {options} [{network.GATEWAY_V6}]:{EXPORT}"):
        bed.kernel.mount(f"[{network.GATEWAY_V6}]:{EXPORT}", options)
    with recording.step("umount-v6", "umount /mnt/nfs"):
        bed.kernel.run("umount /mnt/nfs")


def too_weak(bed: Bed, recording: Recording) -> None:
    """A client on an ordinary source port, where the server wants a reserved one."""
    bed.nfs.stop_ganesha()
    bed.nfs.start_ganesha(NfsOptions(privileged=True))
    who = rpc.AuthSys("pod", uid=0, gid=0).credential()
    with recording.step("too-weak", "calls made by hand, from a source port above 1023"):
        mnt = rpc.Call(1, mount.PROGRAM, 3, 1, encode(mount.Path(EXPORT)), who)
        reply = rpc.decode_message(ask(bed, 20048, encode(mnt)) or b"")
        assert isinstance(reply, rpc.Accepted)
        assert isinstance(reply.outcome, rpc.Success)
        handle = nfs.Handle(decode(mount.MountedV3, reply.outcome.results).handle)
        ask(bed, 2049, encode(rpc.Call(2, nfs.PROGRAM, 3, 1, encode(handle), who)))


def main() -> None:
    """All of it."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    with Bed(BedOptions()) as bed:
        server = bed.network.host.run(
            "dpkg-query", "-W", "-f", "${Package} ${Version}, ", "rpcbind", "nfs-ganesha"
        ).output.rstrip(", ")
        recording = Recording(bed, server)
        tools(bed, recording)
        by_hand(bed, recording)
        kernel(bed, recording)
        too_weak(bed, recording)


if __name__ == "__main__":
    main()
