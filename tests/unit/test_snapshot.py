"""Words of the specification, and which states count as ready."""

import pytest

from hostnfsd.services import Service
from hostnfsd.snapshot import Family, FamilyView, Phase, ServiceState, ServiceView

SERVING = FamilyView(ServiceState.SERVING, 1.0)
UNVERIFIED = FamilyView(ServiceState.UNVERIFIED, 2.0)
REFUSED = FamilyView(ServiceState.REFUSED, 3.0, "taken")


def view(*families: FamilyView) -> ServiceView:
    return ServiceView(
        Service.NFS, 2049, 2049, required=True, families=dict(zip(Family, families, strict=False))
    )


def test_the_phases_are_the_specified_ones() -> None:
    assert " ".join(Phase) == "stopped connecting binding up backoff blocked stopping"


def test_the_states_are_the_specified_ones() -> None:
    assert set(map(str, ServiceState)) == {
        "serving", "waiting", "host-down", "denied", "absent", "refused", "unreachable",
        "unverified", "stalled", "off",
    }  # fmt: skip


@pytest.mark.parametrize("state", ServiceState)
def test_only_serving_and_unverified_are_ready(state: ServiceState) -> None:
    assert state.ready is (state in {"serving", "unverified"})


@pytest.mark.parametrize(
    ("families", "worst"),
    [
        ((SERVING,), SERVING),
        ((SERVING, UNVERIFIED), SERVING),
        ((SERVING, REFUSED), REFUSED),
        ((REFUSED, SERVING), REFUSED),
    ],
)
def test_the_worst_family_counts(families: tuple[FamilyView, ...], worst: FamilyView) -> None:
    assert view(*families).worst is worst
    assert view(*families).ready is worst.state.ready
