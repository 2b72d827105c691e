"""Dead sessions of our own that hold the ports: ended where it is allowed, and nothing else is."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bed import network
from tests.bed.bed import Bed, BedOptions
from tests.bed.daemon import Daemon
from tests.bed.gateway import SshdOptions
from tests.bed.waiting import wait_until

MakeBed = Callable[[BedOptions], Bed]
#: A gateway that gives a dead session up after 5 x (2 + 1) s, as is advised, is slower than this.
SOON_S = 10
#: A loss is noticed after 0.5 x (2 + 1) s.
QUICK = {"tunnel": {"keepalive_interval_s": 0.5}}
BYSTANDER = 7777


@pytest.fixture(scope="module")
def module_bed() -> Iterator[Bed]:
    with Bed() as made:
        yield made


@pytest.fixture
def gateway_bed(module_bed: Bed) -> Iterator[Bed]:
    """A bed that these tests share: without daemons, sessions and faults."""
    yield module_bed
    for daemon in module_bed.daemons:
        daemon.close()
    module_bed.network.heal()
    module_bed.gateway.kill_sessions()
    wait_until(lambda: not module_bed.gateway.sessions(), "all sessions to end")


def configured(mode: str, **more: Any) -> dict[str, Any]:
    return {"gateway": {network.GATEWAY_NAME: {"reclaim": mode}}, **more}


def reclaims(daemon: Daemon) -> dict[str, float]:
    """The results that were counted, without those that never came."""
    found = {
        dict(labels)["result"]: value
        for (name, labels), value in daemon.metrics().items()
        if name == "hostnfsd_reclaims_total"
    }
    return {result: value for result, value in found.items() if value}


def record(daemon: Daemon) -> Path:
    """The file in which it remembers its sessions."""
    (found,) = (daemon.folder / "state").glob("*.json")
    return found


def sessions(daemon: Daemon) -> list[dict[str, Any]]:
    """Those that are remembered on disk."""
    try:
        document = json.loads(record(daemon).read_text())
    except ValueError:  # there is no file yet
        return []
    found: list[dict[str, Any]] = document["gateways"].get(network.GATEWAY_NAME, [])
    return found


def serve(daemon: Daemon) -> None:
    """Wait until it serves, and will know its session after a crash."""
    daemon.await_ready()
    daemon.wait_until(lambda: sessions(daemon), "the session to be remembered")


@pytest.mark.parametrize("user", ["admin", "root"])
def test_after_a_crash_the_session_before_is_ended_and_no_other(
    make_bed: MakeBed, user: str
) -> None:
    bed = make_bed(BedOptions(user=user))
    daemon = bed.daemon()
    serve(daemon)
    (dead,) = bed.gateway.sessions()
    bed.plain_ssh(BYSTANDER)  # the same user's, and none of ours
    (bystander,) = [each for each in bed.gateway.sessions() if each.pid != dead.pid]

    # sshd hears nothing of the end: by its defaults it would hold the ports for hours.
    bed.network.strand()
    daemon.kill()
    assert dead.pid in [each.pid for each in bed.gateway.sessions()]
    started = time.monotonic()
    daemon.start()
    daemon.await_ready(timeout_s=SOON_S)

    assert time.monotonic() - started < SOON_S
    left = [each.pid for each in bed.gateway.sessions()]
    assert dead.pid not in left
    assert bystander.pid in left
    assert len(left) == 2
    assert ("0.0.0.0", BYSTANDER) in bed.network.gateway.listening()
    assert reclaims(daemon) == {"ended": 1}
    assert daemon.log.count("session_reclaimed") == 1


def test_after_a_loss_of_the_network_too(make_bed: MakeBed) -> None:
    """Docker Desktop's proxy goes on acknowledging, and passes on nothing: not even the end."""
    bed = make_bed(BedOptions(through_proxy=True))
    daemon = bed.daemon(QUICK)
    daemon.await_ready()
    (dead,) = bed.gateway.sessions()

    bed.proxy.strand()

    daemon.wait_until(lambda: reclaims(daemon) == {"ended": 1}, "the old session to be ended")
    daemon.await_ready(timeout_s=SOON_S)
    (stands,) = bed.gateway.sessions()
    assert stands.pid != dead.pid
    assert daemon.metric("hostnfsd_tunnel_losses_total", reason="keepalive") == 1
    assert daemon.metric("hostnfsd_tunnel_recovery_seconds_sum") < SOON_S


