"""What is known to go wrong: the list that the catalogue is held against. Pure.

``T``: what went wrong in the set-up that this project was made for, and in others like it, from the
root causes in the servers' sources. ``D``: what a probe from the host can see. ``B``: seen on the
test bed, through a plain ``ssh -R``. ``P``: what users of tunnel keepers complain of most.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "T1": "mountd's UDP port was forwarded instead of its TCP port: long hang, refused",
        "T2": "mountd has a new port after each start of nfsd",
        "T3": "mount.nfs asks for mountd over UDP first",
        "T4": "the macOS server has no version 4: Protocol not supported, three times",
        "T5": "mountd wants a reserved source port, or no export admits us: Permission denied",
        "T6": "no export matches 127.0.0.1: nfsd closes the connection, Connection reset by peer",
        "T7": "lockd and statd ignore changed ports in nfs.conf until they are restarted",
        "T8": "rpcbind goes on listing a server that is gone or refuses",
        "T9": "no CAP_SYS_ADMIN: Operation not permitted; no nolock: rpc.statd is not running",
        "T10": "rpcinfo at the gateway is refused though port 111 is open",
        "T11": "no change events over NFS",
        "T12": "macOS 13: reads of more than 200 kB hang",
        "T13": "traps of the exports file: options, masks with host bits",
        "T14": "map rules: chown fails, root may not write",
        "T15": "rpcbind was restarted: servers must register again",
        "T16": "macOS 14.4 broke nfsd restart",
        "T17": "privacy rules of macOS: who writes /etc/exports, and nfsd, need Full Disk Access",
        "D1": "TCP 2049 refused: nfsd down",
        "D2": "NULL is answered by the end of the connection: exports admit no 127.0.0.1",
        "D3": "NULL of version 3 answered, of version 4 a mismatch: normal for macOS",
        "D4": "111 refused: no rpcbind",
        "D5": "mountd is not at the configured port",
        "D6": "MNT: AUTH_TOOWEAK",
        "D7": "MNT: status 13",
        "D8": "MNT granted, FSINFO or READDIRPLUS fails: stale, offline, privacy, mapping",
        "D9": "all well at the host, the gateway refuses: not listening, GatewayPorts",
        "D10": "the gateway accepts and closes, all well at the host: wrong target, ssh stuck",
        "B1": "PrivilegedPort: MOUNT granted, NFS AUTH_ERROR 5: access denied",
        "B2": "an export limited by network: MOUNT answers 13, EXPORT hides it",
        "B3": "rows of a killed server stay in rpcbind",
        "B4": "no nolock: rpc.statd is not running",
        "B5": "a server of version 3, mountd not forwarded: Protocol not supported",
        "B6": "the same with vers=3: Connection refused after 125 s",
        "B7": "nothing behind a forwarded 2049: portmap query failed, reset by peer",
        "B8": "a list of networks: access denied",
        "B9": "a forwarded rpcbind sends rpcinfo and showmount to the host",
        "B10": "ssh -N -R: reads 5 to 14 times slower",
        "B11": "a frozen ssh holds the ports; clients that connect hang",
        "B12": "soft mounts: EIO",
        "B13": "a client's own reconnect delay grows",
        "B14": "removed files still exist for a minute (Attr_Expiration_Time)",
        "B15": "version 4 with PrivilegedPort: ENOENT",
        "B16": "version 4 without a name server: 21 s",
        "B17": "mount.nfs retries a refused mount for two minutes",
        "B19": "no NFS over UDP",
        "B20": "a client's kernel without NFS",
        "B21": "a server that has just started is in grace: what changes files waits up to 90 s",
        "P1": "process alive, tunnel dead",
        "P2": "sleep and wake of laptops",
        "P3": "the remote port is still held by the dead session",
        "P4": "reported healthy while broken",
        "P5": "dies at boot because the network is not up yet",
        "P6": "throughput and latency of the shared pipe",
        "P8": "launchd and service quirks: version skew, agents, keys",
        "P9": "sshd locks out the client that retries (PerSourcePenalties)",
        "P10": "GatewayPorts and bind addresses in containers",
        "P11": "the name is resolved once",
        "P15": "unmount hangs, stale handles, Docker's VM pauses",
        "P16": "traps of ControlMaster",
    }
)

#: Pains of other tunnels that cannot be met here, and why.
NOT_MET: Final[Mapping[str, str]] = MappingProxyType(
    {
        "P7": "memory and processor growth: every connection has a bounded buffer, and is tested"
        " so",
        "P12": "a reload disturbs other tunnels: it changes only what differs, and is tested so",
        "P13": "noise in the log: transitions once, a lasting failure one line a minute",
        "P14": "half-close is lost: it is preserved, and is tested so",
    }
)
