"""hostnfsd.sunrpc.programs."""

import re

import pytest
from hypothesis import given

from hostnfsd.services import FACTS, Service
from hostnfsd.sunrpc import mount, nfs, portmap, rpcbind
from hostnfsd.sunrpc.programs import (
    NFSACL,
    OTHER,
    PROCEDURE_NAMES,
    PROGRAM_NAMES,
    procedure_at,
    procedure_name,
    program_name,
)
from tests.unit.sunrpc.messages import UINTS


@given(UINTS, UINTS, UINTS)
def test_whatever_comes_the_names_are_of_a_closed_set(
    program: int, version: int, procedure: int
) -> None:
    assert procedure_name(program, version, procedure) in PROCEDURE_NAMES
    assert program_name(program) in PROGRAM_NAMES


def test_names_are_labels() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in PROCEDURE_NAMES | PROGRAM_NAMES)
    assert len(PROCEDURE_NAMES) < 100


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ((100003, 3, 6), "read"),
        ((100003, 3, 21), "commit"),
        ((100003, 3, 22), OTHER),
        ((100003, 3, -1), OTHER),
        ((100003, 2, 17), "statfs"),
        ((100003, 4, 1), "compound"),
        ((100003, 5, 0), OTHER),
        ((100005, 1, 7), OTHER),
        ((100005, 2, 7), "pathconf"),
        ((100005, 3, 1), "mnt"),
        ((100000, 2, 3), "getport"),
        ((100000, 3, 8), "taddr2uaddr"),
        ((100000, 3, 9), OTHER),
        ((100000, 4, 11), "getaddrlist"),
        ((100021, 4, 2), "lock"),
        ((100021, 4, 16), OTHER),
        ((100021, 4, 20), "share"),
        ((100021, 4, 23), "free_all"),
        ((100021, 1, 15), "granted_res"),
        ((100021, 0, 1), "test"),
        ((100024, 1, 6), "notify"),
        ((100011, 1, 2), "getactivequota"),
        ((100011, 2, 4), "setactivequota"),
        ((NFSACL, 3, 1), "acl_getacl"),
        ((0x40000000, 1, 1), OTHER),
    ],
)
def test_procedures(number: tuple[int, int, int], name: str) -> None:
    assert procedure_name(*number) == name


def test_the_names_agree_with_the_protocols_own() -> None:
    for program, version, procedures in (
        (portmap.PROGRAM, 2, portmap.Procedure),
        (nfs.PROGRAM, 3, nfs.Procedure3),
        (nfs.PROGRAM, 4, nfs.Procedure4),
        (mount.PROGRAM, 1, mount.Procedure),
        (mount.PROGRAM, 3, mount.Procedure),
    ):
        for procedure in procedures:
            assert procedure_name(program, version, procedure) == procedure.name.lower()
    for known in rpcbind.Procedure:
        expected = "bcast" if known.name == "CALLIT" else known.name.lower()
        assert procedure_name(portmap.PROGRAM, 4, known) == expected


def test_programs_are_services() -> None:
    for service, facts in FACTS.items():
        assert program_name(facts.program) == service
        assert procedure_name(facts.program, max(_versions(facts.program)), 0) == "null"
    assert (program_name(NFSACL), program_name(4)) == ("nfs_acl", OTHER)


def _versions(program: int) -> list[int]:
    return [version for version in range(6) if procedure_name(program, version, 0) != OTHER]


@pytest.mark.parametrize(
    ("service", "number", "name"),
    [
        (Service.NFS, (100003, 3, 6), "read"),
        (Service.NFS, (NFSACL, 3, 1), "acl_getacl"),
        (Service.NFS, (100005, 3, 1), OTHER),
        (Service.MOUNTD, (100005, 3, 1), "mnt"),
        (Service.MOUNTD, (NFSACL, 3, 1), OTHER),
        (Service.NLOCKMGR, (100021, 4, 2), "lock"),
    ],
)
def test_a_service_names_only_its_own_procedures(
    service: Service, number: tuple[int, int, int], name: str
) -> None:
    assert procedure_at(service, *number) == name
