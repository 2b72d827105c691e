"""docs/endpoints.md shows what the program answers."""

import errno
import json
import re
from dataclasses import replace

from docs.metrics_table import PAGE
from hostnfsd.daemon.faults import reason
from hostnfsd.health import verdict
from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import Family
from hostnfsd.tunnel.forward import Spec
from hostnfsd.tunnel.probe import Outcome, Target, find
from tests.support.snapshots import families, gateway, service, snapshot, with_service

TEXT = PAGE.with_name("endpoints.md").read_text(encoding="utf-8")


def test_the_sample_of_readyz_is_what_a_refusing_mountd_makes() -> None:
    sample = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert sample is not None
    target = Target(
        Spec(Service.MOUNTD, "", FACTS[Service.MOUNTD].gateway_port), Family.IPV4, "172.22.0.2"
    )
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 20048)")

    found = find(target, Outcome.SERVICE_FAILED, reason(refused).lower(), absent=False)

    mountd = replace(
        service(Service.MOUNTD), families=families(found.state, found.text, found.hint)
    )
    whole = snapshot(with_service(gateway(), mountd))
    assert json.loads(sample[1]) == verdict(whole).to_json()
