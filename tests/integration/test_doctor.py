"""Failures that people meet, produced for real: the doctor names each, and its cure cures it.

One bed for all. Each fault is injected, the doctor is asked without a daemon, the cure that it
suggests is applied (literally, where it is a command that can run here), and the doctor is asked
again. What it took it must have given back each time.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.bed import network, squatter
from tests.bed.bed import Bed
from tests.bed.daemon import Daemon, merge
from tests.bed.gateway import make_key
from tests.bed.nfs_server import NfsPorts
from tests.bed.state_faults import NOT_US
from tests.bed.waiting import wait_until

Tables = Mapping[str, Any]
#: The bed's server has no exports file.
PLAIN: Tables = {"host": {"exports": "none"}, "access": {"allow": "any"}}
WRONG = ("FAIL", "WARN")


@pytest.fixture(scope="module")
def shared() -> Iterator[Bed]:
    with Bed() as bed:
        yield bed


def dev_gw(**keys: Any) -> Tables:
    return {"gateway": {network.GATEWAY_NAME: keys}}


@dataclass
class Report:
    """What ``doctor --json`` printed."""

    status: int
    checks: list[dict[str, Any]]
    problems: list[dict[str, Any]]

    def codes(self, *outcomes: str) -> set[str]:
        return {c["code"] for c in self.checks if c["outcome"] in (outcomes or WRONG)}

    def row(self, code: str) -> dict[str, Any]:
        return next(c for c in self.checks if c["code"] == code)

    def commands(self, code: str) -> list[str]:
        steps: list[str] = self.row(code)["cure"]
        return [step.removeprefix("$ ") for step in steps if step.startswith("$ ")]

    def describe(self) -> str:
        return "\n".join(
            f"{c['outcome']} {c['check']} {c['subject']}: {c['text']} [{c['code']}]"
            for c in self.checks
        )


def ask(daemon: Daemon) -> Report:
    done = daemon.command("doctor", "--json", timeout_s=40)
    document = json.loads(done.output)
    assert done.errors == ""
    assert document["schema"] == 1
    report = Report(done.status, document["checks"], document["problems"])
    assert (
        document["ok"]
        == (done.status == 0)
        == ("FAIL" not in {c["outcome"] for c in report.checks})
    )
    return report


def well(report: Report) -> None:
    assert report.codes() == set(), report.describe()
    assert report.status == 0
    for check in report.checks:
        assert check["outcome"] != "SKIP" or check["text"], "each SKIP has its reason"


def nothing_left(bed: Bed) -> None:
    """The doctor has given everything back."""
    ours = {111, 2049, 20048, 32803, 662, 875}
    wait_until(lambda: bed.gateway.sessions() == [], "the doctor's sessions to end")
    assert not ours & {port for _, port in bed.network.gateway.listening()}
    table = bed.network.host.run("showmount", "--no-headers", "-a", "127.0.0.1", check=False).output
    assert table.strip() == ""


Undo = Callable[[], object]


@dataclass(frozen=True)
class Fault:
    """One failure: how it is made, what it is called, and how the cure is applied."""

    name: str
    code: str
    inject: Callable[[Bed], Undo]
    tables: Tables = field(default_factory=dict)
    cured: Tables | None = None
    says: str = ""
    outcome: str = "FAIL"
    #: Run the cure's own commands in this box instead of undoing the fault.
    run_in: str | None = None
    first: bool = True


def _stopped(bed: Bed) -> Undo:
    bed.nfs.stop_ganesha()
    return bed.nfs.start_ganesha


def _killed_statd(bed: Bed) -> Undo:
    assert bed.nfs._statd is not None
    bed.nfs._statd.kill()
    return bed.nfs.start_statd


def _killed_rpcbind(bed: Bed) -> Undo:
    bed.nfs.signal_rpcbind(signal.SIGKILL)
    rpcbind = bed.nfs._rpcbind
    assert rpcbind is not None
    rpcbind.wait(5)

    def start() -> None:
        bed.nfs.stop()
        bed.nfs.start()

    return start


def _rpcbind_anew(bed: Bed) -> Undo:
    """rpcbind starts again and knows nobody: not even itself will do for mountd."""
    start = _killed_rpcbind(bed)
    bed.nfs.start_rpcbind()
    return start


def _server(**changes: Any) -> Callable[[Bed], Undo]:
    def inject(bed: Bed) -> Undo:
        before = bed.nfs.options
        bed.nfs.restart_ganesha(replace(before, **changes))
        return lambda: bed.nfs.restart_ganesha(before)

    return inject


def _frozen(bed: Bed) -> Undo:
    bed.nfs.freeze()
    return bed.nfs.thaw


def _sshd(**changes: Any) -> Callable[[Bed], Undo]:
    def inject(bed: Bed) -> Undo:
        before = bed.gateway.options
        bed.gateway.restart(replace(before, **changes))
        return lambda: bed.gateway.restart(before)

    return inject


def _no_gateway(bed: Bed) -> Undo:
    bed.gateway.stop()
    return bed.gateway.start


def _paused_gateway(bed: Bed) -> Undo:
    bed.gateway.freeze()
    return bed.gateway.thaw


def _locked_out(bed: Bed) -> Undo:
    bed.gateway.authorize()
    return lambda: bed.gateway.authorize(bed.public_key)


def _encrypted_key(bed: Bed) -> Undo:
    path = bed.folder / "encrypted"
    make_key(path)
    bed.network.host.run("ssh-keygen", "-q", "-p", "-N", "a secret", "-f", str(path), timeout_s=20)
    return lambda: None


def _open_key(bed: Bed) -> Undo:
    path = bed.folder / "open"
    path.write_bytes(bed.key.read_bytes())
    path.chmod(0o644)
    return lambda: None


def _many_keys(bed: Bed) -> Undo:
    for name in ("wrong1", "wrong2"):
        make_key(bed.folder / name)
    return _sshd(extra=("MaxAuthTries 2",))(bed)


def _unknown_host_key(bed: Bed) -> Undo:
    (bed.folder / "known").write_text("")
    return lambda: None


def _changed_host_key(bed: Bed) -> Undo:
    other = make_key(bed.folder / "other").split()[:2]
    (bed.folder / "known").write_text(f"{network.GATEWAY_SSH} {' '.join(other)}\n")
    return lambda: None


def _squatter(bed: Bed) -> Undo:
    return bed.squatter(2049, "0.0.0.0", "::").release


def _squatter_of_ours(bed: Bed) -> Undo:
    """A process of the login's own user, whose descriptors the doctor may look at there."""
    user = ("setpriv", "--reuid", "3022", "--regid", "3022", "--clear-groups")
    words = (*user, "/usr/bin/python3", "-c", squatter._PROGRAM)
    holder = bed.network.gateway.start("holder", *words, "3022", "0.0.0.0", "20048", "::", "20048")
    wait_until(
        lambda: ("0.0.0.0", 20048) in bed.network.gateway.listening(),
        "it to listen",
        seen=holder.tail,
    )
    return holder.kill


