"""The configuration as values: one frozen model per TOML table, defaults included, nothing else.

Every default and every key's meaning live here and only here. ``model_fields_set`` tells which keys
the file named. Units are in the key names. What a value must look like is in
:mod:`hostnfsd.config.values`; what must fit together is in :mod:`hostnfsd.config.semantics`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, TypeAdapter

from hostnfsd.config import values
from hostnfsd.config.values import (
    AllowedHosts,
    ClientAddresses,
    FilePath,
    Flag,
    GatewayName,
    HostName,
    HttpListen,
    IdentityFiles,
    ListenAddresses,
    OptionalPath,
    PathOrNone,
    Port,
    Seconds,
    ServiceName,
    SocketPath,
    User,
    Wait,
    Words,
    wrong,
)
from hostnfsd.services import FACTS, Service


class Table(BaseModel):
    """A TOML table: unknown keys are errors, values are not converted behind the user's back."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _host_port(value: object) -> object:
    if value == "auto" or (type(value) is int and 1 <= value <= 65535):  # noqa: PLR2004  # TCP's
        return value
    raise wrong(
        "wrong-type" if isinstance(value, (bool, str)) else "out-of-range",
        f'{values.show(value)} is not a host port (1 to 65535, or "auto")',
    )


class CarriedService(Table):
    """The long form of one entry of ``[services]``; a bare port number is ``port`` alone."""

    port: Port | None = Field(
        None, description="Gateway port: what clients dial. Default: the service's fixed port."
    )
    host_port: Annotated[
        int | Literal["auto"],
        PlainValidator(_host_port),
        Words("a host port", '1 to 65535, or "auto"'),
    ] = Field(
        "auto", description='Where the service listens on the host; "auto": rpcbind is asked.'
    )
    required: Flag | None = Field(
        None,
        description="Whether readiness waits for it. Default: true for rpcbind, nfs and mountd.",
    )
    mode: Literal["virtual", "relay"] | None = Field(
        None,
        description="rpcbind only. virtual (default): hostnfsd answers; relay: the host's rpcbind.",
    )


def _entry(value: object) -> object:
    """One entry of a services table: False, a port, or the long form."""
    if value is False or isinstance(value, CarriedService):
        return value
    if isinstance(value, int) and value is not True:
        value = {"port": value}
    if not isinstance(value, dict):
        raise wrong(
            "wrong-type",
            f"{values.show(value)} is not a gateway port (1 to 65535, false, or a table with port)",
            "leave the key out to carry the service at its usual port" if value is True else None,
        )
    return CarriedService.model_validate(value)


Entry = Annotated[
    CarriedService | Literal[False],
    PlainValidator(_entry),
    Words("a gateway port", "1 to 65535, false, or the long form"),
]


class Gateway(Table):
    """``[gateway.NAME]``. None means: what ssh_config says of the alias, else ssh's default."""

    host: HostName | None = Field(
        None, description="Where sshd listens. Default: HostName of the alias in ssh_config."
    )
    port: Port | None = Field(None, description="Port of sshd. Default: ssh_config, else 22.")
    user: User | None = Field(
        None, description="Login on the gateway. Default: ssh_config, else who runs the daemon."
    )
    identity_files: IdentityFiles | None = Field(
        None,
        description="Private keys. Default: ssh_config, the agent, the usual names."
        ' "credential:NAME" is a systemd credential.',
    )
    known_hosts: FilePath | None = Field(
        None, description="File of known host keys. Default: ssh_config, else ssh's own."
    )
    host_key_policy: Literal["strict", "accept-new"] = Field(
        "strict", description="accept-new records the first key seen, never a changed one."
    )
    ssh_config: PathOrNone = Field(
        "~/.ssh/config", description='Where the alias is looked up; "none" to ignore the file.'
    )
    listen: ListenAddresses = Field(
        ("0.0.0.0",),  # noqa: S104  # bound on the gateway, where the clients are
        description="Address on the gateway that the forwards bind; one forward per address.",
    )
    client_address: ClientAddresses = Field(
        (), description="How clients reach the gateway. Default: discovered over SSH."
    )
    reclaim: Literal["auto", "wait", "never"] = Field(
        "auto",
        description="What to do when a dead session of ours still holds our port: auto ends that"
        " session, wait leaves it to the gateway's time-out, never remembers none.",
    )
    optional: Flag = Field(False, description="true: /readyz does not wait for this gateway.")
    services: Mapping[ServiceName, Entry] = Field(
        default_factory=dict,
        description="Overrides [services] for this gateway, service by service and key by key.",
    )


