"""What goes wrong at the host: its NFS server, its portmapper, its exports."""

from typing import Final

from hostnfsd.doctor.catalogue.entry import Entry

_DENIED: Final = (
    "mount.nfs: access denied by server while mounting {host}:{path}",
    "access denied by server",
    "mount.nfs: mount(2): Permission denied",
    "mount_nfs: can't mount {path} from {host} onto {path}: Permission denied",
)
_APPLY: Final = ("macOS:", "$ sudo nfsd update", "Linux:", "$ sudo exportfs -ra")

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
        "hostnfsd does not know a gateway yet. One line is a whole configuration.",
        (
            "write one, where dev-gw is a Host of your ssh_config:",
            (
                "$ mkdir -p ~/.config/hostnfsd && echo '[gateway.dev-gw]' >"
                " ~/.config/hostnfsd/hostnfsd.toml"
            ),
        ),
        (),
    ),
    Entry(
        "exports-missing",
        "there is no exports file",
        ("exportfs: can't open {path} for reading", "nfsd: Can't open {path}"),
        "Nothing is exported. On a Mac nfsd runs only while /etc/exports is there.",
        (
            (
                "write one that admits the host itself, such as `/Users/me/src -mapall=501:20"
                " localhost`"
                " (macOS) or `/srv/src 127.0.0.1(rw,all_squash,anonuid=1000,anongid=1000)` (Linux)"
            ),
            *_APPLY,
        ),
        (),
    ),
    Entry(
        "exports-invalid",
        "the exports file has errors",
        (
            "exports:{n}: {any}",
            'exportfs: {path}:{n}: unknown keyword "{any}"',
            "exportfs: No options for {any}: suggest {any}(sync) to avoid warning",
            "unrecognized export option: {any}",
            "couldn't get address for host",
            "no valid hosts found for export",
            "conflicts with existing export {path}",
        ),
        "What the server cannot read is not exported, or is exported otherwise than you meant:"
        " macOS"
        " ignores the rest of a list of options after one it does not know. A mask with host bits"
        " (-network 192.168.64.1 -mask 255.255.255.0) passes every check there and admits nobody.",
        ("mend the line that is named", *_APPLY),
        ("T13",),
    ),
    Entry(
        "server-down",
        "the NFS server does not run",
        (
            "nfsd is not running",
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
        "NFS itself answers, and one of its companions does not: mountd has ended, or the server"
        " offers version 4 alone, which needs none.",
        (
            "start it again",
            "macOS:",
            "$ sudo nfsd restart",
            "Linux:",
            "$ sudo systemctl restart nfs-server",
        ),
        ("D5",),
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
            "$ sudo launchctl kickstart -k system/com.apple.rpcbind && sudo nfsd update",
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
            "$ sudo nfsd restart",
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
        "connection-closed",
        "the server closes connections before it answers",
        (
            "closed the connection before it answered",
            "mount.nfs: portmap query failed: RPC: Unable to receive - Connection reset by peer",
            "RPC: Unable to receive; errno = Connection reset by peer",
            "Connection reset by peer",
        ),
        "macOS's kernel accepts a connection to NFS only if some export matches its source address,"
        " and closes it at once if none does. Through a tunnel the server sees the host itself: an"
        " export with only `-network 172.22.0.0 -mask 255.255.0.0` admits the pods and not the"
        " host.",
        (
            "let an export admit the host itself: `/folder -mapall=501:20 localhost`",
            "$ sudo nfsd update",
        ),
        ("T6", "D2"),
    ),
    Entry(
        "exports-deny",
        "no export admits the address that hostnfsd dials from",
        (
            *_DENIED,
            "no export admits {host}: mounting {path} was refused with MNT3ERR_ACCES",
            "refused mount request from {host} for {path} ({path}): unmatched host",
            "Mount failed: {host} {path}",
            "exports nothing to {host}",
        ),
        "Through any tunnel the server sees the host itself as its client, not the pod. An export"
        " that names only the pods' network admits nobody who comes through. macOS answers every"
        " mount that fails so, also for a path that is not exported, is no directory, leads through"
        " a symbolic link, or lies below an export without -alldirs.",
        (
            (
                "let an export admit the host itself: macOS `/folder localhost`, Linux"
                " `/folder 127.0.0.1(rw)`"
            ),
            *_APPLY,
        ),
        ("T5", "D7", "B2", "B8"),
    ),
    Entry(
        "nothing-exported",
        "the server exports nothing",
        ("Export list for {host}:", "exports nothing to {host}"),
        "mountd has an empty list for us: the exports file is empty, was not read since it changed,"
        " its folders do not exist, or no export admits the host itself: nfs-ganesha tells of an"
        " export only whom it admits, and through any tunnel the server sees the host.",
        (
            (
                "let an export admit the host itself (127.0.0.1, localhost), and have the server"
                " read it"
            ),
            *_APPLY,
        ),
        ("B2",),
    ),
    Entry(
        "reserved-port",
        "the server wants source ports below 1024, and hostnfsd may not have one",
        (
            *_DENIED,
            "refuses MNT: AUTH_ERROR, AUTH_TOOWEAK",
            "AUTH_ERROR, AUTH_TOOWEAK",
            "refused mount request from {host} for {path} ({path}): illegal port {n}",
            (
                "mount.nfs: mounting {host}:{path} failed, reason given by server: No such file or"
                " directory"
            ),
        ),
        "mountd of macOS (nfs.server.mount.require_resv_port, 1 by default) and Linux's `secure`"
        " exports (the default) refuse calls from ports above 1023 with AUTH_TOOWEAK; version 4"
        " then sees no such file. ssh dials from such ports, always. hostnfsd dials mountd and nfs"
        " from low ports where it has the right to.",
        (
            "give hostnfsd the right: as root, as launchd daemon, as the systemd system service",
            "$ sudo hostnfsd install --system",
            (
                "or let the server do without: `nfs.server.mount.require_resv_port = 0` in"
                " /etc/nfs.conf"
                " (macOS), `insecure` among the export's options (Linux)"
            ),
        ),
        ("T5", "D6", "B1", "B15"),
    ),
    Entry(
        "root-refused",
        "an export can be mounted, and its root may not be looked at",
        (
            "refuses FSINFO on the root of {path}: NFS3ERR_ACCES",
            "refuses GETATTR on the root of {path}: NFS3ERR_PERM",
            "ls: cannot open directory '{path}': Permission denied",
            "ls: reading directory '{path}': Operation not permitted",
            'sandbox_check failed. nfsd has no read access to "{path}"',
        ),
        "The user as whom the server acts for us may not look at the folder: its mode, the map"
        " rules"
        " of the export, or on a Mac the privacy rules: /sbin/nfsd needs Full Disk Access for"
        " Documents, Desktop, Downloads and external drives.",
        (
            (
                "map clients to the folder's owner (-mapall=501:20;"
                " all_squash,anonuid=…,anongid=…), or"
                " give /sbin/nfsd Full Disk Access in System Settings"
            ),
            *_APPLY,
        ),
        ("D8",),
    ),
    Entry(
        "stale-handle",
        "the server does not know the file any more",
        (
            "Stale file handle",
            "Stale NFS file handle",
            "mount.nfs: Stale file handle",
            "refuses FSINFO on the root of {path}: NFS3ERR_STALE",
            "NFS3ERR_STALE",
            "NFS3ERR_BADHANDLE",
        ),
        "The file or the export that the client holds is gone: the folder was removed and made"
        " anew,"
        " the disk was taken out, the export was taken away, an editor replaced the file.",
        (
            "have the server read its exports anew, then mount again on the client",
            *_APPLY,
        ),
        ("D8", "P15"),
    ),
    Entry(
        "export-offline",
        "the server asks to try again later",
        ("NFS3ERR_JUKEBOX", "refuses FSINFO on the root of {path}: NFS3ERR_JUKEBOX"),
        "The exported volume is not there now, or its export is marked offline.",
        ("bring the volume back",),
        ("D8",),
    ),
    Entry(
        "service-frozen",
        "a service accepts and never answers",
        (
            "accepted, and did not answer within {n} s",
            "did not answer within {n} s",
            "mount.nfs: Connection timed out",
            "mount.nfs: mount system call failed",
        ),
        "It hangs: stopped, overloaded, waiting for a disk. Its kernel goes on accepting, so only a"
        " call that is answered shows that it lives.",
        (
            "start it again",
            "macOS:",
            "$ sudo nfsd restart",
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
        ("has versions {n} to {n} of {any} only", "PROG_MISMATCH"),
        "Mounts through the tunnel use version 3 of NFS and of MOUNT. The server is set to"
        " another.",
        ("let it offer version 3 (Linux: vers3=y in [nfsd] of /etc/nfs.conf; ganesha: Protocols)",),
        ("D3",),
    ),
    Entry(
        "root-squashed",
        "clients act as somebody who may not write",
        (
            "touch: cannot touch '{path}': Permission denied",
            "chown: changing ownership of '{path}': Operation not permitted",
            "chown: {path}: Operation not permitted",
            "mkdir: cannot create directory '{path}': Permission denied",
            "Permission denied",
            "Read-only file system",
        ),
        "Users are numbers, and the server maps some of them: root becomes nobody by default, and"
        " with -mapall or all_squash everybody becomes one account, which then owns all that is"
        " written, so that chown fails (databases' entrypoints try it).",
        (
            (
                "map clients to the account that owns the folder: -mapall=501:20 (macOS),"
                " all_squash,anonuid=1000,anongid=1000 (Linux)"
            ),
            *_APPLY,
        ),
        ("T14",),
    ),
    Entry(
        "not-applied",
        "the server exports something else than its file says",
        ("the file exports it, the server does not: the file changed since it was read",),
        "Neither server notices that its exports file was edited.",
        ("have it read", *_APPLY),
        (),
    ),
)