def _squatter_in_one_family(bed: Bed) -> Undo:
    return bed.squatter(2049, "::").release


def _no_low_ports(bed: Bed) -> Undo:
    set_ = ("sysctl", "-qw")
    bed.network.gateway.run(*set_, "net.ipv4.ip_unprivileged_port_start=1024")
    return lambda: bed.network.gateway.run(*set_, "net.ipv4.ip_unprivileged_port_start=0")


def _own_ssh(bed: Bed) -> Undo:
    return bed.plain_ssh(2049).stop


def _too_many_starting(bed: Bed) -> Undo:
    undo = _sshd(extra=("MaxStartups 1:100:1", "LoginGraceTime 60"))(bed)
    waiting = bed.network.host.connect(network.GATEWAY_SSH, 22)
    assert waiting.recv(200).startswith(b"SSH-2.0")

    def end() -> None:
        waiting.close()
        undo()

    return end


def _folder_of_the_host(bed: Bed) -> Undo:
    """Only the host's own user may write in the folder, and root of clients is nobody."""
    before = bed.share.stat().st_mode
    bed.share.chmod(0o755)
    undo = _server(extra="Squash = Root_Squash;")(bed)

    def end() -> None:
        undo()
        bed.share.chmod(before & 0o7777)

    return end


PORT_FIXED: Tables = {"services": {"mountd": {"port": 20048, "host_port": 20048}}}
OURS = {"known_hosts": "{folder}/known"}

