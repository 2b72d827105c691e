"""Each key of the configuration with a value that is taken and one that is not."""

from typing import Any

import pytest

from hostnfsd.config.keys import every
from hostnfsd.config.model import Config
from hostnfsd.config.reader import Reading, parse

#: key: (TOML taken, TOML refused, what the refusal says).
KEYS: dict[str, tuple[str, str, str]] = {
    "gateway.*.host": ('"127.0.0.1"', '"a b"', '"a b" is not a host'),
    "gateway.*.port": ("122", "0", "0 is not a port (1 to 65535)"),
    "gateway.*.user": ('"admin"', '"-x"', '"-x" is not a user'),
    "gateway.*.identity_files": (
        '["~/.ssh/id_ed25519", "credential:key"]',
        '["id_rsa"]',
        '"id_rsa" is not an absolute path (paths are absolute or start with ~/',
    ),
    "gateway.*.known_hosts": ('"~/.ssh/known_hosts"', '""', "the path is empty"),
    "gateway.*.host_key_policy": ('"accept-new"', '"no"', '"no" is not known (one of "strict", '),
    "gateway.*.ssh_config": ('"none"', '"$HOME/.ssh"', "is not an absolute path"),
    "gateway.*.listen": ('["0.0.0.0", "::"]', '"eth0"', '"eth0" is not an address to listen on'),
    "gateway.*.client_address": ('"dev-gw"', '"dev-gw:2049"', '"dev-gw:2049" is not a host'),
    "gateway.*.reclaim": ('"never"', '"no"', '(one of "auto", "wait", "never")'),
    "gateway.*.optional": ("true", '"yes"', '"yes" is not a boolean (true or false)'),
    "gateway.*.services": ("{ nfs = 2050 }", "5", "5 is not a table"),
    "services.*.port": ("2050", "65536", "65536 is not a port (1 to 65535)"),
    "services.*.host_port": ("2049", '"any"', '"any" is not a host port (1 to 65535, or "auto")'),
    "services.*.required": ("true", "1", "1 is not a boolean (true or false)"),
    "services.*.mode": ('"relay"', '"proxy"', '"proxy" is not known (one of "virtual", "relay")'),
    "host.address": ('"localhost"', '"[::1]"', '"[::1]" is not a host'),
    "host.platform": ('"auto"', '"macos"', '(one of "auto", "darwin", "linux")'),
    "host.exports": ('"none"', '"exports"', '"exports" is not an absolute path'),
    "host.reserved_source_port": ('"always"', "false", "false is not known (one of"),
    "host.apply_exports": ('"never"', '"always"', '(one of "never", "when-valid")'),
    "host.keep_awake": ('"always"', "true", "true is not known (one of"),
    "access.allow": ('"any"', '"172.22.0.0/16"', "is not a rule of access"),
    "access.max_connections": ("2000", "0", "0 is not a number of connections (1 to 65535)"),
    "access.revoke_grace_s": ("0", "-1", "-1 is not a number of seconds (0 to 86400)"),
    "tunnel.connect_timeout_s": ("5", '"5s"', '"5s" is not a number of seconds'),
    "tunnel.keepalive_interval_s": ("1.5", "0", "0 is not a number of seconds (0.01 to 86400)"),
    "tunnel.keepalive_count_max": ("3", "2.5", "2.5 is not a count (1 to 100)"),
    "tunnel.backoff_min_s": ("0.5", "nan", "nan is not a number of seconds"),
    "tunnel.backoff_max_s": ("60", "inf", "inf is not a number of seconds"),
    "tunnel.steady_after_s": ("30", "true", "true is not a number of seconds"),
    "tunnel.drain_timeout_s": ("0", "[1]", "a list is not a number of seconds"),
    "probe.interval_s": ("20", "1979-05-27", "1979-05-27 is not a number of seconds"),
    "probe.timeout_s": ("2", "1e6", "1000000.0 is not a number of seconds"),
    "probe.mount_interval_s": ("60", "{}", "a table is not a number of seconds"),
    "metrics.listen": ('"[::1]:9822"', '"9822"', '"9822" is not an address and port'),
    "metrics.allowed_hosts": ('["mac.local:9822"]', '["http://mac"]', '"http://mac" is not a host'),
    "metrics.tls_cert_file": ('""', '"cert.pem"', '"cert.pem" is not an absolute path'),
    "metrics.tls_key_file": ('""', "1", "1 is not a path"),
    "metrics.basic_auth_file": ('"/etc/hostnfsd/users"', '"~bob/x"', "is not an absolute path"),
    "metrics.allow_plaintext": ("true", "0", "0 is not a boolean"),
    "metrics.rpc": ("false", '"false"', '"false" is not a boolean (true or false)'),
    "control.socket": ('"~/c.sock"', f'"/{"x" * 103}"', "104 bytes are too long for a socket"),
    "state.directory": ('"~/s"', '"a\\u0000"', '"a\\u0000" contains a control character'),
    "log.level": ('"debug"', '"warn"', '"warn" is not known'),
    "log.format": ('"json"', '"text"', '(one of "auto", "console", "json")'),
    "log.file": ('"/var/log/hostnfsd.log"', '"log"', '"log" is not an absolute path'),
}


