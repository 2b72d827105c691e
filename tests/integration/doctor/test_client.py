"""What real clients print is explained, and what is suggested mounts."""

from typing import Any

import pytest

from tests.bed import network
from tests.bed.bed import Bed
from tests.integration.doctor.faults import PLAIN, explained


@pytest.mark.produces("no-nolock", "version-4", "mountd-port")
def test_what_a_real_client_prints_is_explained_and_the_cure_mounts(shared: Bed) -> None:
    daemon = shared.daemon(PLAIN)
    source = f"{network.GATEWAY_NAME}:/var/local/project"
    try:
        daemon.await_ready()

        def mount(options: str) -> Any:
            words = f"mount -v -t nfs -o {options},retry=0 {source} /mnt/nfs"
            return shared.kernel.run(f"{words} && umount /mnt/nfs", check=False)

        for options, code in (
            ("vers=3,proto=tcp", "no-nolock"),
            ("vers=4.2,proto=tcp,nolock", "version-4"),
            ("vers=3,proto=tcp,nolock,port=2049,mountport=1023", "mountd-port"),
        ):
            failed = mount(options)
            assert failed.status != 0
            entry = explained(daemon, failed.text)
            assert entry["code"] == code, failed.text
            assert any("mount --for linux" in step for step in entry["cure"])
        printed = daemon.command("mount", "--for", "linux", "/var/local/project").output
        (line,) = (line for line in printed.splitlines() if line.startswith("mount -t nfs"))
        assert mount(line.split(" -o ")[1].split()[0]).status == 0
    finally:
        daemon.close()