FAULTS = (
    Fault("the server is down", "server-down", _stopped, says="2049"),
    Fault("rpcbind is down", "rpcbind-down", _killed_rpcbind),
    Fault(
        "rpcbind was restarted and knows nobody",
        "not-registered",
        _rpcbind_anew,
        outcome="WARN",
        first=False,
    ),
    Fault(
        "rpcbind lists a service that was killed",
        "stale-registration",
        _killed_statd,
        outcome="WARN",
        says="662",
    ),
    Fault(
        "mountd moved from the port that the configuration names",
        "host-port-moved",
        _server(ports=NfsPorts(mountd=40123)),
        tables=PORT_FIXED,
        cured={"services": {"mountd": {"port": 20048, "host_port": "auto"}}},
        says="40123",
    ),
    Fault("no export admits us", "nothing-exported", _server(extra=NOT_US)),
    Fault(
        "the server wants reserved ports",
        "reserved-port",
        _server(privileged=True),
        tables={"host": {"reserved_source_port": "never"}},
        cured={"host": {"reserved_source_port": "auto"}},
        says="TOOWEAK",
    ),
    Fault(
        "the configuration sends mountd's clients to another service",
        "foreign-service",
        lambda _bed: lambda: None,
        tables={"services": {"mountd": {"port": 20048, "host_port": 662}}},
        cured={"services": {"mountd": {"port": 20048, "host_port": "auto"}}},
    ),
    Fault("the server is frozen", "service-frozen", _frozen),
    Fault(
        "a server of version 4 alone",
        "service-down",
        _server(protocols="4"),
        says="nothing listens",
    ),
    Fault(
        "root of clients may not write",
        "root-squashed",
        _folder_of_the_host,
        outcome="WARN",
        first=False,
    ),
    Fault("the gateway is down", "gateway-down", _no_gateway),
    Fault("the gateway is paused", "gateway-silent", _paused_gateway),
    Fault(
        "the gateway's name does not resolve",
        "gateway-unknown",
        lambda _bed: lambda: None,
        tables=dev_gw(host="no-such-gateway.invalid"),
        cured=dev_gw(host=network.GATEWAY_SSH),
    ),
    Fault("sshd turns us away", "gateway-turns-away", _too_many_starting),
    Fault("a key that the gateway does not know", "login-refused", _locked_out),
    Fault(
        "a key that is not there",
        "key-missing",
        lambda _bed: lambda: None,
        tables=dev_gw(identity_files=["/nowhere/id"]),
        cured=dev_gw(identity_files=["{folder}/id_ed25519"]),
        says="/nowhere/id",
    ),
    Fault(
        "an encrypted key, and no agent",
        "key-encrypted",
        _encrypted_key,
        tables=dev_gw(identity_files=["{folder}/encrypted"]),
        cured=dev_gw(identity_files=["{folder}/id_ed25519"]),
        says="ssh-add",
    ),
    Fault(
        "a key that others may read",
        "key-open",
        _open_key,
        tables=dev_gw(identity_files=["{folder}/open"]),
        outcome="WARN",
        run_in="host",
    ),
    Fault(
        "more keys than sshd has patience for",
        "too-many-keys",
        _many_keys,
        tables=dev_gw(identity_files=["{folder}/wrong1", "{folder}/wrong2", "{folder}/id_ed25519"]),
        cured=dev_gw(identity_files=["{folder}/id_ed25519"]),
    ),
    Fault(
        "an unknown host key",
        "host-key-unknown",
        _unknown_host_key,
        tables=dev_gw(**OURS),
        run_in="host",
    ),
    Fault(
        "a changed host key",
        "host-key-changed",
        _changed_host_key,
        tables=dev_gw(**OURS),
        run_in="host",
    ),
    Fault("AllowTcpForwarding no", "forwarding-forbidden", _sshd(allow_tcp_forwarding="no")),
    Fault(
        "PermitListen leaves mountd out",
        "forwarding-forbidden",
        _sshd(permit_listen="*:111 *:2049 *:32803 *:662 *:875"),
        says="20048",
    ),
    Fault("GatewayPorts no", "gateway-ports-no", _sshd(gateway_ports="no"), says="172.22.0.12"),
    Fault(
        "AllowTcpForwarding remote",
        "unverified",
        _sshd(allow_tcp_forwarding="remote"),
        outcome="WARN",
    ),
    Fault("a port is taken", "port-busy", _squatter, says="ss -ltnp 'sport = :2049'"),
    Fault(
        "a port is taken by a process that can be seen", "port-busy", _squatter_of_ours, says="pid"
    ),
    Fault(
        "a port is taken in one address family",
        "foreign-holder",
        _squatter_in_one_family,
        tables=dev_gw(listen="*", client_address=[network.GATEWAY, network.GATEWAY_V6]),
        says="ipv6",
    ),
    Fault(
        "low ports are forbidden", "low-port-forbidden", _no_low_ports, run_in=network.GATEWAY_NAME
    ),
    Fault("an ssh of the user's own", "port-busy", _own_ssh, says="it may be", run_in="host"),
)


