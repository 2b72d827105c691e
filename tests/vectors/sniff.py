"""Writes every IP packet that a network namespace sees to a file: length, then the packet.

Run inside the box: ``python sniff.py FILE``. Packets of the loopback interface appear twice.
"""

import socket
import struct
import sys
from pathlib import Path

_ETH_P_ALL = 0x0003  # linux/if_ether.h
_LARGEST = 256 * 1024  # offloads join packets


def main() -> None:
    """Until killed."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    with Path(sys.argv[1]).open("wb", buffering=0) as file:
        while True:
            packet = raw.recv(_LARGEST)
            file.write(struct.pack(">I", len(packet)) + packet)


main()
