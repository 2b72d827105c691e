"""The verdict: which services count, and what is said of those that are not ready."""

from dataclasses import replace

import pytest

from hostnfsd.health import gateway_verdict, verdict
from hostnfsd.services import Service
from hostnfsd.snapshot import Family, FamilyView, Phase, ServiceState
from tests.support.snapshots import NOW, gateway, service, snapshot, with_service

READY = {ServiceState.SERVING, ServiceState.UNVERIFIED}


def test_ready_when_every_required_service_serves() -> None:
    assert verdict(snapshot()).ready


@pytest.mark.parametrize("state", ServiceState)
def test_only_serving_and_unverified_are_ready(state: ServiceState) -> None:
    view = with_service(gateway(), service(Service.NFS, state))

    assert verdict(snapshot(view)).ready is (state in READY)


@pytest.mark.parametrize("state", ServiceState)
def test_a_service_that_is_not_required_never_counts(state: ServiceState) -> None:
    view = with_service(gateway(), service(Service.RQUOTAD, state))

    assert verdict(snapshot(view)).ready


def test_every_family_must_be_ready() -> None:
    families = {
        Family.IPV4: FamilyView(ServiceState.SERVING, NOW),
        Family.IPV6: FamilyView(ServiceState.UNREACHABLE, NOW, "refused", "AddressFamily any"),
    }
    nfs = replace(service(Service.NFS), families=families)

    judged = verdict(snapshot(with_service(gateway(), nfs)))

    assert [(r.service, r.family, r.state) for r in judged.reasons] == [
        (Service.NFS, Family.IPV6, ServiceState.UNREACHABLE)
    ]
    assert (judged.reasons[0].error, judged.reasons[0].hint) == ("refused", "AddressFamily any")
    assert judged.reasons[0].brief == "dev-gw nfs unreachable (ipv6)"


def test_an_optional_gateway_counts_only_when_asked_for_by_name() -> None:
    down = gateway("b", optional=True, services=(service(Service.NFS, ServiceState.WAITING),))
    whole = snapshot(gateway("a"), down)

    assert verdict(whole).ready
    assert not gateway_verdict(down, stopping=False).ready


def test_the_tunnels_error_explains_a_service_that_has_none_of_its_own() -> None:
    down = gateway(
        phase=Phase.BLOCKED,
        error="host key changed",
        hint="ssh-keygen -R dev-gw",
        services=(service(Service.NFS, ServiceState.WAITING),),
    )

    (reason,) = verdict(snapshot(down)).reasons

    assert (reason.phase, reason.error, reason.hint) == (
        Phase.BLOCKED,
        "host key changed",
        "ssh-keygen -R dev-gw",
    )


def test_the_services_own_error_is_not_given_the_tunnels_hint() -> None:
    down = gateway(
        error="x", hint="y", services=(service(Service.NFS, ServiceState.HOST_DOWN, "refused"),)
    )

    (reason,) = verdict(snapshot(down)).reasons

    assert (reason.error, reason.hint) == ("refused", None)


def test_a_daemon_that_stops_is_not_ready_and_says_only_that() -> None:
    judged = verdict(snapshot(stopping=True))

    assert judged.to_json() == {"schema": 1, "ready": False, "stopping": True, "reasons": []}
    assert not gateway_verdict(gateway(), stopping=True).ready


def test_reasons_as_json_hold_words_only() -> None:
    view = with_service(gateway(), service(Service.MOUNTD, ServiceState.HOST_DOWN, "refused"))

    assert verdict(snapshot(view)).to_json()["reasons"] == [
        {
            "gateway": "dev-gw",
            "phase": "up",
            "service": "mountd",
            "family": "ipv4",
            "state": "host-down",
            "error": "refused",
            "hint": None,
        }
    ]
