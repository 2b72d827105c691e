"""Failures of the catalogue that cannot be produced on the test bed, and why: half a sentence."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_MAC: Final = "it is macOS's own, and there is no Mac here"

NOT_PRODUCED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nfsd-restart-broken": f"{_MAC}; its words are from reports of those whom it met",
        "full-disk-access": f"{_MAC}; Linux has no privacy rules that stop root",
        "large-transfers-hang": (
            "the nfsd of macOS 13 alone fails so; the servers of the test bed answer reads of a"
            " megabyte"
        ),
        "not-exportable": (
            "nfs-ganesha makes handles by itself; a kernel's server says so, which the machine of"
            " the tests has not"
        ),
        "doctor-bug": (
            "no check is known to break; that one which does is told so, and the others go on, is"
            " tested with checks that do"
        ),
        "export-offline": (
            "only a Mac's exports can be marked offline, and nfs-ganesha calls a volume that is"
            " gone a stale handle"
        ),
    }
)
