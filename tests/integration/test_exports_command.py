"""``hostnfsd exports`` beside a real server, which was told something else than the file says."""

import json
from pathlib import Path
from typing import Any

import pytest

from hostnfsd.errors import Exit
from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT, NfsOptions

pytestmark = pytest.mark.integration

#: ganesha-config(8): for whom an export is.
TWO_CLIENTS = "CLIENT { Clients = 10.0.0.0/8, 127.0.0.1; Access_Type = RW; }"


@pytest.fixture
def file(bed: Bed) -> Path:
    path = bed.folder / "exports-of-a-test"
    path.write_text(f"{EXPORT} *(rw,insecure)\n")
    return path


def command(bed: Bed, file: Path) -> Daemon:
    """A configuration that names the file; the daemon itself does not run."""
    return bed.daemon({"host": {"exports": str(file), "platform": "linux"}}, start=False)


def told(daemon: Daemon, code: Exit = Exit.OK) -> Any:
    done = daemon.command("exports", "--json")
    assert done.status == code, done
    return json.loads(done.output)


def codes(document: Any) -> set[tuple[str, str]]:
    return {
        (problem["code"], problem["text"].partition(":")[0]) for problem in document["problems"]
    }


def test_the_servers_list_is_held_against_the_file(bed: Bed, file: Path) -> None:
    daemon = command(bed, file)

    document = told(daemon)
    assert document["server"]["exports"] == [{"path": EXPORT, "clients": []}]
    assert codes(document) == {("world-export", EXPORT)}
    assert "as the file says" in daemon.command("exports").output

    file.write_text(f"/srv 127.0.0.1(rw,insecure)\n{EXPORT} 127.0.0.1(rw,insecure)\n")
    document = told(daemon)
    assert codes(document) == {("not-served", "/srv"), ("served-otherwise", EXPORT)}

    file.write_text("")
    assert codes(told(daemon)) == {("still-served", EXPORT)}


def test_a_server_with_clients_lists_them(own_bed: Bed) -> None:
    file = own_bed.folder / "exports"
    file.write_text(f"{EXPORT} 127.0.0.1(rw,insecure) 10.0.0.0/8(rw,insecure)\n")
    daemon = command(own_bed, file)
    own_bed.nfs.restart_ganesha(NfsOptions(extra=f"Access_Type = None; {TWO_CLIENTS}"))

    document = told(daemon)
    (row,) = document["server"]["exports"]
    assert row["path"] == EXPORT
    assert len(row["clients"]) == 2
    assert codes(document) == set()

    own_bed.nfs.stop_ganesha()
    document = told(daemon)
    assert document["server"]["answered"] is False
    assert "mountd" in document["server"]["text"]


def test_where_no_server_runs_the_file_is_shown_all_the_same(own_bed: Bed) -> None:
    file = own_bed.folder / "exports"
    file.write_text(f"{EXPORT} 127.0.0.1(rw,insecure) {network.POD}(ro)\n")
    daemon = command(own_bed, file)
    own_bed.nfs.stop()

    document = told(daemon)
    assert document["server"]["text"] == (
        "was not compared: rpcbind at 127.0.0.1 port 111 refuses connections: no NFS server runs"
        " there"
    )
    assert [rule["network"] for rule in document["admitted"]] == [f"{network.POD}/32"]

    file.write_text("/no/such/place *(rw)\n")
    told(daemon, Exit.EXPORTS_INVALID)


def test_a_running_daemon_knows_the_networks_next_to_its_gateway(bed: Bed, file: Path) -> None:
    file.write_text(f"{EXPORT} 127.0.0.1(rw,insecure)\n")
    daemon = bed.daemon({"host": {"exports": str(file), "platform": "linux"}})
    daemon.await_ready()

    document = told(daemon)
    attached = {rule["network"] for rule in document["admitted"] if rule["reason"] == "attached"}
    assert {"172.22.0.0/16", "fd22::/64"} <= attached
    assert daemon.terminate() == Exit.OK

    assert told(daemon)["admitted"] == [], "nobody is left who knows"