class Host(Table):
    """``[host]``: the machine that runs the NFS server and this daemon."""

    address: HostName = Field("127.0.0.1", description="Where the host's NFS server is dialled.")
    platform: Literal["auto", "darwin", "linux"] = Field(
        "auto", description="Dialect of the exports file and of commands."
    )
    exports: PathOrNone = Field(
        "/etc/exports",
        description='The exports file; "none": the server keeps its exports elsewhere, then'
        " access.allow must be given.",
    )
    reserved_source_port: Literal["auto", "always", "never"] = Field(
        "auto", description="Dial from a source port below 1024; auto: for mountd and nfs."
    )
    apply_exports: Literal["never", "when-valid"] = Field(
        "never", description="Tell the NFS server after a valid change of the exports file."
    )
    keep_awake: Literal["never", "while-connected", "always"] = Field(
        "while-connected",
        description="When the host is kept from falling asleep by itself. while-connected: while"
        " clients work, and five minutes after.",
    )


_NETWORKS: Final = TypeAdapter(tuple[Annotated[str, BeforeValidator(values.network)], ...])


def _allow(value: object) -> object:
    if value in ("exports", "any"):
        return value
    if isinstance(value, (list, tuple)):
        if not value:
            raise wrong(
                "empty-list",
                "an empty list admits nobody (networks, at least one)",
                'leave the key out for the default, or name networks: ["172.22.0.0/16"]',
            )
        return _NETWORKS.validate_python(tuple(value))
    hint = None
    if isinstance(value, str):
        hint = f"a network goes into a list: [{values.quoted(value)}]" if "." in value else None
    raise wrong(
        "unknown-value",
        f'{values.show(value)} is not a rule of access ("exports", "any", or a list of networks)',
        hint,
    )


class Access(Table):
    """``[access]``: who may come through the tunnel."""

    allow: Annotated[
        Literal["exports", "any"] | tuple[str, ...],
        PlainValidator(_allow),
        Words("a rule of access", '"exports", "any", or a list of networks'),
    ] = Field("exports", description="Who is let through: whom the exports admit, all, networks.")
    max_connections: Annotated[
        int, Field(ge=1, le=65535), Words("a number of connections", "1 to 65535")
    ] = Field(1024, description="Connections of the whole daemon at a time.")
    revoke_grace_s: Wait = Field(
        30.0,
        description="How long connections live on once their originator is no longer admitted.",
    )


class Tunnel(Table):
    """``[tunnel]``: how the SSH session is kept alive. Wins over ssh_config."""

    connect_timeout_s: Seconds = Field(10.0, description="For connecting and logging in.")
    keepalive_interval_s: Seconds = Field(
        3.0, description="Between keepalive requests to the gateway."
    )
    keepalive_count_max: Annotated[int, Field(ge=1, le=100), Words("a count", "1 to 100")] = Field(
        2, description="Unanswered keepalives after which the session is lost."
    )
    backoff_min_s: Seconds = Field(0.2, description="The first wait after a failed attempt.")
    backoff_max_s: Seconds = Field(30.0, description="The longest wait between attempts.")
    steady_after_s: Seconds = Field(
        60.0, description="Time up after which earlier failures are forgotten."
    )
    drain_timeout_s: Wait = Field(
        10.0, description="How long connections may finish when the daemon stops."
    )


class Probe(Table):
    """``[probe]``: how often the services are tried end to end."""

    interval_s: Seconds = Field(10.0, description="Between two probes of a service.")
    timeout_s: Seconds = Field(3.0, description="For one probe.")
    mount_interval_s: Seconds = Field(
        300.0, description="How often an export is really mounted and given back."
    )


