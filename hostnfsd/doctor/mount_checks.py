"""The checks that mount: every export, as clients' calls are made, and given back."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from hostnfsd.daemon.host.mount_trial import UndecidedError
from hostnfsd.doctor import exports_checks, mount_verdict
from hostnfsd.doctor.check import Check, Id
from hostnfsd.doctor.finding import Finding, failed, passed, skipped
from hostnfsd.doctor.host_checks import service_id
from hostnfsd.doctor.scene import Scene
from hostnfsd.server.finding import Tried
from hostnfsd.services import Service

SECTION: Final = "Exports"
LAST: Final = "Mounted, and given back"
SOURCE_PORT: Final = Id("source-port")
ADMITTED: Final = Id("exports-admit")
MOUNT: Final = Id("mount")


def checks(scene: Scene) -> Iterator[Check]:
    """Whether the server lets us in at all."""
    if Service.MOUNTD not in scene.carried:
        return
    needs = (service_id(Service.MOUNTD), service_id(Service.NFS))
    yield Check(SOURCE_PORT, "source port", SECTION, partial(_source_port, scene), needs)
    admitted = partial(_admitted, scene)
    yield Check(ADMITTED, "admitted", SECTION, admitted, (*needs, SOURCE_PORT))


def last(scene: Scene) -> Iterator[Check]:
    """Each export."""
    if Service.MOUNTD in scene.carried:
        needs = (service_id(Service.MOUNTD), service_id(Service.NFS), SOURCE_PORT, ADMITTED)
        yield Check(MOUNT, "mount", LAST, partial(_mount, scene), needs)


async def _tried(scene: Scene) -> tuple[Tried, ...]:
    return await scene.exports()


async def _source_port(scene: Scene) -> Sequence[Finding]:
    """Whether the server takes calls from the source ports that we may have."""
    low = await scene.may_use_low_ports()
    mode = scene.config.host.reserved_source_port
    try:
        tried = await _tried(scene)
    except UndecidedError as exc:
        return (failed("service-frozen", f"mountd {exc}"),)
    weak = next((t for t in tried if t.denial and "TOOWEAK" in t.denial.text), None)
    if weak is None:
        return (passed(mount_verdict.source_port_text(low=low, mode=mode)),)
    if not low and mode != "never" and _daemon_mounts(scene):
        text = "this command may not dial from ports below 1024; the daemon may, and mounts"
        return (skipped(text),)
    return (mount_verdict.weak_source_port(weak, low=low, mode=mode),)


def _daemon_mounts(scene: Scene) -> bool:
    """Whether the daemon, which may have other rights, says that mountd serves."""
    views = () if scene.snapshot is None else scene.snapshot.gateways
    services = (service for view in views for service in view.services)
    return any(service.service is Service.MOUNTD and service.ready for service in services)


async def _admitted(scene: Scene) -> Sequence[Finding]:
    """Whether any export admits the address that we dial from."""
    if await _left_to_the_daemon(scene):
        return (skipped("the daemon says that exports can be mounted"),)
    address = scene.config.host.address
    return (mount_verdict.admitted(await _tried(scene), address),)


async def _mount(scene: Scene) -> Sequence[Finding]:
    """MNT, FSINFO and GETATTR of each export."""
    if await _left_to_the_daemon(scene):
        return (skipped("the daemon says that exports can be mounted"),)
    return mount_verdict.each(await _tried(scene), await exports_checks.read_only(scene))


async def _left_to_the_daemon(scene: Scene) -> bool:
    tried = await _tried(scene)
    weak = any(t.denial is not None and "TOOWEAK" in t.denial.text for t in tried)
    return weak and not await scene.may_use_low_ports() and _daemon_mounts(scene)
