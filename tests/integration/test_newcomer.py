"""The newcomer's walk: no configuration, five commands, a mounted directory, and nothing wrong."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hostnfsd.errors import Exit
from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.box import Completed
from tests.bed.nfs_server import EXPORT, exports_line
from tests.bed.waiting import wait_until

pytestmark = pytest.mark.integration

SSH_CONFIG = "/etc/ssh/ssh_config"
#: As docker would tell of this bed, were the gateway a container and the pods a cluster.
INSPECTED = [
    {
        "Name": f"/{network.GATEWAY_NAME}",
        "Config": {"Labels": {}},
        "NetworkSettings": {
            "Ports": {"22/tcp": [{"HostIp": network.GATEWAY_SSH, "HostPort": "22"}]},
            "Networks": {"kind": {"IPAddress": network.GATEWAY, "IPPrefixLen": 16}},
        },
    },
    {
        "Name": "/kind-control-plane",
        "Config": {"Labels": {"io.x-k8s.kind.cluster": "kind"}},
        "NetworkSettings": {
            "Ports": {"6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "38143"}]},
            "Networks": {"kind": {"IPAddress": network.POD, "IPPrefixLen": 16}},
        },
    },
]


class Newcomer:
    """Somebody at the host with ssh and docker, and nothing of hostnfsd's."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.home = bed.folder / "host/newcomer"
        tools = self.home / "bin"
        tools.mkdir(parents=True)
        (self.home / "inspected.json").write_text(json.dumps(INSPECTED))
        docker = tools / "docker"
        printing = f'cat "{self.home}/inspected.json"'
        docker.write_text(f"#!/bin/sh\ncase $1 in ps) echo 1; echo 2 ;; *) {printing} ;; esac\n")
        docker.chmod(0o755)
        bed.host_file(SSH_CONFIG).write_text(
            f"Host elsewhere\n    HostName 10.99.0.1\nHost {network.GATEWAY_NAME}\n"
            f"    HostName {network.GATEWAY_SSH}\n    User admin\n    IdentityFile {bed.key}\n"
            f"    UserKnownHostsFile {bed.known_hosts}\n"
        )
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "STATE_DIRECTORY": str(self.home / "state"),
            "LANG": "C.UTF-8",
        }

    def types(self, *words: str, check: bool = True) -> Completed:
        command = (sys.executable, "-m", "hostnfsd", *words)
        return self.bed.network.host.run(*command, env=self.environment, check=check)


@pytest.fixture
def newcomer(make_bed: Callable[[BedOptions], Bed]) -> Newcomer:
    # Ganesha reads no exports file. A machine that has one shows it to the newcomer as well, so it
    # is to say the same.
    exports = tuple(path for path in ("/etc/exports",) if Path(path).exists())
    bed = make_bed(BedOptions(host_files=(SSH_CONFIG, *exports)))
    for path in exports:
        bed.host_file(path).write_text(exports_line(EXPORT))
    return Newcomer(bed)


def told(document: dict[str, Any], *outcomes: str) -> list[tuple[str, str]]:
    """Checks of the doctor that ended so, and what they say."""
    return [(row["check"], row["text"]) for row in document["checks"] if row["outcome"] in outcomes]


def test_from_nothing_to_a_mounted_path(newcomer: Newcomer) -> None:
    bed = newcomer.bed
    (bed.share / "hello").write_text("from the host\n")

    written = newcomer.types("init", "--yes").output
    file = newcomer.home / ".config/hostnfsd/hostnfsd.toml"
    assert f"{file}: written" in written
    assert "Next: hostnfsd run\n" in written
    assert f'client_address = "{network.GATEWAY_NAME}"' in file.read_text()

    process = bed.network.host.start(
        "hostnfsd-newcomer", sys.executable, "-m", "hostnfsd", "run", env=newcomer.environment
    )
    wait_until(
        lambda: newcomer.types("status", check=False).status == Exit.OK or not process.running,
        "status to be well",
        seen=process.tail,
    )
    assert process.running, process.tail()

    printed = newcomer.types("mount", "--for", "linux").output
    bed.kernel.run(f"set -e\n{printed}")
    point = f"/mnt/{Path(EXPORT).name}"
    assert bed.kernel.run(f"cat {point}/hello").output == "from the host\n"
    bed.kernel.run(f"echo back >{point}/answer")
    assert (bed.share / "answer").read_text() == "back\n"

    examined = newcomer.types("doctor", "--json", check=False)
    document = json.loads(examined.output)
    assert told(document, "FAIL", "WARN") == []
    assert len(told(document, "PASS")) > 10
    assert all(reason for _, reason in told(document, "SKIP"))
    assert examined.status == Exit.OK

    bed.kernel.unmount(point)
