import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.tunnel.gateway import read_survey
from hostnfsd.tunnel.own_session import Place, SessionProcess, read_process

BOOT = "ff9591e5-965d-4b23-bbe2-03e021c699df"
#: As the test bed's gateway printed it (OpenSSH 9.2).
LINE = f"{BOOT} pid:[4026533003] 1330428 15 1330855 3022 (sshd)"
READ = SessionProcess(Place(BOOT, "pid:[4026533003]", 1330428), 15, 1330855, 3022, "sshd")


def test_what_the_bed_prints_is_read() -> None:
    assert read_process(LINE.split()) == READ


def test_sshd_since_9_8_has_another_name() -> None:
    """As OpenSSH 10.0 in a container of its own was seen to print it."""
    line = f"{BOOT} pid:[4026532486] 1567180 28 1567205 1000 (sshd-session)"

    assert read_process(line.split()) == SessionProcess(
        Place(BOOT, "pid:[4026532486]", 1567180), 28, 1567205, 1000, "sshd-session"
    )


def test_a_gateway_without_readlink_tells_no_namespace() -> None:
    found = read_process(LINE.replace("pid:[4026533003]", "-").split())

    assert found is not None
    assert found.place.namespace == "-"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (BOOT, "ff9591e5"),
        (BOOT, f"{BOOT};reboot"),
        ("pid:[4026533003]", "$(reboot)"),
        (" 15 ", " 1 "),  # a container's first process, whose end is the container's
        (" 15 ", " -1 "),  # kill(1): every process
        (" 15 ", " 0 "),  # kill(1): the shell's own group
        (" 15 ", " 1e3 "),
        (" 15 ", " ١٥ "),
        (" 15 ", " "),
        ("1330855", ""),
        ("1330855", "0"),
        ("3022", "admin"),
        ("(sshd)", "(bash)"),
        ("(sshd)", "(sshd) more"),
        ("(sshd)", ""),
    ],
)
def test_what_makes_no_sense_is_nobody(right: str, wrong: str) -> None:
    assert read_process(LINE.replace(right, wrong).split()) is None


@given(st.lists(st.text(max_size=20), max_size=9))
def test_nothing_but_known_words_comes_through(words: list[str]) -> None:
    found = read_process(words)

    assert found is None or found.pid > 1


def test_the_survey_has_it_and_calls_it_no_news() -> None:
    text = f"uid 3022\nsshd {LINE}\n"
    survey = read_survey(text)

    assert survey.process == READ
    assert survey == read_survey("uid 3022\n")
