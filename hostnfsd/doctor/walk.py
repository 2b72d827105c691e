"""The whole walk: which checks there are, in the order in which a request travels."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from hostnfsd.doctor import (
    client_checks,
    config_checks,
    daemon_checks,
    engine,
    exports_checks,
    gateway_checks,
    host_checks,
    machine_checks,
    mount_checks,
    state_checks,
)
from hostnfsd.doctor.check import Check, Row
from hostnfsd.doctor.link import Link
from hostnfsd.doctor.scene import Scene
from hostnfsd.errors import HostnfsdError
from hostnfsd.problem import Problem


def checks(
    scene: Scene,
    links: Sequence[Link],
    trouble: HostnfsdError | None = None,
    problems: Sequence[Problem] = (),
    client: str | None = None,
) -> Iterator[Check]:
    """All of them.

    Args:
        scene: what is looked at.
        links: the ways to the gateways.
        trouble: why the configuration cannot be used; the host is looked at all the same.
        problems: of one that can.
        client: the command that leads into a client, where a shell can be run.
    """
    yield from config_checks.checks(scene, trouble, problems)
    yield from exports_checks.checks(scene, ())
    yield from host_checks.checks(scene, ())
    yield from mount_checks.checks(scene)
    if trouble is not None:
        yield gateway_checks.of_none()
    for link in links:
        yield from gateway_checks.checks(link, ())
    yield from mount_checks.last(scene)
    if client is not None:
        yield from client_checks.checks(links, client)
    yield from machine_checks.checks(scene, links)
    yield from daemon_checks.checks(scene, machine_checks.SECTION, usable=trouble is None)
    if trouble is None:
        yield from state_checks.checks(scene, machine_checks.SECTION)


async def walk(
    scene: Scene,
    trouble: HostnfsdError | None = None,
    problems: Sequence[Problem] = (),
    client: str | None = None,
) -> AsyncGenerator[Row]:
    """Run them; gives back what was taken, in whatever way it ends."""
    # Without a configuration that can be used there is no gateway to look at.
    links = [] if trouble else [Link(scene, name) for name in scene.config.gateway]
    try:
        async with aclosing(engine.run(checks(scene, links, trouble, problems, client))) as rows:
            async for row in rows:
                yield row
    finally:
        for link in links:
            await link.end()
        await scene.end()
