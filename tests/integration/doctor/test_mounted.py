"""What befalls clients that have mounted: it is explained, and what is suggested helps."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.box import Box
from tests.bed.nfs_server import EXPORT
from tests.bed.process import Process
from tests.bed.waiting import wait_until
from tests.integration.doctor.clients import (
    OPTIONS,
    SOURCE,
    as_printed,
    mounted,
    seconds,
    tunnel,
)
from tests.integration.doctor.faults import ask, explained, server, well
from tests.integration.doctor.host_faults import made_anew

#: So that a client loses patience at once: half a second, and once more.
_HASTY = "nosharecache,timeo=5,retrans=1"
_WATCH = """
import ctypes, os, select
libc = ctypes.CDLL(None)
fd = libc.inotify_init()
assert libc.inotify_add_watch(fd, b"/mnt/nfs", 0xFFF) >= 0  # IN_ALL_EVENTS
poll = select.poll()
poll.register(fd, select.POLLIN)
open("/run/watching", "w").close()
told = b""
while b"from-here" not in told and poll.poll(20_000):
    told += os.read(fd, 4096)
print(told)
"""
_NAME_SERVER = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 53))
print("listens", flush=True)
while True:
    query, client = sock.recvfrom(512)
    print("asked", query[12:], flush=True)
    if sys.argv[2] == "answers":
        sock.sendto(query[:2] + b"\\x81\\x83" + query[4:], client)  # no such name
"""


@pytest.mark.produces("soft-mount", "client-waits", "unmount-hangs")
def test_while_the_tunnel_is_away(shared: Bed) -> None:
    """A soft mount loses what is written, a hard one waits, and one that is given up is free."""
    kernel = shared.kernel
    kernel.run("mkdir -p /mnt/soft /mnt/given-up; dmesg --clear")
    (shared.share / "there").write_text("before\n")
    with (
        tunnel(shared) as daemon,
        mounted(shared, f"{OPTIONS.replace('hard', 'soft')},{_HASTY}", at="/mnt/soft"),
        mounted(shared, f"{OPTIONS},{_HASTY}", at="/mnt/nfs"),
    ):
        kernel.mount(SOURCE, f"{OPTIONS},{_HASTY}", at="/mnt/given-up")
        try:
            shared.network.cut()

            lost = kernel.run("echo lost >/mnt/soft/lost", check=False)
            assert lost.status != 0
            entry = explained(daemon, lost.text)
            assert entry["code"] == "soft-mount", lost.text
            printed = as_printed(daemon, entry)
            assert "hard" in printed.split(",")

            kept = kernel.start("echo kept >/mnt/nfs/kept && sync /mnt/nfs/kept")
            told = wait_until(
                lambda: [line for line in _log(shared) if "still trying" in line],
                "the client to say that it waits",
            )
            assert not kept.done
            entry = explained(daemon, told[0])
            assert entry["code"] == "client-waits", told
            (command,) = (step for step in entry["cure"] if step.startswith("$ "))
            daemon.wait_until(
                lambda: "up for" not in daemon.command(*command.split()[2:]).output,
                "the status to say that the tunnel is away",
            )
            soft = [line for line in _log(shared) if "timed out" in line]
            assert explained(daemon, soft[0])["code"] == "soft-mount"

            working = kernel.start("cat /mnt/given-up/there")
            wait_until(lambda: _works_in(shared, "/mnt/given-up"), "somebody to work in it")
            busy = kernel.run("umount /mnt/given-up", check=False)
            assert busy.status != 0
            entry = explained(daemon, busy.text)
            assert entry["code"] == "unmount-hangs", busy.text
            (command,) = (step for step in entry["cure"] if step.startswith("$ "))
            kernel.run(command.removeprefix("$ ").replace("/MOUNT/POINT", "/mnt/given-up"))
            assert working.wait(20, check=False).status != 0, "who worked in it is free"
            assert "/mnt/given-up" not in kernel.run("cat /proc/mounts").output
            assert not kept.done, "the other one waits on"
        finally:
            shared.network.heal()

        kept.wait()
        assert (shared.share / "kept").read_text() == "kept\n"
        assert not (shared.share / "lost").exists() or not (shared.share / "lost").read_text()
        wait_until(lambda: any("OK" in line for line in _log(shared)), "it to say that it goes on")
    for name in ("there", "kept", "lost"):
        (shared.share / name).unlink(missing_ok=True)


def _log(bed: Bed) -> list[str]:
    lines = bed.kernel.run("dmesg").output.splitlines()
    return [line for line in lines if "nfs: server" in line]


def _works_in(bed: Bed, folder: str) -> bool:
    """Whether a command of the guest has to do with files of a folder."""
    command = f"grep -ls {folder} /proc/[0-9]*/cmdline | xargs -r cat | tr '\\0' ' '"
    return f"cat {folder}/there" in bed.kernel.run(command).output


