"""What goes wrong at the host: its configuration, its NFS server, its portmapper."""

from typing import Final

from hostnfsd.doctor.catalogue.entry import Entry

ENTRIES: Final = (
    Entry(
        "config-invalid",
        "the configuration cannot be used",
        ("hostnfsd: {path}: {n} errors",),
        "The file has errors; nothing of it is used.",
        ("mend what this names:", "$ hostnfsd check"),
        (),
    ),
    Entry(
        "config-missing",
        "there is no configuration",
        ("hostnfsd: no configuration found; searched: {any}", "hostnfsd: {path} is not there"),
        "hostnfsd does not know a gateway yet; one line is a whole configuration. Or it looks in"
        " another home than yours: with sudo that is root's, and a service has one of its own.",
        (
            "let it be written from what is found here:",
            "$ hostnfsd init",
        ),
        (),
    ),
    Entry(
        "server-down",
        "the NFS server does not run",
        (
            "nfsd is not running",
            "connect_to {host} port {port}: failed.",
            "nfs on this host ({host}:{port}): connection refused",
            "mount.nfs: portmap query failed: RPC: Unable to receive - Connection reset by peer",
            "mount.nfs: portmap query failed: RPC: Program not registered",
        ),
        "Nobody listens at the port of NFS on the host. Through a plain `ssh -R` the client's"
        " connection is accepted and then reset, which mount.nfs calls a failed portmap query.",
        (
            "macOS:",
            "$ sudo nfsd enable",
            "Linux:",
            "$ sudo systemctl enable --now nfs-server",
        ),
        ("D1", "B7", "P4"),
    ),
    Entry(
        "service-down",
        "a service that mounts need does not run",
        (
            "mountd on this host ({host}:{port}): connection refused",
            "requested RPC program is not registered",
            "clnt_create: RPC: Program not registered",
            "mount.nfs: portmap query failed: RPC: Program not registered",
        ),
        "NFS itself answers, and one of its companions does not: mountd has ended.",
        (
            "start it again",
            "macOS:",
            "$ sudo nfsd stop; sudo nfsd start",
            "Linux:",
            "$ sudo systemctl restart nfs-server",
        ),
        ("D5",),
    ),
    Entry(
        "nfsd-restart-broken",
        "nfsd restart fails (macOS 14.4 to 14.6)",
        (
            'Could not kickstart service "com.apple.nfsd": 1: Operation not permitted',
            "/bin/launchctl exited with status 1",
        ),
        "From March to September 2024 launchctl refused to restart Apple's own services, and `nfsd"
        " restart` uses it. Reading the exports anew, and stopping and starting, still work.",
        (
            "have the exports read without a restart, or stop and start:",
            "macOS:",
            "$ sudo nfsd update",
            "Linux:",
            "$ sudo exportfs -ra",
        ),
        ("T16",),
    ),
    Entry(
        "server-not-enabled",
        "the NFS server runs, and will not after a restart of the machine",
        ("nfsd service is disabled",),
        "It was started by hand.",
        ("macOS:", "$ sudo nfsd enable", "Linux:", "$ sudo systemctl enable nfs-server"),
        (),
    ),
    Entry(
        "rpcbind-down",
        "the host's rpcbind does not answer",
        (
            "Can't contact rpcbind on {host}",
            "rpcinfo: can't contact rpcbind: RPC: Remote system error - Connection refused",
            "rpcinfo: can't contact portmapper: RPC: Timed out",
            "the host's rpcbind cannot be asked",
        ),
        "Without rpcbind nobody can tell the port of mountd. macOS starts it with the first server"
        " that registers; if it hangs, launchd starts a new one, and servers must register anew.",
        (
            "macOS:",
            "$ sudo launchctl stop com.apple.rpcbind && sudo nfsd update",
            "Linux:",
            "$ sudo systemctl restart rpcbind nfs-server",
        ),
        ("D4",),
    ),
    Entry(
        "not-registered",
        "a service runs, and rpcbind does not know it",
        (
            "RPC: Program not registered",
            "clnt_create: RPC: Program not registered",
            "requested RPC program is not registered",
        ),
        "rpcbind was restarted after the service had registered, and forgot it. hostnfsd finds the"
        " service at the port it had, or usually has; others do not.",
        (
            "let it register anew",
            "macOS:",
            "$ sudo nfsd update",
            "Linux:",
            "$ sudo systemctl restart nfs-server",
        ),
        ("T15",),
    ),
    Entry(
        "stale-registration",
        "rpcbind lists a service that is not there",
        ("rpcinfo lists the program, and its port refuses",),
        "rpcbind answers from its own table. A server that was killed leaves its rows there, so"
        " that"
        " `rpcinfo` goes on listing it.",
        (
            "start it again",
            "macOS:",
            "$ sudo nfsd stop; sudo nfsd start",
            "Linux:",
            "$ sudo systemctl restart nfs-server",
        ),
        ("T8", "B3"),
    ),
    Entry(
        "host-port-moved",
        "a service is not at the port that the configuration names",
        ("mountd on this host ({host}:{port}): connection refused",),
        "Without a fixed port (nfs.server.mount.port in /etc/nfs.conf, [mountd] port= on Linux)"
        " mountd binds a new one at every start. lockd and statd read nfs.conf only when they"
        " start,"
        " and `nfsd restart` does not restart them: changed ports take effect after a reboot.",
        (
            (
                'set host_port = "auto" for it in [services], or leave host_port out: hostnfsd then'
                " follows it"
            ),
            "$ hostnfsd reload",
        ),
        ("T2", "T7", "D5"),
    ),
    Entry(
        "service-frozen",
        "a service accepts and never answers",
        (
            "accepted, and did not answer within {n} s",
            "did not answer within {n} s",
            "mount.nfs: Connection timed out",
            "mount.nfs: mount system call failed",
            "rpc mount export: RPC: Timed out",
        ),
        "It hangs: stopped, overloaded, waiting for a disk. Its kernel goes on accepting, so only a"
        " call that is answered shows that it lives.",
        (
            "start it again",
            "macOS:",
            "$ sudo nfsd stop; sudo nfsd start",
            "Linux:",
            "$ sudo systemctl restart nfs-server",
        ),
        ("P1", "P4"),
    ),
    Entry(
        "foreign-service",
        "another program answers at a service's port",
        (
            "another RPC service answers there: program {n} is not known to it",
            "answered with something that is no RPC reply",
            "PROG_UNAVAIL",
        ),
        "The port belongs to somebody else now, or the configuration names the wrong one.",
        ("see who is where, and set host_port or leave it out:", "$ rpcinfo -p"),
        ("D5",),
    ),
    Entry(
        "no-version-3",
        "the server has no version that clients mount with",
        (
            "has versions {n} to {n} of {any} only",
            "PROG_MISMATCH",
            "nothing has to: NFS of this host has no version 3",
        ),
        "Clients are told to mount with version 3 of NFS and of MOUNT. The server is set to"
        " another. One of version 4 alone has no mountd.",
        (
            (
                "let it offer version 3 (Linux: vers3=y in [nfsd] of /etc/nfs.conf; ganesha:"
                " Protocols); or do without: mountd = false in [services], and mount as this"
                " prints:"
            ),
            "$ hostnfsd mount --for linux --vers 4 PATH",
        ),
        ("D3",),
    ),
    Entry(
        "grace-period",
        "a server that has just started lets clients wait",
        (
            "NFS Server Now IN GRACE, duration {n}",
            "NFSD: starting {n}-second grace period",
            "NFS4ERR_GRACE",
        ),
        "After a start, a server of version 4 gives clients time to take back what they had locked:"
        " 90 s by default. Until then it grants nothing new: mounts and reads work, and what opens"
        " or makes a file hangs; with nfs-ganesha for clients of version 3, too.",
        (
            (
                "wait, or let it be shorter. nfs-ganesha: Graceless = true (or Grace_Period) in"
                " NFSv4 of ganesha.conf; Linux: grace-time=10 and lease-time=10 in [nfsd] of"
                " /etc/nfs.conf"
            ),
            "Linux:",
            "$ sudo systemctl restart nfs-server",
        ),
        ("B21",),
    ),
)
