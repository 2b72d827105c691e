"""What the end of a NULL call says, and what cures it."""

import pytest

from hostnfsd.server.finding import Reached
from hostnfsd.server.null_call import hung_up, reply
from hostnfsd.services import Service
from hostnfsd.sunrpc import rpc
from hostnfsd.sunrpc.rpc import AcceptStat, AuthStat


def test_success_is_an_answer() -> None:
    reading = reply(Service.NFS, rpc.Accepted(7))

    assert (reading.reached, reading.text, reading.hint) == (Reached.ANSWERED, None, None)


@pytest.mark.parametrize(
    ("service", "low", "high", "retry"),
    [
        (Service.NFS, 4, 4, 4),
        (Service.NFS, 2, 4, 3),
        (Service.MOUNTD, 1, 2, 1),
        (Service.NFS, 7, 9, None),
        (Service.NFS, 4, 3, None),  # a server that is confused
        (Service.NFS, 0, 2**32 - 1, 3),
    ],
)
def test_another_version_is_called_if_there_is_one(
    service: Service, low: int, high: int, retry: int | None
) -> None:
    reading = reply(service, rpc.Accepted(7, rpc.ProgramMismatch(low, high)))

    assert (reading.reached, reading.retry) == (Reached.FOREIGN, retry)
    assert f"versions {low} to {high} of {service}" in str(reading.text)


def test_another_program_is_foreign() -> None:
    reading = reply(Service.MOUNTD, rpc.Accepted(7, rpc.Failure(AcceptStat.PROG_UNAVAIL)))

    assert reading.reached is Reached.FOREIGN
    assert reading.retry is None
    assert "program 100005" in str(reading.text)
    assert "host_port" in str(reading.hint)


def test_a_service_that_fails_at_nothing_is_not_ours() -> None:
    reading = reply(Service.NFS, rpc.Accepted(7, rpc.Failure(AcceptStat.SYSTEM_ERR)))

    assert reading.reached is Reached.FOREIGN
    assert "SYSTEM_ERR" in str(reading.text)


@pytest.mark.parametrize(
    ("status", "cure"),
    [(AuthStat.AUTH_TOOWEAK, "reserved_source_port"), (AuthStat.AUTH_BADCRED, "exports(5)")],
)
def test_an_auth_error_is_a_denial_with_its_cure(status: AuthStat, cure: str) -> None:
    reading = reply(Service.NFS, rpc.Denied(7, rpc.AuthError(status)))

    assert reading.reached is Reached.DENIED
    assert status.name in str(reading.text)
    assert cure in str(reading.hint)


def test_another_rpc_version_is_foreign() -> None:
    reading = reply(Service.NFS, rpc.Denied(7, rpc.RpcMismatch(3, 4)))

    assert reading.reached is Reached.FOREIGN
    assert "RPC versions 3 to 4" in str(reading.text)


def test_hanging_up_points_at_the_exports() -> None:
    reading = hung_up(Service.NFS, "127.0.0.1")

    assert reading.reached is Reached.HUNG_UP
    assert "no export admits 127.0.0.1" in str(reading.hint)


def test_who_has_no_exports_is_not_pointed_at_them() -> None:
    assert hung_up(Service.RQUOTAD, "127.0.0.1").hint is None
