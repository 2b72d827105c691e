"""The fixed NFS port set: six ONC RPC services, their program numbers and gateway ports.

Program numbers are IANA's (RFC 5531 section 8.3). The gateway ports are hostnfsd's own fixed
set: the numbers clients dial, whatever port the service has on the host today.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Service(StrEnum):
    """A member of the fixed NFS port set, by its name in configuration and metrics."""

    RPCBIND = "rpcbind"
    NFS = "nfs"
    MOUNTD = "mountd"
    NLOCKMGR = "nlockmgr"
    STATUS = "status"
    RQUOTAD = "rquotad"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a service before any configuration is read.

    Attributes:
        program: ONC RPC program number.
        gateway_port: TCP port on the gateway unless configured otherwise.
        required: whether a mount with ``nolock`` needs it.
    """

    program: int
    gateway_port: int
    required: bool


FACTS: Final[Mapping[Service, Facts]] = MappingProxyType(
    {
        Service.RPCBIND: Facts(program=100000, gateway_port=111, required=True),
        Service.NFS: Facts(program=100003, gateway_port=2049, required=True),
        Service.MOUNTD: Facts(program=100005, gateway_port=20048, required=True),
        Service.NLOCKMGR: Facts(program=100021, gateway_port=32803, required=False),
        Service.STATUS: Facts(program=100024, gateway_port=662, required=False),
        Service.RQUOTAD: Facts(program=100011, gateway_port=875, required=False),
    }
)
