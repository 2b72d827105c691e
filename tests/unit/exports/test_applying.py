"""Who tells the server of a change, and by what."""

import pytest

from hostnfsd.exports import applying
from hostnfsd.exports.applying import ByHand, Command, Outcome, Request, answered, outcome, way
from hostnfsd.exports.model import Dialect


@pytest.mark.parametrize(
    ("dialect", "argv"),
    [(Dialect.LINUX, ("exportfs", "-ra")), (Dialect.DARWIN, ("nfsd", "update"))],
)
def test_root_does_it(dialect: Dialect, argv: tuple[str, ...]) -> None:
    assert way(dialect, dialect.value, root=True, runtime="") == Command(argv)


def test_nothing_restarts_a_server_or_unlinks_a_file() -> None:
    words = {word for argv in applying.COMMANDS.values() for word in argv}

    assert words == {"exportfs", "-ra", "nfsd", "update"}


def test_the_service_of_systemd_asks_a_unit_that_may() -> None:
    found = way(Dialect.LINUX, "linux", root=False, runtime="/run/hostnfsd")

    assert isinstance(found, Request)
    assert "sudo hostnfsd install --system" in found.cure
    assert "sudo exportfs -ra" in found.cure


@pytest.mark.parametrize("runtime", ["", "/run/user/1000/hostnfsd", "/run/hostnfsd:/run/other"])
def test_elsewhere_a_person_is_told_what_to_run(runtime: str) -> None:
    found = way(Dialect.LINUX, "linux", root=False, runtime=runtime)

    assert found == ByHand(
        "exportfs -ra must be run as root, and hostnfsd does not run as root",
        "run: sudo exportfs -ra",
    )


def test_a_user_s_agent_on_macos_tells_what_to_run() -> None:
    found = way(Dialect.DARWIN, "darwin", root=False, runtime="/run/hostnfsd")

    assert isinstance(found, ByHand)
    assert found.cure == "run: sudo nfsd update"


@pytest.mark.parametrize("root", [True, False])
def test_another_system_s_file_is_nobody_s_here(root: bool) -> None:
    found = way(Dialect.DARWIN, "linux", root=root, runtime="/run/hostnfsd")

    assert isinstance(found, ByHand)
    assert found.cure.startswith("on the machine that has the server")


def test_what_a_command_said_is_one_sentence() -> None:
    assert outcome(0, b"").text == ""
    assert outcome(0, b"exportfs: a warning\n\n  of two lines\n").text == (
        "exportfs: a warning; of two lines"
    )
    assert outcome(1, b"exportfs: No such file\n").text == "exit status 1: exportfs: No such file"
    assert outcome(2, b"").text == "exit status 2"
    assert len(outcome(1, b"x" * 10**6).said) == applying.MOST_SAID


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        (b"0\n\n", Outcome(0, "")),
        (b"1\nexportfs: \xff\nmore\n", Outcome(1, "exportfs: \ufffd\nmore")),
        (b"", None),
        (b"done\n", None),
        (b"-1\n", None),
    ],
)
def test_an_answer_is_a_status_and_what_was_said(content: bytes, meant: Outcome | None) -> None:
    assert answered(content) == meant