def test_one_that_holds_one_address_family_alone_too(make_bed: MakeBed) -> None:
    """sshd grants what is left, and does not say that it is not all: the probes find out."""
    bed = make_bed(BedOptions(sshd=SshdOptions(gateway_ports="clientspecified")))
    daemon = bed.daemon({"gateway": {network.GATEWAY_NAME: {"listen": "0.0.0.0"}}})
    serve(daemon)
    bed.network.strand()
    daemon.kill()

    daemon.change(gateway={network.GATEWAY_NAME: {"listen": "*"}})
    daemon.start()

    daemon.await_ready(timeout_s=SOON_S)
    assert reclaims(daemon) == {"ended": 1}
    assert {("0.0.0.0", 2049), ("::", 2049)} <= bed.network.gateway.listening()
    assert len(bed.gateway.sessions()) == 1


def test_a_session_that_hangs_is_killed(gateway_bed: Bed) -> None:
    """Stopped with its monitor: it hears no TERM, and cannot say that it is gone."""
    daemon = gateway_bed.daemon(QUICK)
    daemon.await_ready()

    assert gateway_bed.gateway.freeze_sessions() == 1

    daemon.wait_until(lambda: reclaims(daemon) == {"ended": 1}, "the old session to be ended")
    daemon.await_ready()
    gateway_bed.gateway.thaw()
    wait_until(lambda: len(gateway_bed.gateway.sessions()) == 1, "its monitor to end")
    assert daemon.ready()


def test_a_folder_that_cannot_be_used_costs_the_memory_alone(gateway_bed: Bed) -> None:
    """What the daemon itself has lost it still knows; what it did before its crash it does not."""
    daemon = gateway_bed.daemon(QUICK, start=False)
    (daemon.folder / "state").write_text("")
    daemon.start()
    daemon.await_ready()
    assert "sessions are not remembered" in daemon.command("status").output

    gateway_bed.network.strand()

    daemon.wait_until(lambda: reclaims(daemon) == {"ended": 1}, "the old session to be ended")
    daemon.await_ready(timeout_s=SOON_S)
    assert daemon.log.count("sessions_not_kept") == 1


def test_wait_says_so_and_ends_nothing(gateway_bed: Bed) -> None:
    daemon = gateway_bed.daemon(configured("wait"))
    serve(daemon)
    (dead,) = gateway_bed.gateway.sessions()
    gateway_bed.network.strand()
    daemon.kill()

    daemon.start()
    daemon.await_service("nfs", "refused")

    status = " ".join(daemon.command("status").output.split())
    assert "the session we recorded there" in status
    assert 'may hold it; reclaim = "wait" leaves it to the gateway\'s time-out' in status
    assert reclaims(daemon) == {"waited": 1}
    assert dead.pid in [each.pid for each in gateway_bed.gateway.sessions()]
    assert daemon.log.count("session_not_reclaimed") == 1

    # It may be ended now: no restart is needed, and nobody has to wait.
    daemon.change(**configured("auto"))
    daemon.command("reload", check=True)
    daemon.await_ready()
    assert reclaims(daemon) == {"waited": 1, "ended": 1}


def test_never_remembers_nothing(gateway_bed: Bed) -> None:
    daemon = gateway_bed.daemon(configured("never"))
    daemon.await_ready()
    (dead,) = gateway_bed.gateway.sessions()
    gateway_bed.network.strand()
    daemon.kill()

    daemon.start()
    daemon.await_service("nfs", "refused")

    assert "we recorded" not in daemon.command("status").output
    assert sessions(daemon) == []
    assert not reclaims(daemon)
    assert dead.pid in [each.pid for each in gateway_bed.gateway.sessions()]


