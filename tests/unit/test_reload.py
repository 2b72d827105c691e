"""A reload tells every change, applies all of it, and leaves the rest alone."""

from collections.abc import Mapping
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.config.keys import every
from hostnfsd.config.model import Config
from hostnfsd.config.reader import parse
from hostnfsd.reload import Difference, diff, specs
from hostnfsd.services import Service
from hostnfsd.tunnel.forward import Spec


def read(text: str) -> Config:
    reading = parse(text, "f.toml")
    assert reading.config is not None, [p.render() for p in reading.problems]
    return reading.config


def gateway(lines: str = "", rest: str = "") -> Config:
    return read(f"[gateway.gw]\n{lines}\n{rest}")


#: Two values of each key. A key that is missing here fails a test, and so does one without a text.
VALUES: dict[str, tuple[str, str]] = {
    "gateway.*.host": ('"10.0.0.1"', '"10.0.0.2"'),
    "gateway.*.port": ("122", "222"),
    "gateway.*.user": ('"admin"', '"root"'),
    "gateway.*.identity_files": ('["~/.ssh/a"]', '["~/.ssh/b"]'),
    "gateway.*.known_hosts": ('"~/a"', '"~/b"'),
    "gateway.*.host_key_policy": ('"strict"', '"accept-new"'),
    "gateway.*.ssh_config": ('"none"', '"~/.ssh/config"'),
    "gateway.*.listen": ('"0.0.0.0"', '["0.0.0.0", "::"]'),
    "gateway.*.client_address": ('"dev-gw"', '["10.0.0.1", "fd00::1"]'),
    "gateway.*.reclaim": ('"wait"', '"never"'),
    "gateway.*.optional": ("false", "true"),
    "gateway.*.services": ("{ nfs = 2050 }", "{ nfs = 2051 }"),
    "services.*.port": ("112", "113"),
    "services.*.host_port": ('"auto"', "111"),
    "services.*.required": ("true", "false"),
    "services.*.mode": ('"relay"', '"virtual"'),
    "host.address": ('"127.0.0.1"', '"127.0.0.2"'),
    "host.platform": ('"linux"', '"darwin"'),
    "host.exports": ('"/etc/exports"', '"/etc/other"'),
    "host.reserved_source_port": ('"never"', '"always"'),
    "host.apply_exports": ('"never"', '"when-valid"'),
    "host.keep_awake": ('"never"', '"always"'),
    "access.allow": ('"any"', '["172.22.0.0/16"]'),
    "access.max_connections": ("100", "200"),
    "access.revoke_grace_s": ("10", "20"),
    "tunnel.connect_timeout_s": ("10", "20"),
    "tunnel.keepalive_interval_s": ("1", "2"),
    "tunnel.keepalive_count_max": ("1", "2"),
    "tunnel.backoff_min_s": ("0.2", "0.25"),
    "tunnel.backoff_max_s": ("10", "20"),
    "tunnel.steady_after_s": ("10", "20"),
    "tunnel.drain_timeout_s": ("0", "20"),
    "probe.interval_s": ("10", "20"),
    "probe.timeout_s": ("1", "2"),
    "probe.mount_interval_s": ("10", "20"),
    "metrics.listen": ('"127.0.0.1:9822"', '"127.0.0.1:9823"'),
    "metrics.allowed_hosts": ("[]", '["mac.local"]'),
    "metrics.tls_cert_file": ('"/a"', '"/b"'),
    "metrics.tls_key_file": ('"/a"', '"/b"'),
    "metrics.basic_auth_file": ('""', '"/b"'),
    "metrics.allow_plaintext": ("false", "true"),
    "metrics.rpc": ("true", "false"),
    "control.socket": ('""', '"/run/c.sock"'),
    "state.directory": ('""', '"/var/lib/x"'),
    "log.level": ('"info"', '"debug"'),
    "log.format": ('"auto"', '"json"'),
    "log.file": ('""', '"/var/log/x"'),
}
#: What else must stand in the file for a key to be allowed there.
BESIDE = {
    "metrics.tls_cert_file": 'tls_key_file = "/k"',
    "metrics.tls_key_file": 'tls_cert_file = "/c"',
}


