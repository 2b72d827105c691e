"""Addresses and blocks of addresses, and the old ways to write them.

inet_network(3) and inet_aton(3) take fewer parts than four, and octal and hexadecimal numbers;
servers use them, so ``10.1`` in an exports file means something, if not what was meant.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_BYTE: Final = 0xFF
_DIGITS: Final = {8: re.compile(r"[0-7]*"), 10: re.compile(r"[0-9]+"), 16: re.compile(r"[0-9a-f]*")}
_CLASS_A: Final = 0x80000000
_CLASS_B: Final = 0xC0000000


@dataclass(frozen=True, slots=True)
class Block:
    """A network as an exports file names it: an address and a mask of the same family.

    Attributes:
        address: as written; with bits outside of the mask it matches nobody.
        mask: need not be contiguous.
    """

    address: Address
    mask: Address

    def __contains__(self, address: Address) -> bool:
        """Whether the address, masked, is the network's: what servers compute."""
        if address.version != self.address.version:
            return False
        return int(address) & int(self.mask) == int(self.address)

    @property
    def host_bits(self) -> bool:
        """Whether the address has bits outside of the mask."""
        return int(self.address) & ~int(self.mask) != 0

    @property
    def prefix(self) -> int | None:
        """The length of the mask; None if it is not contiguous."""
        width = self.mask.max_prefixlen
        inverted = int(self.mask) ^ ((1 << width) - 1)
        return None if inverted & (inverted + 1) else width - inverted.bit_length()

    def masked(self) -> "Block":
        """The same network without host bits."""
        address = type(self.address)(int(self.address) & int(self.mask))
        return Block(address, self.mask)

    def __str__(self) -> str:
        tail = self.mask if self.prefix is None else self.prefix
        return f"{self.address}/{tail}"


def plain(address: Address) -> Address:
    """An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) as the IPv4 address it stands for."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse(text: str) -> Address | None:
    """An address in one of its usual forms; None if it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def prefix_mask(version: int, length: int) -> Address:
    """The mask with that many leading ones."""
    if version == 4:  # noqa: PLR2004  # the protocol's number
        return IPv4Address((0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF)
    whole = (1 << 128) - 1
    return IPv6Address((whole << (128 - length)) & whole)


def class_mask(address: IPv4Address) -> IPv4Address:
    """The mask that an address had before masks were written (RFC 791 section 3.2)."""
    if int(address) < _CLASS_A:
        return IPv4Address("255.0.0.0")
    if int(address) < _CLASS_B:
        return IPv4Address("255.255.0.0")
    return IPv4Address("255.255.255.0")


def _number(text: str) -> int | None:
    """A number as C writes it: decimal, 0 octal, 0x hexadecimal."""
    lower = text.lower()
    base = 16 if lower.startswith("0x") else 8 if lower.startswith("0") else 10
    digits = lower[2:] if base == 16 else lower  # noqa: PLR2004  # the base
    if not _DIGITS[base].fullmatch(digits):
        return None
    return int(digits or "0", base)


def network_number(text: str) -> IPv4Address | None:
    """inet_network(3) followed by inet_makeaddr(3) with host 0.

    ``127`` is 127.0.0.0, ``131.104.48`` is 131.104.48.0; ``255.255.255.255`` cannot be told from
    the error and is none.
    """
    numbers = [_number(part) for part in text.split(".")]
    if len(numbers) > 4:  # noqa: PLR2004  # bytes of an address
        return None
    value = 0
    for number in numbers:
        if number is None or number > _BYTE:
            return None
        value = value << 8 | number
    if value == 0xFFFFFFFF:  # noqa: PLR2004  # INADDR_NONE
        return None
    for bound, shift in ((1 << 7, 24), (1 << 16, 16), (1 << 24, 8)):
        if value < bound:
            return IPv4Address(value << shift)
    return IPv4Address(value)


def old_address(text: str) -> IPv4Address | None:
    """inet_aton(3), which getaddrinfo(3) uses too: ``10.1`` is 10.0.0.1."""
    numbers = [_number(part) for part in text.split(".")]
    if len(numbers) > 4:  # noqa: PLR2004  # bytes of an address
        return None
    value = 0
    for index, number in enumerate(numbers):
        last = index == len(numbers) - 1
        width = 8 * (5 - len(numbers)) if last else 8
        if number is None or number >= 1 << width:
            return None
        value = value << width | number
    return IPv4Address(value)