def _filled(tables: Any, bed: Bed) -> Any:
    """The tables with the bed's folder in them."""
    if isinstance(tables, str):
        return tables.format(folder=bed.folder)
    if isinstance(tables, list):
        return [_filled(each, bed) for each in tables]
    if isinstance(tables, Mapping):
        return {key: _filled(value, bed) for key, value in tables.items()}
    return tables


@contextmanager
def injected(bed: Bed, fault: Fault) -> Iterator[Undo]:
    """The fault, undone at the end whatever happens; undoing twice does no harm."""
    with ExitStack() as stack:
        undo = fault.inject(bed)
        done: list[bool] = []

        def once() -> None:
            if not done:
                done.append(True)
                undo()

        stack.callback(once)
        yield once


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_failure_is_named_and_its_cure_cures_it(shared: Bed, fault: Fault) -> None:
    tables = merge(dict(PLAIN), _filled(fault.tables, shared))
    doctor = shared.daemon(tables, start=False)
    with injected(shared, fault) as undo:
        report = ask(doctor)
        row = report.row(fault.code) if fault.code in report.codes() else None
        assert row is not None, report.describe()
        assert row["outcome"] == fault.outcome
        assert fault.says in row["text"] + " ".join(row["cure"]), row
        if fault.outcome == "FAIL" and fault.first:
            failures = [c for c in report.checks if c["outcome"] == "FAIL"]
            assert failures[0]["code"] == fault.code, report.describe()
        assert row["cure"], "there is something to do"
        if fault.run_in is not None:
            box = {b.name: b for b in (shared.network.host, shared.network.gateway)}[fault.run_in]
            for command in report.commands(fault.code):
                box.run("sh", "-c", command)
        elif fault.cured is not None:
            doctor.configure(shared.config(merge(dict(tables), _filled(fault.cured, shared))))
        else:
            undo()
        if fault.run_in == "host" and fault.code == "port-busy":
            wait_until(lambda: not shared.gateway.sessions(), "the ssh to end")
        well(ask(doctor))
    nothing_left(shared)


def test_a_healthy_set_up_without_a_daemon(shared: Bed) -> None:
    doctor = shared.daemon(PLAIN, start=False)

    report = ask(doctor)

    well(report)
    names = [c["check"] for c in report.checks]
    assert names == [c["check"] for c in ask(doctor).checks], "always in the same order"
    assert names.index("rpcbind") < names.index("gateway") < names.index("forward")
    assert names[-1] != "forward"
    nothing_left(shared)


def test_a_daemon_is_asked_and_keeps_its_ports(shared: Bed) -> None:
    daemon = shared.daemon(PLAIN)
    try:
        daemon.await_ready()
        attempts = daemon.metric("hostnfsd_tunnel_connect_attempts_total")

        report = ask(daemon)

        well(report)
        assert "tunnel" in [c["check"] for c in report.checks]
        assert daemon.ready()
        assert daemon.metric("hostnfsd_tunnel_connect_attempts_total") == attempts
        assert daemon.metric("hostnfsd_connections_total") == 0
    finally:
        daemon.close()
    nothing_left(shared)


def test_a_daemon_whose_tunnel_is_blocked_is_told_why(shared: Bed) -> None:
    with injected(shared, next(f for f in FAULTS if f.code == "login-refused")) as undo:
        daemon = shared.daemon(PLAIN)
        try:
            daemon.await_phase("blocked")

            report = ask(daemon)

            assert report.row("login-refused")["outcome"] == "FAIL"
            assert report.commands("login-refused")[-1] == "hostnfsd reconnect"
            undo()
            assert "tunnel-down" in ask(daemon).codes(), "it has not tried again yet"
            daemon.command(*report.commands("login-refused")[-1].split()[1:], check=True)
            daemon.await_ready()
            well(ask(daemon))
        finally:
            daemon.close()


