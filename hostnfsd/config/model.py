"""The configuration as values: one frozen model per TOML table, defaults included, nothing else.

Every default lives here and only here. ``model_fields_set`` tells which keys the file named, and
so where an effective value comes from. Units are in the key names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hostnfsd.services import FACTS, Service

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86400)]
Addresses = tuple[str, ...]


class Table(BaseModel):
    """A TOML table: unknown keys are errors, values are not converted behind the user's back."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CarriedService(Table):
    """The long form of one entry of ``[services]``; a bare port number is ``port`` alone."""

    port: Port
    host_port: Port | Literal["auto"] = "auto"
    required: bool | None = None
    mode: Literal["virtual", "relay"] | None = None


class Gateway(Table):
    """``[gateway.NAME]``. None means: what ssh_config says of the alias, else ssh's default."""

    host: str | None = None
    port: Port | None = None
    user: str | None = None
    identity_files: tuple[str, ...] | None = None
    known_hosts: str | None = None
    host_key_policy: Literal["strict", "accept-new"] = "strict"
    ssh_config: str = "~/.ssh/config"
    listen: Addresses = ("0.0.0.0",)  # noqa: S104  # bound on the gateway, where clients are
    client_address: Addresses = ()
    reclaim: Literal["auto", "wait", "never"] = "auto"
    optional: bool = False
    # False: not carried. A service that is missing falls back to the table above it.
    services: Mapping[Service, CarriedService | Literal[False]] = Field(default_factory=dict)


class Host(Table):
    """``[host]``: the machine that runs the NFS server and this daemon."""

    address: str = "127.0.0.1"
    platform: Literal["auto", "darwin", "linux"] = "auto"
    exports: str = "/etc/exports"
    reserved_source_port: Literal["auto", "always", "never"] = "auto"
    apply_exports: Literal["never", "when-valid"] = "never"
    keep_awake: Literal["never", "while-connected", "always"] = "while-connected"


class Access(Table):
    """``[access]``: who may come through the tunnel."""

    allow: Literal["exports", "any"] | tuple[str, ...] = "exports"
    max_connections: Annotated[int, Field(ge=1, le=65535)] = 1024
    revoke_grace_s: Annotated[float, Field(ge=0, le=86400)] = 30.0


class Tunnel(Table):
    """``[tunnel]``: how the SSH session is kept alive."""

    connect_timeout_s: Seconds = 10.0
    keepalive_interval_s: Seconds = 3.0
    keepalive_count_max: Annotated[int, Field(ge=1, le=100)] = 2
    backoff_min_s: Seconds = 0.2
    backoff_max_s: Seconds = 30.0
    steady_after_s: Seconds = 60.0
    drain_timeout_s: Annotated[float, Field(ge=0, le=86400)] = 10.0


class Probe(Table):
    """``[probe]``: how often the services are tried end to end."""

    interval_s: Seconds = 10.0
    timeout_s: Seconds = 3.0
    mount_interval_s: Seconds = 300.0


class Metrics(Table):
    """``[metrics]``: the HTTP endpoints."""

    listen: str = "127.0.0.1:9822"
    allowed_hosts: tuple[str, ...] = ()
    tls_cert_file: str = ""
    tls_key_file: str = ""
    basic_auth_file: str = ""
    allow_plaintext: bool = False
    rpc: bool = True


class Control(Table):
    """``[control]``: the socket that ``status``, ``reload`` and ``reconnect`` speak to."""

    socket: str = ""


class State(Table):
    """``[state]``: what the daemon remembers across restarts."""

    directory: str = ""


class Log(Table):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    file: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """A service that is carried to a gateway, every value decided."""

    service: Service
    port: int
    host_port: int | Literal["auto"]
    required: bool
    mode: Literal["virtual", "relay"]


class Config(Table):
    """A whole file. ``gateway`` holds at least one table."""

    gateway: Annotated[Mapping[str, Gateway], Field(min_length=1)]
    services: Mapping[Service, CarriedService | Literal[False]] = Field(default_factory=dict)
    host: Host = Host()
    access: Access = Access()
    tunnel: Tunnel = Tunnel()
    probe: Probe = Probe()
    metrics: Metrics = Metrics()
    control: Control = Control()
    state: State = State()
    log: Log = Log()

    def carried(self, gateway: str) -> Mapping[Service, Carried]:
        """The services carried to one gateway, in the order of the port set."""
        carried: dict[Service, Carried] = {}
        for service, facts in FACTS.items():
            entry = self.services.get(service, CarriedService(port=facts.gateway_port))
            entry = self.gateway[gateway].services.get(service, entry)
            if entry is False:
                continue
            carried[service] = Carried(
                service=service,
                port=entry.port,
                host_port=entry.host_port,
                required=facts.required if entry.required is None else entry.required,
                mode=entry.mode or "virtual",
            )
        return carried


@dataclass(frozen=True, slots=True)
class Source:
    """Where a configuration text came from."""

    path: PurePath
    text: str
