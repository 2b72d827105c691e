"""Failures of the exports file, named and cured."""

import pytest

from tests.bed.bed import Bed
from tests.integration.doctor.exports_faults import FAULTS
from tests.integration.doctor.faults import Fault, is_named_and_cured


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_failure_is_named_and_its_cure_cures_it(shared: Bed, fault: Fault) -> None:
    is_named_and_cured(shared, fault)