def test_an_alias_with_remote_forward_is_told_with_its_lines(shared: Bed) -> None:
    """The very alias with which this began: RemoteForward and ControlPersist."""
    config = shared.folder / "ssh_config"
    lines = [
        "Host dev-gw",
        f"  HostName {network.GATEWAY_SSH}",
        "  User admin",
        f"  IdentityFile {shared.key}",
        f"  UserKnownHostsFile {shared.known_hosts}",
        "  ControlMaster auto",
        f"  ControlPath {shared.folder}/%r",
        "  ControlPersist yes",
        "  RemoteForward 2049 127.0.0.1:2049",
        "  RemoteForward 8080 127.0.0.1:8080",
    ]
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o600)
    tables = dict.fromkeys(("host", "port", "user", "identity_files", "known_hosts"))
    doctor = shared.daemon(
        merge(dict(PLAIN), dev_gw(**tables, ssh_config=str(config))), start=False
    )
    shared.network.host.run("ssh", "-F", str(config), "-o", "BatchMode=yes", "-fN", "dev-gw")
    wait_until(lambda: bool(shared.gateway.sessions()), "the session of the user's own")

    report = ask(doctor)

    rows = [c for c in report.checks if c["code"] == "own-ssh"]
    assert f"{config}, line 9" in rows[0]["text"]
    assert "2049" in rows[0]["text"]
    assert "8080" not in rows[0]["text"]
    assert "ControlPersist" in rows[0]["text"]
    assert "port-busy" in report.codes("FAIL")
    (command,) = report.commands("own-ssh")
    assert command == f"ssh -F {config} -O exit dev-gw"
    shared.network.host.run("sh", "-c", command)
    config.write_text("\n".join(line for line in lines if "RemoteForward 2049" not in line) + "\n")
    wait_until(lambda: not shared.gateway.sessions(), "it to end")
    well(ask(doctor))


def test_a_gateway_that_ssh_config_spells_otherwise_is_told_with_the_right_name(
    shared: Bed,
) -> None:
    more = shared.folder / "more_config"
    more.write_text(
        f"Host dev-gateway\n  HostName {network.GATEWAY_SSH}\n  User admin\n"
        f"  IdentityFile {shared.key}\n  UserKnownHostsFile {shared.known_hosts}\n"
    )
    config = shared.folder / "ssh_config"
    config.write_text(f"Include {more}\n")
    for file in (config, more):
        file.chmod(0o600)
    keys = {"ssh_config": str(config), "client_address": network.GATEWAY}
    doctor = shared.daemon(PLAIN, start=False)
    doctor.configure(merge(dict(PLAIN), {"gateway": {"dev-gatewya": keys}}))

    report = ask(doctor)

    row = report.row("gateway-unknown")
    assert (row["check"], row["outcome"]) == ("ssh-config", "FAIL"), report.describe()
    assert f"{config} has no Host dev-gatewya" in row["text"]
    assert row["cure"] == ["name the table [gateway.dev-gateway]"]
    assert report.codes() == {"gateway-unknown"}, "the rest waits for it"
    doctor.configure(merge(dict(PLAIN), {"gateway": {"dev-gateway": keys}}))
    well(ask(doctor))


def test_the_gateways_settings_are_told_to_whom_may_see_them(shared: Bed) -> None:
    doctor = shared.daemon(merge(dict(PLAIN), dev_gw(user="root")), start=False)

    assert ask(doctor).codes() == {"client-alive-off"}

    cure = {"client_alive_interval_s": 5, "client_alive_count_max": 2}
    assert (
        "ClientAliveInterval 5 and ClientAliveCountMax 2"
        in ask(doctor).row("client-alive-off")["cure"][0]
    )
    undo = _sshd(**cure)(shared)
    try:
        report = ask(doctor)
        well(report)
        assert any("15 s" in c["text"] for c in report.checks if c["check"] == "sshd")
        cuts = ("ChannelTimeout forwarded-tcpip=5m", "UnusedConnectionTimeout 1h")
        end = _sshd(extra=cuts)(shared)
        assert ask(doctor).codes() == {"channel-timeout"}
        end()
        well(ask(doctor))
    finally:
        undo()


def test_a_configuration_with_errors_is_told_with_its_line(shared: Bed) -> None:
    doctor = shared.daemon(PLAIN, start=False)
    good = doctor.config_file.read_text(encoding="utf-8")
    doctor.write(good.replace("[host]", '[host]\nexprots = "x"'))

    row = ask(doctor).row("config-invalid")

    assert row["outcome"] == "FAIL"
    assert "exprots" in row["text"]
    assert any("exports" in step for step in row["cure"]), row
    doctor.write(good)
    well(ask(doctor))


