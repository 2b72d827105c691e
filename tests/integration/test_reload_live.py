"""SIGHUP while a real kernel copies: what is not touched does not notice."""

from typing import Any, Final

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.libnfs import sha256
from tests.bed.nfs_server import EXPORT
from tests.bed.transfer import SIZE, await_relayed, write_random

SERVICES: Final = ("rpcbind", "nfs", "mountd", "nlockmgr", "status", "rquotad")


def test_services_come_move_and_go_during_a_transfer(own_bed: Bed) -> None:
    bed = own_bed
    daemon = bed.daemon({"services": {"status": False}})
    daemon.await_ready()
    bed.kernel.mount(f"{network.GATEWAY_NAME}:{EXPORT}")
    source = bed.share / "source"
    write_random(source)
    copying = bed.kernel.start("cp /mnt/nfs/source /mnt/nfs/copy && sync")
    await_relayed(daemon, "to_host", SIZE // 16)
    connected = daemon.metric("hostnfsd_connections_total", service="nfs")

    daemon.change(services={"status": 662, "nlockmgr": moved(33333, 32803), "rquotad": False})
    said = daemon.command("reload", check=True).output

    assert "status is carried at port 662" in said
    assert "nlockmgr moves from port 32803 to 33333" in said
    assert "rquotad is no longer carried" in said
    daemon.await_service("status", "serving")
    daemon.await_service("nlockmgr", "serving")
    assert not copying.done, "the transfer was over before the reload"
    daemon.wait_until(
        lambda: not {32803, 875} & {port for _, port in bed.network.gateway.listening()},
        "what is gone to be given back",
    )
    assert bed.network.pod.accepts(network.GATEWAY, 33333)
    copying.wait(timeout_s=120)
    assert sha256(bed.share / "copy") == sha256(source)
    assert daemon.metric("hostnfsd_connections_total", service="nfs") == connected
    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == 1


def test_invalid_file_changes_nothing_and_is_told(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()
    valid = daemon.config_file.read_text()

    daemon.write(valid + "\n[services]\nnfs = 99999\n")
    reply = daemon.command("reload")

    assert reply.status == 78
    assert str(daemon.config_file) in reply.text
    assert daemon.ready()
    assert daemon.metric("hostnfsd_config_last_reload_successful") == 0
    assert daemon.metric("hostnfsd_config_reload_failures_total") == 1
    daemon.await_log("config_rejected")
    assert own_bed.network.pod.accepts(network.GATEWAY, 2049)

    daemon.write(valid)
    daemon.sighup()
    daemon.wait_until(
        lambda: daemon.metric("hostnfsd_config_last_reload_successful") == 1, "the reload"
    )


def test_second_gateway_is_added_and_removed(own_bed: Bed) -> None:
    daemon = own_bed.daemon()
    daemon.await_ready()
    first = daemon.config
    other = {**first["gateway"]["dev-gw"], "services": {s: False for s in SERVICES if s != "nfs"}}
    other["services"]["nfs"] = moved(12049, 2049)

    daemon.change(gateway={"second": other})
    assert "second: added" in daemon.command("reload", check=True).output
    daemon.await_service("nfs", "serving", gateway="second")
    assert own_bed.network.pod.accepts(network.GATEWAY, 12049)

    daemon.configure(first)
    assert "second: removed" in daemon.command("reload", check=True).output
    daemon.wait_until(
        lambda: 12049 not in {port for _, port in own_bed.network.gateway.listening()},
        "its forward to be given back",
    )
    assert [g["name"] for g in daemon.status()["gateways"]] == ["dev-gw"]
    assert daemon.ready()
    assert daemon.metric("hostnfsd_tunnel_connect_attempts_total", gateway="dev-gw") == 1


def moved(port: int, host_port: int) -> dict[str, Any]:
    return {"port": port, "host_port": host_port}