def with_key(pattern: str, value: str) -> Config:
    table, _, name = pattern.rpartition(".")
    line = f"{name} = {value}\n{BESIDE.get(pattern, '')}"
    if table == "gateway.*":
        return gateway(line)
    table = "services.rpcbind" if table == "services.*" else table
    return gateway(rest=f"[{table}]\n{line}")


def test_every_key_is_tried_here() -> None:
    assert {key.pattern for key in every()} == VALUES.keys()


@pytest.mark.parametrize("pattern", VALUES)
def test_a_change_of_any_key_is_told(pattern: str) -> None:
    old, new = (with_key(pattern, value) for value in VALUES[pattern])

    for texts in (diff(old, new).texts, diff(new, old).texts):
        (text,) = texts
        assert "None" not in text
        assert not text.endswith(": ")
        if pattern not in {"gateway.*.services", "services.*.port"}:
            assert pattern.rpartition(".")[2] in text


@pytest.mark.parametrize(
    ("old", "new", "texts"),
    [
        (
            "[gateway.gw]",
            "[gateway.gw]\n[gateway.two]",
            ("gateway two: added",),
        ),
        ("[gateway.gw]", "[gateway.two]", ("gateway two: added", "gateway gw: removed")),
        (
            "[gateway.gw]",
            '[gateway.gw]\nhost = "10.0.0.1"\nport = 122',
            ("gateway gw: host, port changed: reconnecting",),
        ),
        (
            "[gateway.gw]",
            "[gateway.gw]\n[services]\nnfs = false\nmountd = 892",
            (
                "gateway gw: nfs is no longer carried",
                "gateway gw: mountd moves from port 20048 to 892",
            ),
        ),
        (
            "[gateway.gw]\n[services]\nnfs = false",
            "[gateway.gw]",
            ("gateway gw: nfs is carried at port 2049",),
        ),
        (
            "[gateway.gw]",
            "[gateway.gw]\n[services]\nnfs = { host_port = 2050, required = false }",
            ('gateway gw: nfs changes: host_port "auto" -> 2050, required true -> false',),
        ),
        (
            "[gateway.gw]",
            '[gateway.gw]\nlisten = ["0.0.0.0", "::"]',
            ('gateway gw: listen: ["0.0.0.0"] -> ["0.0.0.0", "::"]',),
        ),
        (
            "[gateway.gw]",
            '[gateway.gw]\n[tunnel]\nbackoff_max_s = 60\n[log]\nlevel = "debug"',
            ("tunnel.backoff_max_s: 30 -> 60", 'log.level: "info" -> "debug"'),
        ),
    ],
)
def test_the_texts_say_what_happens(old: str, new: str, texts: tuple[str, ...]) -> None:
    assert diff(read(old), read(new)).texts == texts


def test_what_only_a_restart_takes_over_says_so() -> None:
    new = gateway(rest='[state]\ndirectory = "/x"')

    assert diff(gateway(), new).texts == (
        'state.directory: "" -> "/x" (takes effect when the daemon is restarted)',
    )


def test_a_service_of_one_gateway_is_no_business_of_the_other() -> None:
    old = read("[gateway.a]\n[gateway.b]")
    new = read("[gateway.a]\nservices = { nfs = 2050 }\n[gateway.b]")
    difference = diff(old, new)

    assert difference.texts == ("gateway a: nfs moves from port 2049 to 2050",)
    assert difference.kept == ("a", "b")
    assert difference.tables == frozenset()


def test_a_shared_service_is_told_for_each_gateway_it_changes_for() -> None:
    old = read("[gateway.a]\nservices = { nfs = 2050 }\n[gateway.b]")
    new = read("[gateway.a]\nservices = { nfs = 2050 }\n[gateway.b]\n[services]\nnfs = 2051")

    assert diff(old, new).texts == ("gateway b: nfs moves from port 2049 to 2051",)


def test_the_listeners_are_one_for_each_service_and_address() -> None:
    config = gateway('listen = ["0.0.0.0", "::"]\nservices = { nfs = 2050, rquotad = false }')

    assert specs(config, "gw") >= {
        Spec(Service.NFS, "0.0.0.0", 2050),
        Spec(Service.NFS, "::", 2050),
    }
    assert len(specs(config, "gw")) == 10


# -- any two configurations ----------------------------------------------------------------------