def test_without_a_command_the_time_out_is_waited_for_and_said(make_bed: MakeBed) -> None:
    options = SshdOptions(
        client_alive_interval_s=3, client_alive_count_max=1, extra=("ForceCommand /bin/false",)
    )
    bed = make_bed(BedOptions(sshd=options))
    daemon = bed.daemon()
    serve(daemon)
    bed.network.strand()
    daemon.kill()

    daemon.start()
    daemon.await_service("nfs", "refused")

    status = " ".join(daemon.command("status").output.split())
    assert "the session we recorded there" in status
    assert "runs no command that would end it: its time-out is waited for" in status
    assert "set ClientAliveInterval 5 and ClientAliveCountMax 2" in status
    assert daemon.log.count("session_not_reclaimed") == 1
    daemon.await_ready(timeout_s=20)
    assert reclaims(daemon) == {"untold": 1}


WRONG = (
    {"boot_id": "00000000-0000-4000-8000-000000000000"},
    {"pid_namespace": "pid:[1]"},
    {"first_process_start": 1},  # a container that was restarted
    {"start": 1},  # the number is another process by now
    {"uid": 4711},
    {"name": "sshd-session"},
)


def test_a_record_that_fits_in_all_but_one_ends_nobody(gateway_bed: Bed) -> None:
    """Everybody else's: of another boot, another container, another process with its number."""
    daemon = gateway_bed.daemon()
    serve(daemon)
    (recorded,) = sessions(daemon)
    assert daemon.terminate() == 0
    wait_until(lambda: not gateway_bed.gateway.sessions(), "the session to end")
    gateway_bed.plain_ssh(2049)
    (bystander,) = gateway_bed.gateway.sessions()
    here = gateway_bed.gateway.box.run(
        "sh", "-c", f"cat /proc/{inner_pid(gateway_bed)}/stat"
    ).output.rpartition(") ")[2]
    its = recorded["process"] | {
        "pid": inner_pid(gateway_bed),
        "start": int(here.split()[19]),
    }
    document = json.loads(record(daemon).read_text())
    document["gateways"][network.GATEWAY_NAME] = [
        recorded | {"process": its | wrong} for wrong in WRONG
    ]
    record(daemon).write_text(json.dumps(document))

    daemon.start()
    daemon.await_service("nfs", "refused")

    daemon.await_service("mountd", "serving")
    assert bystander.pid in [each.pid for each in gateway_bed.gateway.sessions()]
    assert "port 2049 is already taken" in daemon.command("status").output
    assert "we recorded" not in daemon.command("status").output
    assert reclaims(daemon) == {"gone": 3}

    # The same record with nothing wrong in it: it would have been believed.
    assert daemon.terminate() == 0
    document["gateways"][network.GATEWAY_NAME] = [recorded | {"process": its}]
    record(daemon).write_text(json.dumps(document))
    daemon.start()
    daemon.await_ready()
    assert reclaims(daemon) == {"ended": 1}


def inner_pid(bed: Bed) -> int:
    """The number that the only session has in the gateway's own pid namespace."""
    (session,) = bed.gateway.sessions()
    status = Path(f"/proc/{session.pid.number}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    return int(line.split()[-1])


def test_daemons_that_share_login_and_folder_leave_each_other_alone(gateway_bed: Bed) -> None:
    first = gateway_bed.daemon()
    serve(first)
    (stands,) = gateway_bed.gateway.sessions()

    second = gateway_bed.daemon({"state": {"directory": str(first.folder / "state")}})
    second.await_service("nfs", "refused")

    assert stands.pid in [each.pid for each in gateway_bed.gateway.sessions()]
    assert not reclaims(second)
    assert first.ready()
    assert len(list((first.folder / "state").glob("*.json"))) == 2


def test_somebody_elses_listener_is_told_and_never_ended(gateway_bed: Bed) -> None:
    daemon = gateway_bed.daemon()
    serve(daemon)
    assert daemon.terminate() == 0
    wait_until(lambda: not gateway_bed.gateway.sessions(), "the session to end")

    with gateway_bed.squatter(2049, "0.0.0.0", "::", uid=3022):  # even one of our own user
        daemon.start()
        daemon.await_service("nfs", "refused")
        daemon.await_service("mountd", "serving")
        assert "port 2049 is already taken" in daemon.command("status").output
        assert ("0.0.0.0", 2049) in gateway_bed.network.gateway.listening()
        assert set(reclaims(daemon)) <= {"gone"}
    daemon.await_ready()
