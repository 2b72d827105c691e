"""Which version is called when only a service is named."""

import pytest

from hostnfsd.server.versions import WANTED, best, to_try
from hostnfsd.services import Service


def test_every_service_has_versions() -> None:
    assert set(WANTED) == set(Service)


@pytest.mark.parametrize(
    ("service", "there", "called"),
    [
        (Service.NFS, (2, 3, 4), 3),
        (Service.NFS, (4,), 4),
        (Service.NFS, (2, 4), 4),
        (Service.MOUNTD, (1, 2, 3), 3),
        (Service.MOUNTD, (1,), 1),
        (Service.NLOCKMGR, (0, 1, 3, 4), 4),
        (Service.NLOCKMGR, (0, 1), 1),
        (Service.RQUOTAD, (2,), 2),
        (Service.RPCBIND, (2, 3, 4), 2),
    ],
)
def test_the_one_a_mount_wants_first(service: Service, there: tuple[int, ...], called: int) -> None:
    assert best(service, there) == called
    assert to_try(service, there) == called


@pytest.mark.parametrize("there", [(), (7, 8)])
def test_where_none_is_known_the_usual_one_is_tried(there: tuple[int, ...]) -> None:
    assert best(Service.NFS, there) is None
    assert to_try(Service.NFS, there) == 3
