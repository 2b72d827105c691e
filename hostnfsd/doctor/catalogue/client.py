"""What goes wrong where an export is mounted."""

from typing import Final

from hostnfsd.doctor.catalogue.entry import DENIED, Entry

_MOUNT: Final = "$ hostnfsd mount --for linux PATH"

ENTRIES: Final = (
    Entry(
        "no-nolock",
        "the mount asks for locks",
        (
            "mount.nfs: rpc.statd is not running but is required for remote locking.",
            "mount.nfs: Either use '-o nolock' to keep locks local, or start statd.",
            "rpc.statd is not running",
            "No locks available",
            "nfs server {host}:{path}: lockd not responding",
            "can't mount with remote locks when server ({host}) is not running rpc.statd",
        ),
        "Without nolock, mount.nfs wants an rpc.statd on the client, and the server would have to"
        " call back to grant locks. It sees the host itself as its client, so that such calls"
        " cannot travel back through any tunnel. In Kubernetes, inline nfs volumes of a pod take"
        " no mount options at all: use a PersistentVolume or a StorageClass, which do.",
        (
            "mount with nolock, as in what this prints:",
            _MOUNT,
        ),
        ("T9", "B4"),
    ),
    Entry(
        "version-4",
        "the client tries version 4, which the server does not have",
        (
            "mount.nfs: Protocol not supported",
            "Protocol not supported",
            "mount.nfs: requested NFS version or transport protocol is not supported",
            "mount.nfs: mount(2): Protocol not supported",
            "vers=4.2,addr={host},clientaddr={host} mount(2): Protocol not supported",
            (
                "failed to mount local volume: mount {path}:{path}, data: {path}: protocol not"
                " supported"
            ),
            "trying text-based options 'vers=4.1,addr={host},clientaddr={host}'",
            "an incorrect mount option was specified",
        ),
        "A client that is not told a version tries 4.2, 4.1 and 4.0 first. macOS's server has"
        " versions 2 and 3 only, and so has any server that is set so. That is no fault of the"
        " server or of the tunnel.",
        (
            "mount with vers=3,proto=tcp, as in what this prints:",
            _MOUNT,
        ),
        ("T4", "B5", "D3"),
    ),
    Entry(
        "mountd-port",
        "the client dials mountd at a port that nobody carries",
        (
            "mount.nfs: Connection refused",
            "Connection refused",
            "mount.nfs: mount to NFS server '{host}' failed: RPC Error: Unable to receive",
            "mount.nfs: portmap query failed: RPC: Remote system error - Connection refused",
            "failed to mount local volume: mount {path}:{path}, data: {path}: connection refused",
        ),
        "mountd has a port of its own, and without nfs.server.mount.port (macOS) a new one at every"
        " start of nfsd; `rpcinfo -p` lists its UDP port beside the TCP one, and a tunnel carries"
        " TCP only. A client that dials the wrong one is refused, takes that for temporary and"
        " tries again for two minutes: it looks as if it hung. Through hostnfsd the gateway's port"
        " of mountd is always the same, whatever the host's is.",
        (
            "mount with the gateway's own port, as in what this prints (retry=0 fails at once):",
            _MOUNT,
        ),
        ("T1", "T2", "B6", "B17"),
    ),
    Entry(
        "udp-first",
        "the client tries UDP first",
        (
            "prog 100005, trying vers=3, prot=17",
            "mount.nfs: portmap query retrying: RPC: Timed out",
            "mount.nfs: portmap query retrying: RPC: Unable to receive - Connection refused",
            # Over TCP it is called a remote system error.
            "mount.nfs: portmap query failed: RPC: Unable to receive - Connection refused",
            "prog 100003, trying vers=3, prot=17",
            "mount.nfs: an incorrect mount option was specified for udp",
        ),
        "Without proto=tcp and mountproto=tcp, mount.nfs asks for mountd over UDP (prot=17) before"
        " it tries TCP (prot=6). SSH carries TCP only. It gets there after a while, or not at all.",
        (
            "mount with proto=tcp,mountproto=tcp, as in what this prints:",
            _MOUNT,
        ),
        ("T3", "B19"),
    ),
    Entry(
        "no-cap-sys-admin",
        "the container may not mount",
        (
            "mount.nfs: Operation not permitted",
            "Operation not permitted",
            "mount.nfs: mount(2): Operation not permitted",
            "mount: {path}: permission denied.",
            'mount: only root can use "--options" option',
            "mount.nfs: failed to apply fstab options",
            (
                "failed to mount local volume: mount {path}:{path}, data: {path}: operation not"
                " permitted"
            ),
        ),
        "mount(2) wants CAP_SYS_ADMIN, which containers do not have unless it is given to them. A"
        " client that tries versions one after the other reports the first error of all, so that"
        " this may hide behind other words. A rootless Docker may not mount NFS volumes at all; for"
        " any other it is the server that answers so.",
        (
            (
                "run as root, in a container with the capability (docker run --cap-add SYS_ADMIN;"
                " in a"
                " pod securityContext.capabilities.add: [SYS_ADMIN]); or let the node mount it,"
                " by a"
                " PersistentVolume or a Docker volume, for which the container needs nothing"
            ),
        ),
        ("T9",),
    ),
    Entry(
        "rpcbind-forwarded",
        "rpcinfo and showmount are sent to the host, where they cannot go",
        (
            "rpcinfo: can't contact portmapper: RPC: Remote system error - Connection refused",
            "{host}: RPC: Remote system error - Connection refused",
            "{host}: RPC: Remote system error - Network is unreachable",
            "rpcinfo: can't contact rpcbind: : RPC: Unable to receive; errno = Connection refused",
            (
                "clnt_create: RPC: Port mapper failure - Unable to receive: errno 111 (Connection"
                " refused)"
            ),
            "clnt_create: RPC: Port mapper failure - RPC: Unable to send",
            "clnt_create: RPC: Unable to receive",
            "RPC: Remote system error - No route to host",
        ),
        "An rpcbind that is merely forwarded lies: versions 3 and 4 answer with the host's own"
        " address, and rpcinfo and showmount then dial there, where pods have no way to go,"
        " although port 111 is open. A rpcinfo that failed over TCP shows the error of its attempt"
        " over UDP. hostnfsd answers the gateway's port 111 itself and tells the gateway's"
        " address.",
        (
            (
                'let hostnfsd answer: mode = "virtual" for services.rpcbind (the default),'
                " no ssh with RemoteForward 111 of your own; then compare:"
            ),
            "$ hostnfsd ports",
        ),
        ("T10", "B9"),
    ),
    Entry(
        "soft-mount",
        "a soft mount gives errors while the tunnel is away",
        (
            "Input/output error",
            "nfs: server {host} not responding, timed out",
        ),
        "With soft, calls that are not answered in timeo × retrans fail with EIO, and programs lose"
        " what they were writing. With hard they wait and go on: nothing is lost while the tunnel"
        " is away, however often.",
        ("mount with hard (the default of mount.nfs), as in what this prints:", _MOUNT),
        ("B12",),
    ),
    Entry(
        "client-waits",
        "the client waits for the server",
        (
            "nfs: server {host} not responding, still trying",
            "kernel: nfs: server {host} not responding, still trying",
            "nfs: server {host} OK",
        ),
        "Calls of a hard mount wait while nobody answers. The client dials again with growing"
        " pauses, so that it may go on some seconds after the tunnel is back. It loses nothing.",
        (
            "see whether the tunnel is away, and why:",
            "$ hostnfsd status",
        ),
        ("B13", "P1"),
    ),
    Entry(
        "unmount-hangs",
        "an unmount hangs, or says busy",
        (
            "umount.nfs: {path}: device is busy",
            "umount: {path}: target is busy.",
            "umount.nfs4: {path}: device is busy",
            "task umount:{n} blocked for more than {n} seconds.",
        ),
        "Somebody still works in it, or the server cannot be reached: unmounting asks the server,"
        " and a hard mount waits for the answer. Pods that are being deleted hang likewise.",
        (
            "bring the tunnel back; where that is not to be, give the mount up on the client:",
            "$ umount -f -l /MOUNT/POINT",
        ),
        ("P15",),
    ),
    Entry(
        "slow-reads",
        "reads are slow, writes are not",
        ("reads of small blocks take 40 ms each",),
        "sshd before 10.1 sets TCP_NODELAY on the SSH connection only once a session channel was"
        " opened. Through `ssh -N -R`, small requests wait 40 ms for delayed acknowledgements, and"
        " reads take 5 to 14 times as long as they need. hostnfsd opens such a channel at each"
        " connect, whatever command it is given (ForceCommand does no harm); it cannot where the"
        " gateway opens no sessions (MaxSessions 0).",
        (
            (
                "end tunnels of your own (ssh -N -R); let the gateway open sessions for our login"
                " (MaxSessions 1 or more), or use OpenSSH 10.1 or later there"
            ),
        ),
        ("B10", "P6"),
    ),
    Entry(
        "stale-attributes",
        "a change on the host is not seen at once",
        ("the file was changed on the host, the client still shows the old one",),
        "Clients keep attributes for 3 to 60 seconds (acregmin to acdirmax of nfs(5)), and servers"
        " such as nfs-ganesha keep them, too (Attr_Expiration_Time, 60 s by default).",
        (
            (
                "mount with actimeo=1 where freshness counts more than speed; nfs-ganesha:"
                " Attr_Expiration_Time = 0 in EXPORT_DEFAULTS"
            ),
        ),
        ("B14",),
    ),
    Entry(
        "no-events",
        "file watchers see nothing",
        (
            "inotify events are missing over NFS",
            "watch mode does not notice changes; hot reload does not work",
        ),
        "Change events do not cross NFS: the client's kernel does not know what the host changes.",
        (
            (
                "let the tool poll (CHOKIDAR_USEPOLLING=1, WATCHPACK_POLLING=true, --poll), and"
                " mount"
                " with actimeo=1"
            ),
        ),
        ("T11",),
    ),
    Entry(
        "no-nfs-client",
        "the client has no NFS",
        (
            "mount: unknown filesystem type 'nfs'.",
            (
                "bad option; for several filesystems (e.g. nfs, cifs) you might need a"
                " /sbin/mount.<type> helper program."
            ),
            "wrong fs type, bad option, bad superblock on {host}:{path}",
            "mount.nfs: No such device",
            "mount: mounting {host}:{path} on {path} failed: Invalid argument",
            "failed to mount local volume: mount {path}:{path}, data: {path}: no such device",
            "mount.nfs: not found",
        ),
        "The kernel of the client has no NFS (CONFIG_NFS), or mount.nfs is not installed there.",
        (
            (
                "install nfs-common (Debian, Ubuntu) or nfs-utils (Fedora, Alpine) where the"
                " mount is"
                " made; for a PersistentVolume that is the node"
            ),
        ),
        ("B20",),
    ),
    Entry(
        "slow-version-4",
        "mounts of version 4 take twenty seconds",
        ("mount -t nfs4 hangs for 21 seconds and then works",),
        "Version 4 maps names, and asks a name server that does not answer.",
        ("mount with vers=3, or give the client a name server that answers (/etc/resolv.conf)",),
        ("B16",),
    ),
    Entry(
        "large-transfers-hang",
        "reads of more than 200 kB hang (macOS hosts)",
        ("nfsd send error 40",),
        "macOS 13's nfsd fails on large replies; Linux asks for 1 MiB at a time by default.",
        ("mount with rsize=32768,wsize=32768",),
        ("T12",),
    ),
    Entry(
        "large-packets-lost",
        "small files can be read, large ones hang",
        (
            "the mount works, ls works, small files too; reading or writing large files hangs",
            "small files can be read, large ones hang",
        ),
        "A link on the way carries smaller packets than its ends believe: a VPN, an overlay"
        " network, a Docker network on top of one. What is too large vanishes without a word, and"
        " is sent again, as large. Whatever is small gets through: all of the doctor's calls do.",
        (
            "find the largest size that passes; 28 bytes of headers come on top of it:",
            "$ ping -c 1 -W 1 -M do -s 1372 GATEWAY",
            (
                "tell the gateway's interface in that network (a Docker network by its option"
                " com.docker.network.driver.mtu), then mount again:"
            ),
            "$ ip link set dev eth0 mtu 1400",
        ),
        (),
    ),
    Entry(
        "client-way-blocked",
        "the gateway reaches its own port, a client does not",
        (
            "mount.nfs: No route to host",
            "mount.nfs: Connection timed out",
            "mount.nfs: Network is unreachable",
            "mount.nfs: Failed to resolve server {host}: Name or service not known",
            "mount.nfs: Failed to resolve server {host}: Temporary failure in name resolution",
            "error resolving passed in network volume address: lookup {host}: no such host",
            (
                "error resolving passed in network volume address: lookup {host} on {host}: no such"
                " host"
            ),
            "failed to mount local volume: mount {path}:{path}, data: {path}: connection timed out",
            "failed to mount local volume: mount {path}:{path}, data: {path}: no route to host",
        ),
        "The forward is bound and answers from the gateway itself, but what lies between it and the"
        " client does not let the client through: a firewall of the gateway or of the node, a"
        " NetworkPolicy, another network, a name that does not resolve there.",
        (
            "try it where the mount is made, by its own shell:",
            "$ hostnfsd doctor --client 'docker exec NODE'",
        ),
        ("P10",),
    ),
    Entry(
        "client-not-admitted",
        "the gate does not let this client in",
        (
            *DENIED,
            "does not let this client in (AUTH_ERROR)",
            "hostnfsd: client_not_admitted",
        ),
        "hostnfsd lets in whom the exports admit, or whom [access] allow names. Whoever is"
        " refused is"
        " told so in his own protocol: the client prints `access denied by server`.",
        ("see who was refused, and what would let him in:", "$ hostnfsd status --clients"),
        ("T5",),
    ),
    Entry(
        "client-command",
        "the command that leads into the client failed",
        (
            "the client's shell could not be run",
            "Error response from daemon: No such container: {any}",
        ),
        "`--client` names a command to which `sh -c SCRIPT` is added, such as `docker exec NODE` or"
        " `kubectl exec POD --`.",
        ("try it by hand:", "$ docker exec NODE sh -c 'echo well'"),
        (),
    ),
)