def read(pattern: str, value: str) -> Reading:
    """A file with one gateway and one key set."""
    table, _, name = pattern.rpartition(".")
    header = {"gateway.*": "gateway.dev-gw", "services.*": "services.rpcbind"}.get(table, table)
    lines = [] if header.startswith("gateway") else ["[gateway.dev-gw]"]
    lines.append(f"[{header}]")
    if value:
        lines.append(f"{name} = {value}")
    if pattern == "host.exports":
        lines.append('[access]\nallow = "any"')
    return parse("\n".join(lines), "f.toml")


def test_every_key_is_tried_here() -> None:
    assert {key.pattern for key in every()} == set(KEYS)


@pytest.mark.parametrize("pattern", KEYS)
def test_a_good_value_is_taken(pattern: str) -> None:
    reading = read(pattern, KEYS[pattern][0])

    assert reading.config is not None, [p.render() for p in reading.problems]
    assert reading.problems == ()


@pytest.mark.parametrize("pattern", KEYS)
def test_a_bad_value_is_refused_at_its_key(pattern: str) -> None:
    _, bad, says = KEYS[pattern]
    reading = read(pattern, bad)

    (problem,) = reading.problems
    assert reading.config is None
    assert says in problem.text
    assert problem.subject.split("[")[0].endswith("." + pattern.rpartition(".")[2])
    assert problem.place.line == (2 if pattern.startswith("gateway") else 3)
    if "[" not in problem.subject:
        assert problem.place.column == 1


#: The file that the specification shows in section 2, all of it.
SPECIFIED = """
[gateway.dev-gw]
host = "127.0.0.1"
port = 122
user = "admin"
identity_files = ["~/.ssh/id_ed25519"]
known_hosts = "~/.ssh/known_hosts"
host_key_policy = "strict"
ssh_config = "~/.ssh/config"
listen = "0.0.0.0"
client_address = "dev-gw"
reclaim = "auto"
optional = false

[services]
rpcbind = 111
nfs = 2049
mountd = 20048
nlockmgr = 32803
status = 662
rquotad = 875

[host]
address = "127.0.0.1"
platform = "auto"
exports = "/etc/exports"
reserved_source_port = "auto"
apply_exports = "never"
keep_awake = "while-connected"

[access]
allow = "exports"
max_connections = 1024
revoke_grace_s = 30

[tunnel]
connect_timeout_s = 10
keepalive_interval_s = 3
keepalive_count_max = 2
backoff_min_s = 0.2
backoff_max_s = 30
steady_after_s = 60
drain_timeout_s = 10

[probe]
interval_s = 10
timeout_s = 3
mount_interval_s = 300

[metrics]
listen = "127.0.0.1:9822"
allowed_hosts = []
tls_cert_file = ""
tls_key_file = ""
basic_auth_file = ""
allow_plaintext = false
rpc = true

[control]
socket = ""

[state]
directory = ""

[log]
level = "info"
format = "auto"
file = ""
"""


def test_the_specified_file_is_taken_as_it_is() -> None:
    assert parse(SPECIFIED, "f.toml").problems == ()


def _defaults(config: Config) -> dict[str, Any]:
    """All values of all tables but the gateways'."""
    tables = (name for name in Config.model_fields if name not in {"gateway", "services"})
    return {name: getattr(config, name).model_dump() for name in tables}


def test_the_specified_file_is_what_one_line_means() -> None:
    specified = parse(SPECIFIED, "f.toml").config
    smallest = parse("[gateway.dev-gw]", "f.toml").config
    assert specified is not None
    assert smallest is not None

    assert _defaults(specified) == _defaults(smallest)
    assert specified.carried("dev-gw") == smallest.carried("dev-gw")
    assert smallest.gateway["dev-gw"].listen == ("0.0.0.0",)


def test_the_specified_file_names_every_key() -> None:
    places = parse(SPECIFIED, "f.toml").places
    named = {"gateway": "dev-gw"}
    for key in every():
        if key.table[0] == "services" or key.name == "services":
            continue
        path = tuple(named[key.table[0]] if part == "*" else part for part in key.table)
        assert (*path, key.name) in places, key.pattern