def test_where_sshd_does_not_tell_what_the_daemon_met_counts(shared: Bed) -> None:
    def of_sshd(report: Report) -> list[dict[str, Any]]:
        return [c for c in report.checks if c["check"] == "sshd"]

    def failed(daemon: Daemon) -> dict[str, int]:
        (gateway,) = daemon.status()["gateways"]
        failures: dict[str, int] = gateway["failures"]
        return failures

    with injected(shared, next(f for f in FAULTS if f.code == "gateway-turns-away")) as undo:
        daemon = shared.daemon(PLAIN)
        try:
            daemon.await_phase("backoff")
            wait_until(lambda: failed(daemon).get("busy", 0) > 0, "it to be turned away")
            undo()
            daemon.command("reconnect", check=True)  # it would wait, not to be penalised
            daemon.await_ready()

            unknown, turned_away = of_sshd(ask(daemon))
            assert unknown["outcome"] == "SKIP"
            assert (turned_away["outcome"], turned_away["code"]) == ("WARN", "gateway-turns-away")

            daemon.restart()
            daemon.await_ready()
            (unknown,) = of_sshd(ask(daemon))
            assert unknown["outcome"] == "SKIP"
            assert "met nothing that speaks against them" in unknown["text"]
        finally:
            daemon.close()


def test_what_a_real_client_prints_is_explained_and_the_cure_mounts(shared: Bed) -> None:
    daemon = shared.daemon(PLAIN)
    source = f"{network.GATEWAY_NAME}:/var/local/project"
    try:
        daemon.await_ready()

        def mount(options: str) -> Any:
            words = f"mount -v -t nfs -o {options},retry=0 {source} /mnt/nfs"
            return shared.kernel.run(f"{words} && umount /mnt/nfs", check=False)

        for options, code in (
            ("vers=3,proto=tcp", "no-nolock"),
            ("vers=4.2,proto=tcp,nolock", "version-4"),
            ("vers=3,proto=tcp,nolock,port=2049,mountport=1023", "mountd-port"),
        ):
            failed = mount(options)
            assert failed.status != 0
            told = daemon.command("doctor", "--json", "--explain", failed.text)
            entries = json.loads(told.output)["entries"]
            assert entries[0]["code"] == code, failed.text
            assert any("mount --for linux" in step for step in entries[0]["cure"])
        printed = daemon.command("mount", "--for", "linux", "/var/local/project").output
        (line,) = (line for line in printed.splitlines() if line.startswith("mount -t nfs"))
        assert mount(line.split(" -o ")[1].split()[0]).status == 0
    finally:
        daemon.close()


def test_the_screen(shared: Bed) -> None:
    """Its last line is the first failure's cure."""
    doctor = shared.daemon(PLAIN, start=False)
    with injected(shared, next(f for f in FAULTS if f.code == "server-down")):
        done = doctor.command("doctor", timeout_s=40)

    assert done.status == 1
    assert done.output.splitlines()[-1].startswith("sudo systemctl enable --now nfs")
    wide = [line for line in done.output.splitlines() if len(line) > 80]
    assert [line for line in wide if os.sep not in line] == []


def test_fix_does_what_is_safe_and_looks_again(shared: Bed) -> None:
    key = shared.folder / "open_key"
    key.write_bytes(shared.key.read_bytes())
    key.chmod(0o644)
    known = shared.folder / "known"
    known.write_text("")
    tables = dev_gw(identity_files=[str(key)], known_hosts=str(known))
    doctor = shared.daemon(merge(dict(PLAIN), tables), start=False)

    refused = doctor.command("doctor", "--fix", timeout_s=40)
    assert refused.status == 1
    assert f"  chmod 600 {key}" in refused.output
    assert "Nothing was done" in refused.output
    assert key.stat().st_mode & 0o777 == 0o644

    done = doctor.command("doctor", "--fix", "--yes", "--accept-host-key", timeout_s=60)
    assert done.status == 0, done.output
    assert f"done: chmod 600 {key}" in done.output
    assert "done: ssh-keyscan" in done.output
    assert key.stat().st_mode & 0o777 == 0o600
    well(ask(doctor))
    nothing_left(shared)