@pytest.mark.produces("stale-handle")
def test_a_folder_that_was_made_anew_is_mounted_anew(shared: Bed) -> None:
    with tunnel(shared) as daemon, mounted(shared):
        shared.kernel.run("ls /mnt/nfs")
        made_anew(shared)
        (shared.share / "new").touch()

        failed = shared.kernel.run("ls /mnt/nfs", check=False)

        assert failed.status != 0
        entry = explained(daemon, failed.text)
        assert entry["code"] == "stale-handle", failed.text
        assert "read its exports anew, then mount again on the client" in entry["cure"][0]
        shared.nfs.restart_ganesha()  # which reads its exports when it starts
        daemon.await_ready()
        assert shared.kernel.run("ls /mnt/nfs", check=False).status != 0
        shared.kernel.run(f"umount /mnt/nfs && mount -t nfs -o {OPTIONS} {SOURCE} /mnt/nfs")
        assert shared.kernel.run("ls /mnt/nfs").output == "new\n"
        well(ask(daemon))
    (shared.share / "new").unlink()


@pytest.mark.produces("stale-attributes")
def test_a_change_on_the_host_is_seen_late_and_with_actimeo_at_once(shared: Bed) -> None:
    new = shared.share / "new"
    look = "stat -c %s /mnt/nfs/new"
    with tunnel(shared) as daemon:
        with mounted(shared):
            assert shared.kernel.run(look, check=False).status != 0
            new.write_text("made on the host\n")
            # That it is not there is remembered for acdirmin, half a minute.
            assert shared.kernel.run(look, check=False).status != 0

            entry = explained(daemon, "a file changed on the host, the client still shows the old")

            assert entry["code"] == "stale-attributes"
            assert "mount with actimeo=1" in entry["cure"][0]
        new.unlink()
        printed = daemon.command("mount", "--for", "linux", "--dev", EXPORT, check=True).output
        assert "actimeo=1" in printed
        with mounted(shared, f"{OPTIONS},actimeo=1"):
            assert shared.kernel.run(look, check=False).status != 0
            new.write_text("made on the host\n")
            wait_until(
                lambda: shared.kernel.run(look, check=False).status == 0,
                "it to be seen",
                timeout_s=10,
            )
    new.unlink()


@pytest.mark.produces("no-events")
def test_a_watcher_sees_nothing_and_one_that_polls_does(shared: Bed) -> None:
    kernel = shared.kernel
    (kernel.share / "watch.py").write_text(_WATCH)
    with tunnel(shared) as daemon, mounted(shared, f"{OPTIONS},actimeo=1"):
        watching = kernel.start("python3 /mnt/share/watch.py")
        wait_until(
            lambda: kernel.run("test -e /run/watching", check=False).status == 0, "it to watch"
        )
        (shared.share / "from-the-host").write_text("1")
        # Polling: looking again and again.
        wait_until(
            lambda: "from-the-host" in kernel.run("ls /mnt/nfs").output, "one that polls to see it"
        )
        kernel.run("touch /mnt/nfs/from-here; rm /run/watching")
        told = watching.wait().output
        assert "from-here" in told, "the watcher works"
        assert "from-the-host" not in told

        entry = explained(daemon, "watch mode does not notice changes over NFS, no hot reload")

        assert entry["code"] == "no-events"
        assert "CHOKIDAR_USEPOLLING" in entry["cure"][0]
        assert "actimeo=1" in entry["cure"][0]
    for name in ("from-the-host", "from-here"):
        (shared.share / name).unlink()


@pytest.mark.produces("slow-reads")
def test_reads_are_slow_through_a_plain_ssh_and_quick_here(shared: Bed) -> None:
    """The best of some tries each: what the machine does besides is not to count."""
    big = shared.share / "big"
    big.write_bytes(os.urandom(16 << 20))

    def best(enough: float = 0.0) -> float:
        """Seconds for all of it; no more tries are made than it takes to be quick enough."""
        found = float("inf")
        with mounted(shared):
            for _ in range(10 if enough else 3):
                read = "echo 3 >/proc/sys/vm/drop_caches; cat /mnt/nfs/big >/dev/null"
                found = min(found, seconds(shared, read))
                if found < enough:
                    break
        return found

    def through_ssh(enough: float = 0.0, *, session: bool) -> float:
        plain = shared.plain_ssh(2049, 20048, session=session)
        try:
            return best(enough)
        finally:
            plain.stop()

    try:
        slow = through_ssh(session=False)
        quick = slow / 2
        assert through_ssh(quick, session=True) < quick, "one session is enough"
        with tunnel(shared) as daemon:
            entry = explained(daemon, "reads take 40 ms each, small blocks; writes are fine")
            assert entry["code"] == "slow-reads"
            assert "end tunnels of your own (ssh -N -R)" in entry["cure"][0]
            assert best(quick) < quick
    finally:
        big.unlink()


