"""The whole walk: which checks there are, in the order in which a request travels."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from hostnfsd.doctor import config_checks, engine, host_checks, mount_checks
from hostnfsd.doctor.check import Check, Row
from hostnfsd.doctor.scene import Scene
from hostnfsd.errors import HostnfsdError
from hostnfsd.problem import Problem


def checks(
    scene: Scene, trouble: HostnfsdError | None = None, problems: Sequence[Problem] = ()
) -> Iterator[Check]:
    """All of them.

    Args:
        scene: what is looked at.
        trouble: why the configuration cannot be used; the host is looked at all the same.
        problems: of one that can.
    """
    yield from config_checks.checks(scene, trouble, problems)
    yield from host_checks.checks(scene, ())
    yield from mount_checks.checks(scene)


async def walk(
    scene: Scene, trouble: HostnfsdError | None = None, problems: Sequence[Problem] = ()
) -> AsyncGenerator[Row]:
    """Run them; gives back what was taken, in whatever way it ends."""
    try:
        async with aclosing(engine.run(checks(scene, trouble, problems))) as rows:
            async for row in rows:
                yield row
    finally:
        await scene.end()