ports = st.integers(1, 65535)
host_ports = st.one_of(st.just("auto"), ports)
entries = st.one_of(
    st.just(False),
    st.fixed_dictionaries({}, optional={"required": st.booleans(), "host_port": host_ports}),
)


def services(taken: int) -> st.SearchStrategy[Mapping[str, Any]]:
    """Some services; the ports of one gateway differ, as they must."""
    numbered = {
        str(service): st.one_of(entries, st.just(taken + n)) for n, service in enumerate(Service)
    }
    return st.fixed_dictionaries({}, optional=numbered)


gateways = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from(["10.0.0.1", "gw.example"]),
        "port": ports,
        "user": st.sampled_from(["admin", "root"]),
        "identity_files": st.just(["~/.ssh/id"]),
        "known_hosts": st.just("~/known"),
        "host_key_policy": st.sampled_from(["strict", "accept-new"]),
        "ssh_config": st.sampled_from(["none", "~/.ssh/config"]),
        "listen": st.sampled_from(["0.0.0.0", ["0.0.0.0", "::"], "127.0.0.1"]),
        "client_address": st.sampled_from(["dev-gw", ["10.0.0.1", "fd00::1"]]),
        "reclaim": st.just("wait"),
        "optional": st.booleans(),
        "services": services(4000),
    },
)
files = st.fixed_dictionaries(
    {"gateway": st.dictionaries(st.sampled_from("abc"), gateways, min_size=1)},
    optional={
        "services": services(3000),
        "host": st.fixed_dictionaries({}, optional={"address": st.just("127.0.0.2")}),
        "access": st.fixed_dictionaries({}, optional={"max_connections": st.integers(1, 9)}),
        "tunnel": st.fixed_dictionaries({}, optional={"steady_after_s": st.integers(1, 99)}),
        "log": st.fixed_dictionaries({}, optional={"level": st.sampled_from(["info", "debug"])}),
    },
)
configs = files.map(tomli_w.dumps).map(lambda text: parse(text, "f.toml").config)
valid = configs.filter(bool).map(lambda config: config or Config())

_Running = Mapping[str, tuple[Mapping[str, Any], frozenset[Spec]]]
DIALLED = (
    *("host", "port", "user", "identity_files"),
    *("known_hosts", "host_key_policy", "ssh_config"),
)


def running(config: Config) -> _Running:
    """What a daemon of this configuration runs: each session as dialled, and its listeners."""
    return {
        name: ({key: getattr(table, key) for key in DIALLED}, specs(config, name))
        for name, table in config.gateway.items()
    }


def apply(before: _Running, difference: Difference, new: Config) -> _Running:
    """What the daemon does with a difference."""
    after = {name: before[name] for name in before if name not in difference.removed}
    for name in difference.added:
        assert name not in before
    fresh = running(new)
    for name in (*difference.added, *difference.redialled):
        after[name] = fresh[name]
    for name in difference.kept:
        after[name] = (before[name][0], specs(new, name))
    return after


@given(valid, valid)
@pytest.mark.patient
def test_applying_the_difference_gives_the_new_configuration(old: Config, new: Config) -> None:
    difference = diff(old, new)

    assert apply(running(old), difference, new) == running(new)


@given(valid, valid)
@pytest.mark.patient
def test_every_gateway_has_one_fate(old: Config, new: Config) -> None:
    difference = diff(old, new)
    fates = (
        *difference.added,
        *difference.removed,
        *difference.redialled,
        *difference.kept,
    )

    assert sorted(fates) == sorted({*old.gateway, *new.gateway})


@given(valid, valid)
@pytest.mark.patient
def test_nothing_is_told_only_where_nothing_changes(old: Config, new: Config) -> None:
    difference = diff(old, new)
    if not difference.texts:
        assert running(old) == running(new)
        assert [old.carried(n) for n in old.gateway] == [new.carried(n) for n in old.gateway]
        assert difference.tables == frozenset()
        assert difference.redialled == ()
    assert len(set(difference.texts)) == len(difference.texts)


@given(valid)
def test_nothing_changes_from_a_configuration_to_itself(config: Config) -> None:
    assert diff(config, config) == Difference(
        added=(),
        removed=(),
        redialled=(),
        kept=tuple(config.gateway),
        tables=frozenset(),
        texts=(),
    )
