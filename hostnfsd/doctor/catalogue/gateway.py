"""What goes wrong at the gateway: its forwards, and who else holds its ports."""

from typing import Final

from hostnfsd.doctor.catalogue.entry import Entry

_RECONNECT: Final = "$ hostnfsd reconnect"

ENTRIES: Final = (
    Entry(
        "forwarding-forbidden",
        "the gateway's sshd forbids the forward",
        (
            "the gateway's sshd forbids this forward: 'Server has disabled port forwarding.'",
            "Server has disabled port forwarding.",
            "administratively prohibited: open failed",
            "remote port forwarding failed for listen port {port}",
        ),
        "AllowTcpForwarding is no or local, DisableForwarding is set, or PermitListen or an"
        " authorized_keys option (permitlisten, restrict) leaves the port out. SSH itself has no"
        " word for the reason; sshd tells it in a debug message, which hostnfsd reads.",
        (
            (
                "on the gateway: AllowTcpForwarding yes in sshd_config, no DisableForwarding, and"
                " PermitListen or permitlisten with *:PORT for each port; restart its sshd"
            ),
            _RECONNECT,
        ),
        (),
    ),
    Entry(
        "low-port-forbidden",
        "the login on the gateway may not bind ports below 1024",
        (
            "the login on the gateway (uid {n}) may not bind port {port}",
            "remote port forwarding failed for listen port {port}",
            "bind [{host}]:{port}: Permission denied",
            "Privileged ports can only be forwarded by root.",
        ),
        "The kernel of the gateway decides. Docker's containers may (20.10 and later set the sysctl"
        " to 0); with --network host, nerdctl or a real machine they may not.",
        (
            "on the gateway:",
            "$ sysctl -w net.ipv4.ip_unprivileged_port_start=0",
            "or log in as root, or carry the service at a higher port",
        ),
        (),
    ),
    Entry(
        "port-busy",
        "a port is taken on the gateway",
        (
            "remote port forwarding failed for listen port {port}",
            "bind [{host}]:{port}: Address already in use",
            "channel_setup_fwd_listener_tcpip: cannot listen to port: {port}",
            "port {port} is already taken on the gateway",
            "the gateway would not bind port {port}",
        ),
        "Another process listens there: an ssh of your own with RemoteForward, an NFS server of the"
        " gateway, or a dead session that its sshd has not noticed, which holds the port until"
        " ClientAliveInterval × (ClientAliveCountMax + 1) have passed, or TCP gives up after hours."
        " hostnfsd asks again every second, and serves the other ports meanwhile.",
        (
            "find the holder on the gateway:",
            "$ ss -ltnp 'sport = :PORT'",
        ),
        ("P3", "B11"),
    ),
    Entry(
        "foreign-holder",
        "another process answers at the gateway's port",
        (
            "another process on the gateway answers at {host}:{port}",
            "the gateway accepts, and closes at once",
        ),
        "Calls that enter at the gateway's port do not come to us: somebody else is bound there in"
        " that address family, such as an ssh whose tunnel leads nowhere.",
        (
            "find it on the gateway:",
            "$ ss -ltnp 'sport = :PORT'",
        ),
        ("D10", "P3"),
    ),
    Entry(
        "own-ssh",
        "an ssh of your own forwards the same ports",
        (
            "mux_client_request_session: {any}",
            "ControlSocket {path} already exists, disabling multiplexing",
            "RemoteForward {port} {host}:{port}",
            "remote port forwarding failed for listen port {port}",
        ),
        "The alias in ssh_config has RemoteForward lines for our ports: whoever logs in by that"
        " name"
        " takes them, and with ControlPersist the session stays after its terminal was closed."
        " `ssh -N` through an inherited ControlPath ends at once, without any forward.",
        (
            "delete the RemoteForward lines, and end the session that stands:",
            "$ ssh -O exit NAME",
        ),
        ("P16", "P3"),
    ),
    Entry(
        "gateway-ports-no",
        "the forward is bound on the gateway's loopback only",
        (
            "the forward is bound, but not at {host}:{port} where clients come in",
            "mount.nfs: Connection refused",
            "Connection refused",
            "failed to mount local volume: mount {path}:{path}, data: {path}: connection refused",
            "rpcinfo: can't contact portmapper: RPC: Remote system error - Connection refused",
        ),
        "With GatewayPorts no, sshd's default, a request for all addresses silently becomes one for"
        " 127.0.0.1, and is granted. Or sshd bound one address family only. Pods are refused.",
        (
            "on the gateway set GatewayPorts clientspecified in sshd_config, and restart its sshd",
            _RECONNECT,
        ),
        ("P10", "D9"),
    ),
    Entry(
        "unverified",
        "the gateway does not let us try its ports from its side",
        ("bound, but the gateway does not let us try it from its side",),
        "AllowTcpForwarding remote lets us listen and not dial. Whether clients get in is unknown.",
        ("AllowTcpForwarding yes in the gateway's sshd_config", _RECONNECT),
        ("P4",),
    ),
    Entry(
        "address-unknown",
        "the address at which clients reach the gateway is unknown",
        ("bound, but the address at which clients reach the gateway is unknown",),
        "The gateway runs no commands for our login, or has several addresses.",
        ('set client_address = "…" in [gateway.NAME]', "$ hostnfsd reload"),
        (),
    ),
    Entry(
        "client-alive-off",
        "the gateway notices dead sessions only after hours",
        ("clientaliveinterval 0",),
        "Without ClientAliveInterval, sshd waits for TCP to notice that the host is gone: two hours"
        " by default. Until then the dead session holds our ports.",
        (
            (
                "in the gateway's sshd_config: ClientAliveInterval 5 and ClientAliveCountMax 2;"
                " restart"
                " its sshd"
            ),
        ),
        ("P3", "B11"),
    ),
    Entry(
        "channel-timeout",
        "the gateway's sshd ends idle forwards",
        ("channeltimeout forwarded-tcpip={any}", "unusedconnectiontimeout {n}"),
        "ChannelTimeout cuts mounts that are idle, UnusedConnectionTimeout ends a session that has"
        " only listeners.",
        ("take both out of the gateway's sshd_config",),
        (),
    ),
)
