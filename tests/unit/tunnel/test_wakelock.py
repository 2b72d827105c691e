"""Which command keeps a machine awake, and what its failure means."""

import pytest

from hostnfsd.tunnel.wakelock import Cannot, Holder, ended, holder, idle_action, missing


def test_a_mac_is_held_for_this_process_and_from_idle_sleep_alone() -> None:
    # caffeinate(8) of macOS 14; not run on a Mac.
    assert holder("darwin", 4711) == Holder(("caffeinate", "-i", "-w", "4711"), echoes=False)


def test_linux_is_held_from_going_idle_and_resists_nobody_who_says_suspend() -> None:
    command = holder("linux", 4711)
    assert isinstance(command, Holder)
    program, *options, last = command.argv
    assert (program, last, command.echoes) == ("systemd-inhibit", "cat", True)
    assert "--what=idle" in options
    assert "--mode=block" in options  # the only one there is for idle
    assert "--who=hostnfsd" in options


def test_another_system_is_left_alone() -> None:
    cannot = holder("freebsd14", 1)
    assert isinstance(cannot, Cannot)
    assert cannot.needless
    assert "freebsd14" in cannot.text


@pytest.mark.parametrize(("platform", "needless"), [("darwin", False), ("linux", True)])
def test_without_the_program(platform: str, needless: bool) -> None:
    assert missing(platform).needless is needless


@pytest.mark.parametrize("printed", ["", "Failed to get property IdleAction: gone\n"])
def test_where_logind_does_not_answer_nothing_is_lost(printed: str) -> None:
    # systemd 252 and 257, without a system bus.
    said = "Failed to connect to bus: Connection refused"
    cannot = ended("linux", said, printed)
    assert cannot.needless
    assert said in cannot.text


@pytest.mark.parametrize("action", ["ignore", "lock"])
def test_a_server_that_stays_on_when_idle_needs_no_lock(action: str) -> None:
    # Debian 13 without polkit, and a user that is not root.
    cannot = ended("linux", "Failed to inhibit: Access denied", f's "{action}"\n')
    assert cannot.needless
    assert "Access denied" in cannot.text


def test_a_machine_that_would_sleep_and_cannot_be_held_has_a_cure() -> None:
    cannot = ended("linux", "Failed to inhibit: Access denied", 's "suspend"\n')
    assert cannot.hint is not None
    assert "polkit" in cannot.hint
    assert 'host.keep_awake = "never"' in cannot.hint
    assert "Access denied" in cannot.text


def test_a_mac_that_cannot_be_held_says_why() -> None:
    cannot = ended("darwin", "it ended with status 1", "")
    assert cannot.hint is not None
    assert "status 1" in cannot.text


# busctl(1) of systemd 252 and 257.
@pytest.mark.parametrize(
    ("printed", "action"),
    [
        ('s "ignore"\n', "ignore"),
        ('s "suspend-then-hibernate"\n', "suspend-then-hibernate"),
        ("Failed to connect to bus: Connection refused\n", None),
        ("", None),
    ],
)
def test_what_logind_does_with_an_idle_machine(printed: str, action: str | None) -> None:
    assert idle_action(printed) == action
