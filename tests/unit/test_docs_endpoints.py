"""docs/endpoints.md shows what the program answers."""

import errno
import json
import re
from dataclasses import replace

from docs.metrics_table import PAGE
from hostnfsd.daemon.host.calls import unreached
from hostnfsd.health import verdict
from hostnfsd.server.finding import HostFinding, Origin, Place, Reached
from hostnfsd.services import FACTS, Service
from hostnfsd.tunnel.probe import at_host
from tests.support.snapshots import families, gateway, service, snapshot, with_service

TEXT = PAGE.with_name("endpoints.md").read_text(encoding="utf-8")


def test_the_sample_of_readyz_is_what_a_refusing_mountd_makes() -> None:
    sample = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert sample is not None
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 20048)")
    place = Place("127.0.0.1", FACTS[Service.MOUNTD].gateway_port, Origin.RPCBIND)
    host = HostFinding(Reached.DOWN, place, unreached(refused, 3).text)

    found = at_host(Service.MOUNTD, host, optional=False, seen=True)

    assert found is not None
    mountd = replace(
        service(Service.MOUNTD), families=families(found.state, found.text, found.hint)
    )
    whole = snapshot(with_service(gateway(), mountd))
    assert json.loads(sample[1]) == verdict(whole).to_json()