@pytest.mark.produces("large-packets-lost")
def test_a_link_that_loses_large_packets_is_told_and_a_smaller_mtu_carries_all(
    shared: Bed,
) -> None:
    """The switch carries packets of 1000 bytes from the gateway and to it, and says nothing."""
    gateway, switch, kernel = shared.network.gateway, shared.network.switch, shared.kernel
    for name, size in (("small", 1 << 9), ("large", 1 << 20)):
        (shared.share / name).write_bytes(os.urandom(size))
        shutil.copy(shared.share / name, kernel.share)

    def set_link(box: Box, device: str, *words: str) -> None:
        box.run("ip", "link", "set", "dev", device, *words, kinds=("--net",))

    before = _lost(gateway)
    # Packets of one segment each: the kernel would pass larger ones from box to box as a whole.
    set_link(gateway, "eth0", "gso_max_segs", "1")
    set_link(switch, network.GATEWAY_NAME, "mtu", "1000")
    try:
        with tunnel(shared) as daemon:
            with mounted(shared):
                kernel.run("cmp /mnt/nfs/small /mnt/share/small && ls -l /mnt/nfs")
                reading = kernel.start("cmp /mnt/nfs/large /mnt/share/large")
                wait_until(lambda: _lost(gateway) > before + 2, "packets to be lost")
                assert not reading.done
                well(ask(daemon))  # which sends nothing that is large

                entry = explained(daemon, "ls works, small files can be read, but large ones hang")

                assert entry["code"] == "large-packets-lost"
                ping, smaller = (step[2:] for step in entry["cure"] if step.startswith("$ "))
                ping = ping.replace("GATEWAY", network.GATEWAY)
                assert [
                    kernel.run(ping.replace("1372", size), check=False).status == 0
                    for size in ("972", "1072")
                ] == [True, False]
                gateway.run(*smaller.replace("1400", "1000").split(), kinds=("--net",))
                reading.wait()
            with mounted(shared):
                kernel.run("cp /mnt/nfs/large /mnt/nfs/copy && cmp /mnt/nfs/large /mnt/nfs/copy")
    finally:
        for box, device in ((gateway, "eth0"), (switch, network.GATEWAY_NAME)):
            set_link(box, device, "mtu", "1500")
        set_link(gateway, "eth0", "gso_max_segs", "65535")
        for name in ("small", "large", "copy"):
            (shared.share / name).unlink(missing_ok=True)


def _lost(box: Box) -> int:
    """Packets that were sent on eth0 of a box and dropped by the link, as proc(5) counts them."""
    lines = Path(f"/proc/{box.first.number}/net/dev").read_text(encoding="ascii").splitlines()
    (counted,) = (line for line in lines if line.strip().startswith("eth0:"))
    return int(counted.split()[12])


@pytest.mark.produces("slow-version-4")
def test_version_4_waits_for_a_name_server_and_version_3_does_not(shared: Bed) -> None:
    """By default it waits for 5 s, and again; here for 2 s once."""
    address = "10.255.255.53"
    kernel, pod2 = shared.kernel, shared.network.pod2
    program = shared.folder / "name_server.py"
    program.write_text(_NAME_SERVER)
    undo = server(protocols="3,4")(shared)
    pod2.run("ip", "address", "add", f"{address}/32", "dev", "lo", kinds=("--net",))
    kernel.run(
        "set -e\nhostname pod-kernel\n"
        "sed 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf >/run/nsswitch.conf\n"
        f"printf 'nameserver {address}\\noptions timeout:2 attempts:1\\n' >/run/resolv.conf\n"
        "for file in nsswitch.conf resolv.conf; do mount --bind /run/$file /etc/$file; done\n"
        f"ip route add {address} via {network.POD2}"
    )

    @contextmanager
    def name_server(kind: str) -> Iterator[Process]:
        process = pod2.start(kind, "/usr/bin/python3", str(program), address, kind)
        try:
            wait_until(lambda: "listens" in process.tail(), "it to listen")
            yield process
        finally:
            process.kill()

    def mounting(kind: str, names: Process) -> tuple[float, int]:
        """A mount of a client that has mapped no name yet: seconds, and questions for its name."""
        kernel.run("nfsidmap -c")
        before = names.tail().count("pod-kernel")
        took = seconds(shared, f"mount -t {kind} {SOURCE} /mnt/nfs; ls -l /mnt/nfs")
        kernel.unmount()
        return took, names.tail().count("pod-kernel") - before

    version_4, version_3 = "nfs4 -o proto=tcp,retry=0", f"nfs -o {OPTIONS}"
    try:
        with tunnel(shared) as daemon:
            entry = explained(daemon, "mount -t nfs4 hangs for 21 s, then works")
            assert entry["code"] == "slow-version-4"
            assert "vers=3, or give the client a name server that answers" in entry["cure"][0]
            with name_server("mute") as names:
                slow, asked = mounting(version_4, names)
                assert slow > 2 * asked > 0
                took, asked = mounting(version_3, names)
                assert asked == 0
                assert took < slow
            with name_server("answers") as names:
                took, asked = mounting(version_4, names)
                assert took < slow
                assert asked > 0
    finally:
        kernel.run(f"umount /etc/nsswitch.conf /etc/resolv.conf; ip route del {address}")
        pod2.run("ip", "address", "del", f"{address}/32", "dev", "lo", kinds=("--net",))
        undo()
