"""What real clients print that cannot mount: it is explained, and what is suggested mounts."""

import pytest

from tests.bed import network
from tests.bed.bed import Bed
from tests.integration.doctor.clients import OPTIONS, as_printed, attempt, tunnel
from tests.integration.doctor.faults import explained

_NO_CAPABILITY = "setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin"
#: Where mount.nfs lies, and mount does not.
_NO_HELPER = "unshare --mount sh -c 'mount -t tmpfs none /usr/sbin && exec \"$@\"' -"
#: The guest's modules are not where modprobe looks for them.
_MODULES = "eval $(tr ' ' '\\n' </proc/cmdline | grep ^bed_modules=); modprobe -d $bed_modules"


@pytest.mark.produces("no-nolock", "version-4", "mountd-port")
def test_what_a_real_client_prints_is_explained_and_the_cure_mounts(shared: Bed) -> None:
    with tunnel(shared) as daemon:
        for options, code in (
            ("vers=3,proto=tcp", "no-nolock"),
            ("vers=4.2,proto=tcp,nolock", "version-4"),
            ("vers=3,proto=tcp,nolock,port=2049,mountport=1023", "mountd-port"),
        ):
            failed = attempt(shared, options)
            assert failed.status != 0
            entry = explained(daemon, failed.text)
            assert entry["code"] == code, failed.text
            assert attempt(shared, as_printed(daemon, entry)).status == 0


@pytest.mark.produces("udp-first")
def test_a_client_that_tries_udp_is_told_to_use_tcp(shared: Bed) -> None:
    """UDP for all of it, for mountd alone, and where nobody said: that gets there in the end."""
    with tunnel(shared) as daemon:
        for options in ("vers=3,nolock,proto=udp", "vers=3,nolock,mountproto=udp"):
            failed = attempt(shared, options)
            assert failed.status != 0
            assert explained(daemon, failed.text)["code"] == "udp-first", failed.text
        late = attempt(shared, "vers=3,nolock")
        assert late.status == 0
        assert "prot=17" in late.text
        quiet = "\n".join(line for line in late.text.splitlines() if "portmap query" in line)
        assert explained(daemon, quiet)["code"] == "udp-first", quiet
        entry = explained(daemon, late.text)
        assert entry["code"] == "udp-first", late.text

        cured = attempt(shared, as_printed(daemon, entry))

        assert cured.status == 0
        assert "prot=17" not in cured.text


@pytest.mark.produces("no-cap-sys-admin")
def test_a_container_without_the_capability_is_told_of_it(shared: Bed) -> None:
    with tunnel(shared) as daemon:
        failed = attempt(shared, OPTIONS, by=_NO_CAPABILITY)

        assert failed.status != 0
        entry = explained(daemon, failed.text)
        assert entry["code"] == "no-cap-sys-admin", failed.text
        assert "--cap-add SYS_ADMIN" in entry["cure"][0]
        kept = "setpriv --bounding-set=-all,+sys_admin --inh-caps=-all,+sys_admin"
        assert attempt(shared, OPTIONS, by=kept).status == 0, "that one is enough"


@pytest.mark.produces("no-nfs-client")
def test_a_client_without_mount_nfs_or_without_nfs_in_its_kernel_is_told(shared: Bed) -> None:
    """Installed is what is only hidden here: the packages of the cure bring both."""
    with tunnel(shared) as daemon:
        failed = attempt(shared, OPTIONS, by=_NO_HELPER)
        assert failed.status != 0
        entry = explained(daemon, failed.text)
        assert entry["code"] == "no-nfs-client", failed.text
        assert "nfs-common" in entry["cure"][0]

        shared.kernel.run(f"{_MODULES} -r nfsv4 nfsv3 nfs")
        try:
            failed = attempt(shared, OPTIONS)
            assert failed.status != 0
            assert explained(daemon, failed.text)["code"] == "no-nfs-client", failed.text
        finally:
            shared.kernel.run(f"{_MODULES} -a nfs nfsv3 nfsv4")

        assert attempt(shared, OPTIONS).status == 0


@pytest.mark.produces("rpcbind-forwarded")
def test_tools_that_a_relayed_rpcbind_sends_to_the_host_are_led_back(shared: Bed) -> None:
    pod = shared.network.pod
    asked = (
        ("showmount", "-e", network.GATEWAY),
        ("rpcinfo", "-p", network.GATEWAY),
        ("rpcinfo", "-t", network.GATEWAY, "nfs", "3"),
    )
    with tunnel(shared) as daemon:
        daemon.change(services={"rpcbind": {"mode": "relay"}})
        daemon.command("reload", check=True)
        daemon.await_ready()
        failed = [pod.run(*words, check=False, timeout_s=20) for words in asked]
        assert all(done.status != 0 for done in failed)
        entries = [explained(daemon, done.text) for done in failed]
        assert {entry["code"] for entry in entries} == {"rpcbind-forwarded"}, failed

        told, command = entries[0]["cure"]
        assert 'mode = "virtual" for services.rpcbind' in told
        daemon.change(services={"rpcbind": {"mode": "virtual"}})
        daemon.command("reload", check=True)
        daemon.await_ready()

        for words in asked:
            pod.run(*words)
        compared = daemon.command(*command.removeprefix("$ hostnfsd ").split(), check=True).output
        listed = [line.split() for line in pod.run(*asked[1]).output.splitlines()[1:]]
        ports = {words[4]: words[3] for words in listed}
        assert ports["mountd"] == "20048"
        for service in ("nfs", "mountd", "nlockmgr"):
            row = next(line for line in compared.splitlines() if service in line.split())
            assert ports[service] in row.split()
