from pathlib import PurePosixPath

import pytest

from hostnfsd.config.paths import (
    Scope,
    Surroundings,
    control_socket,
    control_sockets,
    expand,
    state_directory,
)

HOME = PurePosixPath("/home/me")
SUPPORT = "/home/me/Library/Application Support/hostnfsd"


def here(platform: str = "linux", uid: int = 1000, **environ: str) -> Surroundings:
    return Surroundings(platform, HOME, uid, environ)


def test_root_is_the_system() -> None:
    assert here(uid=0).scope is Scope.SYSTEM
    assert here().scope is Scope.USER


@pytest.mark.parametrize(
    ("surroundings", "socket"),
    [
        (here(uid=0), "/run/hostnfsd/control.sock"),
        (here("darwin", uid=0), "/var/run/hostnfsd/control.sock"),
        (here(XDG_RUNTIME_DIR="/run/user/1000"), "/run/user/1000/hostnfsd/control.sock"),
        (here(), "/home/me/.local/state/hostnfsd/control.sock"),
        (here(XDG_RUNTIME_DIR="relative"), "/home/me/.local/state/hostnfsd/control.sock"),
        (here("darwin", XDG_RUNTIME_DIR="/x"), f"{SUPPORT}/control.sock"),
        (here(RUNTIME_DIRECTORY="/run/hostnfsd:/run/more"), "/run/hostnfsd/control.sock"),
    ],
)
def test_the_daemons_socket(surroundings: Surroundings, socket: str) -> None:
    assert str(control_socket("", surroundings)) == socket


def test_a_socket_configured_is_the_socket() -> None:
    assert str(control_socket("~/c.sock", here(RUNTIME_DIRECTORY="/r"))) == "/home/me/c.sock"


def test_commands_try_the_usual_sockets_after_the_configured() -> None:
    """A daemon that was started before the key was written listens where it did."""
    tried = control_sockets("/c.sock", here(XDG_RUNTIME_DIR="/run/user/1"))

    assert [str(socket) for socket in tried] == [
        "/c.sock",
        "/run/user/1/hostnfsd/control.sock",
        "/run/hostnfsd/control.sock",
    ]


def test_a_socket_is_tried_once() -> None:
    assert [str(socket) for socket in control_sockets("/run/hostnfsd/control.sock", here())] == [
        "/run/hostnfsd/control.sock",
        "/home/me/.local/state/hostnfsd/control.sock",
    ]


def test_commands_try_the_users_then_the_systems() -> None:
    assert [str(s) for s in control_sockets("", here(XDG_RUNTIME_DIR="/run/user/1"))] == [
        "/run/user/1/hostnfsd/control.sock",
        "/run/hostnfsd/control.sock",
    ]
    assert [str(s) for s in control_sockets("", here("darwin"))] == [
        f"{SUPPORT}/control.sock",
        "/var/run/hostnfsd/control.sock",
    ]


@pytest.mark.parametrize(
    ("surroundings", "directory"),
    [
        (here(uid=0), "/var/lib/hostnfsd"),
        (here("darwin", uid=0), "/var/db/hostnfsd"),
        (here(), "/home/me/.local/state/hostnfsd"),
        (here(XDG_STATE_HOME="/s"), "/s/hostnfsd"),
        (here("darwin"), SUPPORT),
        (here(STATE_DIRECTORY="/var/lib/private/hostnfsd"), "/var/lib/private/hostnfsd"),
    ],
)
def test_the_daemons_state(surroundings: Surroundings, directory: str) -> None:
    assert str(state_directory("", surroundings)) == directory


def test_state_configured_is_the_state() -> None:
    assert str(state_directory("~/s", here())) == "/home/me/s"


@pytest.mark.parametrize(
    ("text", "path"), [("~", "/home/me"), ("~/a", "/home/me/a"), ("/a", "/a"), ("~b/a", "~b/a")]
)
def test_only_the_own_home_is_expanded(text: str, path: str) -> None:
    assert str(expand(text, HOME)) == path
