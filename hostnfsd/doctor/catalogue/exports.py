"""What goes wrong with exports: the file, whom they admit, what they let clients do."""

from typing import Final

from hostnfsd.doctor.catalogue.entry import DENIED, Entry

_APPLY: Final = ("macOS:", "$ sudo nfsd update", "Linux:", "$ sudo exportfs -ra")

ENTRIES: Final = (
    Entry(
        "exports-missing",
        "there is no exports file",
        ("exportfs: can't open {path} for reading", "nfsd: Can't open {path}"),
        "Nothing is exported, and nobody is let in at the gateway. On a Mac nfsd runs only while"
        " /etc/exports is there. A server that keeps its exports elsewhere, such as nfs-ganesha,"
        " needs no such file.",
        (
            (
                'set exports = "none" in [host], and [access] allow, if the server keeps its'
                " exports elsewhere; else let one line admit the host itself"
            ),
            "macOS:",
            "$ echo '/FOLDER -mapall=501:20 localhost' | sudo tee -a /etc/exports",
            "$ sudo nfsd update",
            "Linux:",
            "$ echo '/FOLDER 127.0.0.1(rw,no_subtree_check)' | sudo tee -a /etc/exports",
            "$ sudo exportfs -ra",
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
        "full-disk-access",
        "macOS does not let a program write or read there",
        (
            "tee: {path}: Operation not permitted",
            "sed: {path}: Operation not permitted",
            "cp: {path}: Operation not permitted",
            'sandbox_check failed. nfsd has no read access to "{path}"',
        ),
        "Since macOS 10.14 even root may not write /etc/exports from a program without Full Disk"
        " Access; and nfsd serves nothing below Documents, Desktop, Downloads or an external drive"
        " without it.",
        (
            (
                "in System Settings, Privacy and Security, Full Disk Access, add the terminal that"
                " writes, or /sbin/nfsd that serves"
            ),
        ),
        ("T17",),
    ),
    Entry(
        "not-exportable",
        "that file system cannot be exported",
        (
            "exportfs: {path} does not support NFS export",
            "exportfs: {path} requires fsid= for NFS export",
            "kernel export registration failed: NFS exporting not supported by fstype {any}",
        ),
        "The server hands out file handles that must be good tomorrow, which overlay file systems"
        " (the root of a container), FUSE (sshfs, Docker Desktop's shared folders) and other"
        " network mounts cannot make. A server inside the gateway's container cannot share what is"
        " mounted into it so: let the host's own server export it, and hostnfsd carry it.",
        (
            (
                "export a folder of a local disk (APFS, ext4, xfs, btrfs), on the host itself; of"
                " tmpfs and FUSE some can be exported with fsid=NUMBER among the options (Linux)"
            ),
        ),
        (),
    ),
    Entry(
        "not-applied",
        "the server exports something else than its file says",
        ("the file exports it, the server does not: the file changed since it was read",),
        "Neither server notices that its exports file was edited.",
        ("have it read", *_APPLY),
        (),
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
        "exports-deny",
        "no export admits the address that hostnfsd dials from",
        (
            *DENIED,
            "no export admits {host}: mounting {path} was refused with MNT3ERR_ACCES",
            "refused mount request from {host} for {path} ({path}): unmatched host",
            (
                "mount.nfs: mounting {host}:{path} failed, reason given by server: No such file or"
                " directory"
            ),
            (
                "failed to mount local volume: mount {path}:{path}, data: {path}: no such file or"
                " directory"
            ),
            "Mount failed: {host} /{path}",
            (
                "failed to mount local volume: mount {path}:{path}, data: {path}: operation not"
                " permitted"
            ),
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
        "nobody-admitted",
        "hostnfsd lets nobody in",
        (
            "hostnfsd: access_denied_to_all",
            *DENIED,
            "no export admits the address that hostnfsd dials from",
        ),
        "By default whoever the exports admit may come in. An export that names only the host"
        " itself"
        " admits the networks next to the gateway, which are unknown where it runs no commands;"
        " wildcards and netgroups are not judged. Clients print `access denied by server`.",
        (
            'name the clients\' network: allow = ["172.22.0.0/16"] in [access]',
            "$ hostnfsd reload",
        ),
        ("T5",),
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
        "reserved-port",
        "the server wants source ports below 1024, and hostnfsd may not have one",
        (
            *DENIED,
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
            "root of a client, as most containers have it, may not look into it",
            "ls: reading directory '{path}': Operation not permitted",
            'sandbox_check failed. nfsd has no read access to "{path}"',
        ),
        "The user as whom the server acts for clients may not look at the folder: its mode and the"
        " map rules of the export (root becomes nobody by default), or on a Mac the privacy rules:"
        " /sbin/nfsd needs Full Disk Access for Documents, Desktop, Downloads and external drives.",
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
        "root-squashed",
        "clients act as somebody who may not write",
        (
            "touch: cannot touch '{path}': Permission denied",
            "chown: changing ownership of '{path}': Operation not permitted",
            "chown: {path}: Operation not permitted",
            "mkdir: cannot create directory '{path}': Permission denied",
            "Permission denied",
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
        "read-only",
        "it is exported, or mounted, for reading only",
        (
            "Read-only file system",
            "touch: cannot touch '{path}': Read-only file system",
            "NFS3ERR_ROFS",
        ),
        "The export says ro (of an export of macOS with an option that nfsd does not know, the rest"
        " of the list is ignored, and it is read and write), or the client has mounted it so:"
        " `ro`, readOnly of a volume, ReadOnlyMany of a claim.",
        (
            "see what the exports say, and take ro out of the line if clients are to write:",
            "$ hostnfsd exports",
            *_APPLY,
        ),
        (),
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
)
