"""The fixed port set, as the specification names it."""

from hostnfsd.services import FACTS, Service


def test_the_port_set_is_the_specified_one() -> None:
    assert {s: (f.program, f.gateway_port, f.required) for s, f in FACTS.items()} == {
        Service.RPCBIND: (100000, 111, True),
        Service.NFS: (100003, 2049, True),
        Service.MOUNTD: (100005, 20048, True),
        Service.NLOCKMGR: (100021, 32803, False),
        Service.STATUS: (100024, 662, False),
        Service.RQUOTAD: (100011, 875, False),
    }


def test_services_are_shown_by_their_names() -> None:
    assert [str(service) for service in FACTS] == [
        "rpcbind", "nfs", "mountd", "nlockmgr", "status", "rquotad",
    ]  # fmt: skip
