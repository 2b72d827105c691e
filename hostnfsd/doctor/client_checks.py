"""The checks by a real client's own shell: ``--client 'docker exec NODE'``."""

import shlex
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from hostnfsd.doctor import client_probe
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.finding import Finding, skipped
from hostnfsd.doctor.link import Link
from hostnfsd.doctor.service_verdict import at
from hostnfsd.server.versions import to_try
from hostnfsd.services import Service

SECTION: Final = "Client"


def checks(links: Sequence[Link], command: str) -> Iterator[Check]:
    """One for each port that a mount needs."""
    for link in links:
        for service, carried in link.carried.items():
            if not carried.required:
                continue
            subject = f"{link.name}/{service}"
            work = partial(_reach, link, service, carried.port, command)
            title = f"{service}:{carried.port}"
            needs = (Id("forward", subject),)
            yield Check(Id("client", subject), title, SECTION, work, needs)


async def _reach(link: Link, service: Service, port: int, command: str) -> Sequence[Finding]:
    await link.states()  # the doctor's own forwards stand, where no daemon has them
    addresses = await link.client_addresses()
    if not addresses:
        return (skipped("the address at which clients reach the gateway is not known"),)
    version = to_try(service, link.scene.host.versions(service))
    host = addresses[0]
    call = client_probe.octal(client_probe.null_call(service, version))
    shell = ("sh", "-c", client_probe.SCRIPT, "hostnfsd", host, str(port), call)
    began = time.time()
    told = await link.scene.run(*shlex.split(command), *shell)
    seen = client_probe.read(told.output)
    refused = client_probe.turned_away(await link.refused(), link.name, service, began)
    where, daemon = at(host, port), link.view is not None
    found = client_probe.judge(
        seen, where, told.output, refused, daemon=daemon, command=command.strip()
    )
    return (found,)
