"""A gateway that is far away: all of it works, and takes its time."""

from collections.abc import Callable, Iterator

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import merge
from tests.bed.gateway import SshdOptions
from tests.integration.doctor.faults import (
    PLAIN,
    Fault,
    Undo,
    ask,
    dev_gw,
    is_named_and_cured,
    well,
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Bed]:
    sshd = SshdOptions(gateway_ports="clientspecified")
    with Bed(BedOptions(through_proxy=True, sshd=sshd)) as bed:
        yield bed


#: Two listeners for each service: what they are asked for takes longer than the login, by far.
TWICE = dev_gw(
    listen=[network.GATEWAY, network.GATEWAY_V6],
    client_address=[network.GATEWAY, network.GATEWAY_V6],
)


def _latency(seconds: float) -> Callable[[Bed], Undo]:
    def inject(bed: Bed) -> Undo:
        bed.proxy.latency(seconds)
        return lambda: bed.proxy.latency(0)

    return inject


FAULTS = (
    Fault(
        "a third of a second there and back",
        "gateway-slow",
        _latency(0.17),
        tables=TWICE,
        outcome="WARN",
        says="not answered all",
    ),
    Fault(
        "almost a second there and back",
        "gateway-slow",
        _latency(0.4),
        says="the login was not done",
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_failure_is_named_and_its_cure_cures_it(shared: Bed, fault: Fault) -> None:
    is_named_and_cured(shared, fault)


@pytest.mark.produces("gateway-slow")
def test_a_daemon_that_had_the_patience_is_believed(shared: Bed) -> None:
    shared.proxy.latency(0.4)
    # A call that enters there takes three answers of the gateway's.
    daemon = shared.daemon(merge(dict(PLAIN), {"probe": {"timeout_s": 10}}))
    try:
        daemon.await_ready(timeout_s=40)
        report = ask(daemon)

        assert report.codes() == {"gateway-slow"}, report.describe()
        assert report.row("gateway-slow")["outcome"] == "WARN"
        assert "the daemon is logged in" in report.row("gateway-slow")["text"]
        assert report.status == 0
        shared.proxy.latency(0)
        well(ask(daemon))
    finally:
        shared.proxy.latency(0)
        daemon.close()