class Metrics(Table):
    """``[metrics]``: the HTTP endpoints."""

    listen: HttpListen = Field(
        "127.0.0.1:9822",
        description="Address of /metrics, /healthz, /readyz, /status and /. Elsewhere than on"
        " loopback it needs TLS or allow_plaintext. Port 0: any free one.",
    )
    allowed_hosts: AllowedHosts = Field(
        (), description="Host headers answered besides loopback names and the listen address."
    )
    tls_cert_file: OptionalPath = Field("", description="Certificate chain (PEM); empty: no TLS.")
    tls_key_file: OptionalPath = Field("", description="Its private key (PEM).")
    basic_auth_file: OptionalPath = Field(
        "", description="File of user names and password hashes; empty: no password."
    )
    allow_plaintext: Flag = Field(
        False, description="Allow HTTP without TLS elsewhere than on loopback."
    )
    rpc: Flag = Field(True, description="Count and time RPC calls per procedure.")


class Control(Table):
    """``[control]``: the socket that ``status``, ``reload`` and ``reconnect`` speak to."""

    socket: SocketPath = Field("", description="Path of the socket. Empty: the usual place.")


class State(Table):
    """``[state]``: what the daemon remembers across restarts."""

    directory: OptionalPath = Field(
        "",
        description="Where it is kept: what its sessions are, for reclaim. Empty: the usual place.",
    )


class Log(Table):
    """``[log]``: what the daemon tells of itself."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe lines that are written."
    )
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, else json."
    )
    file: OptionalPath = Field(
        "", description="Empty: stderr. A file is reopened on SIGHUP (newsyslog, logrotate)."
    )


@dataclass(frozen=True, slots=True)
class Carried:
    """A service that is carried to a gateway, every value decided.

    Attributes:
        service: which one.
        port: TCP port on the gateway.
        host_port: TCP port dialled on the host; where rpcbind is asked, the usual one, until
            rpcbind has told another.
        required: whether readiness waits for it.
        mode: who answers; of meaning for rpcbind only.
        ask_rpcbind: whether the host's rpcbind is to be asked for the host port.
    """

    service: Service
    port: int
    host_port: int
    required: bool
    mode: Literal["virtual", "relay"]
    ask_rpcbind: bool = False


_AT_HOME: Final = frozenset({Service.RPCBIND, Service.NFS})


class Config(Table):
    """A whole file. One that the reader has accepted holds at least one gateway."""

    gateway: Mapping[GatewayName, Gateway] = Field(default_factory=dict)
    services: Mapping[ServiceName, Entry] = Field(default_factory=dict)
    host: Host = Host()
    access: Access = Access()
    tunnel: Tunnel = Tunnel()
    probe: Probe = Probe()
    metrics: Metrics = Metrics()
    control: Control = Control()
    state: State = State()
    log: Log = Log()

    def entries(self, gateway: str, service: Service) -> tuple[CarriedService, ...] | None:
        """What the file says of one service of one gateway, the nearest first.

        Returns:
            The gateway's own entry and that of ``[services]``, as far as there are such. None if
            the service is not carried there.
        """
        said = (self.gateway[gateway].services.get(service), self.services.get(service))
        given = [entry for entry in said if entry is not None]
        if given and given[0] is False:
            return None
        return tuple(entry for entry in given if entry is not False)

    def carried(self, gateway: str) -> Mapping[Service, Carried]:
        """The services carried to one gateway, in the order of the port set."""
        carried: dict[Service, Carried] = {}
        for service, facts in FACTS.items():
            entries = self.entries(gateway, service)
            if entries is None:
                continue
            port: int = _first(entries, "port", facts.gateway_port)
            host_port: int | Literal["auto"] = _first(entries, "host_port", "auto")
            mode: Literal["virtual", "relay"] = _first(entries, "mode", "virtual")
            carried[service] = Carried(
                service=service,
                port=port,
                host_port=_usual(service, port) if host_port == "auto" else host_port,
                required=_first(entries, "required", facts.required),
                mode=mode,
                ask_rpcbind=host_port == "auto",
            )
        return carried


def _usual(service: Service, port: int) -> int:
    """The host port to assume where rpcbind cannot be asked.

    NFS has one port wherever it runs, and so has rpcbind itself. The others may have any; a host
    whose ports are fixed most likely uses the gateway's numbers.
    """
    return FACTS[service].gateway_port if service in _AT_HOME else port


def _first(entries: tuple[CarriedService, ...], key: str, default: Any) -> Any:
    """The value of the nearest entry that gives one."""
    given = (getattr(entry, key) for entry in entries if key in entry.model_fields_set)
    return next((value for value in given if value is not None), default)
