"""The text of ``hostnfsd doctor``: compared as a whole, for its layout is what people read."""

import re

import pytest

from hostnfsd.cli.columns import fitting
from hostnfsd.cli.doctor_text import DoctorPage, explanation
from hostnfsd.doctor.check import Check, Id, Row, blocked
from hostnfsd.doctor.explain import explain
from hostnfsd.doctor.finding import failed, passed, warned
from hostnfsd.problem import Place

ROWS = [
    Row(Check(Id("configuration"), "configuration", "Configuration"), (passed("/x: 1 gateway"),)),
    Row(
        Check(Id("nfs-server"), "NFS server", "NFS server of this host"),
        (
            failed(
                "server-down",
                "nothing listens at 127.0.0.1:2049 (connection refused); nfs-server does not run",
                ("start it:", "$ sudo systemctl enable --now nfs-server.service"),
            ),
        ),
    ),
]
ROWS.append(blocked(Check(Id("service", "nfs"), "nfs", "NFS server of this host"), ROWS[1]))
ROWS.append(
    Row(
        Check(Id("exports-file"), "exports file", "NFS server of this host"),
        (warned("exports-invalid", "odd\x1b[2J", (), Place("/etc/exports", 3, 1)), passed("two")),
    )
)

TEXT = """\
Configuration
  PASS  configuration       /x: 1 gateway

NFS server of this host
  FAIL  NFS server          nothing listens at 127.0.0.1:2049 (connection
                            refused); nfs-server does not run [server-down]
                            start it:
                            sudo systemctl enable --now nfs-server.service
  SKIP  nfs                 not looked at: NFS server failed
  WARN  exports file        /etc/exports:3:1: odd\\x1b[2J [exports-invalid]
  PASS                      two

1 failed, 1 warning, 2 passed, 1 not looked at in 1.2 s

Mend first: NFS server: nothing listens at 127.0.0.1:2049 (connection
  refused); nfs-server does not run
  Nobody listens at the port of NFS on the host. Through a plain `ssh -R` the
  client's connection is accepted and then reset, which mount.nfs calls a failed
  portmap query.
  start it:
sudo systemctl enable --now nfs-server.service
"""


def printed(rows: list[Row], *, colour: bool, width: int = 80, config: str | None = None) -> str:
    page = DoctorPage(colour=colour, width=width, config=config)
    return "".join(page.row(row) for row in rows) + page.rest() + page.verdict(rows, 1.234)


def test_the_whole_text() -> None:
    assert printed(ROWS, colour=False) == TEXT


def test_colours_change_nothing_else() -> None:
    coloured = printed(ROWS, colour=True)

    assert "\x1b[1;31mFAIL\x1b[0m" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert "\n".join(line.rstrip() for line in plain.splitlines()) + "\n" == TEXT


def test_only_commands_may_be_wider_than_a_terminal() -> None:
    assert all(len(line) <= 80 for line in TEXT.splitlines())


@pytest.mark.parametrize("width", [60, 100])
def test_a_terminal_that_is_narrower_or_wider_is_filled(width: int) -> None:
    lines = [
        line for line in printed(ROWS, colour=False, width=width).splitlines() if "sudo" not in line
    ]

    assert all(len(line) <= width for line in lines)
    assert max(map(len, lines)) > width - 12
    assert " ".join(" ".join(lines).split()) == " ".join(
        " ".join(line for line in TEXT.splitlines() if "sudo" not in line).split()
    )


@pytest.mark.parametrize(
    ("columns", "width"), [(None, 80), (80, 80), (60, 60), (20, 50), (0, 50), (200, 100)]
)
def test_how_much_of_a_terminal_is_filled(columns: int | None, width: int) -> None:
    assert fitting(columns) == width


def test_the_last_line_uses_the_configuration_that_was_named() -> None:
    rows = [Row(ROWS[0].check, (failed("config-invalid", "x", ("$ hostnfsd check",)),))]

    *_, last = printed(rows, colour=False, config="/my own.toml").splitlines()
    assert last == "hostnfsd --config '/my own.toml' check"


def of(gateway: str, *titles: str) -> list[Check]:
    return [Check(Id(title, gateway), title, f"Gateway {gateway}") for title in titles]


def test_what_one_failure_has_left_out_is_one_row() -> None:
    first, *others = of("gw", "login", "sshd's settings", "nfs:2049", "mountd:20048")
    root = Row(first, (failed("login-refused", "no"),))
    (other,) = of("other", "clock")
    rows = [root, *(blocked(each, root) for each in others), blocked(other, root)]

    assert (
        printed(rows, colour=False)
        .partition("\n\n")[0]
        .endswith(
            "\n  SKIP  3 checks            not looked at: login failed (sshd's settings,"
            "\n                            nfs:2049, mountd:20048)"
        )
    )
    assert (
        "\nGateway other\n  SKIP  clock               not looked at: Gateway gw, login failed\n"
        in printed(rows, colour=False)
    )
    assert "1 failed, 4 not looked at" in printed(rows, colour=False), "each counts"


def test_of_several_gateways_it_is_told_at_which_to_begin() -> None:
    (good,), (bad,) = of("gw", "login"), of("other", "login")
    rows = [Row(good, (passed("well"),)), Row(bad, (failed("login-refused", "refused"),))]

    assert "Mend first: Gateway other, login: refused\n" in printed(rows, colour=False)


@pytest.mark.parametrize(("number", "colour"), [(1, "32"), (2, "33"), (4, "1;31")])
def test_the_count_has_the_colour_of_the_worst(number: int, colour: str) -> None:
    rows = [ROWS[0], ROWS[3], *ROWS[1:]][:number]

    assert f"\n\x1b[{colour}m1 " in printed(rows, colour=True)


def test_a_healthy_one_ends_with_the_count() -> None:
    assert printed(ROWS[:1], colour=False).endswith("\n1 passed in 1.2 s\n")


def test_of_a_cure_in_words_the_words_are_last() -> None:
    rows = [Row(ROWS[0].check, (failed("config-invalid", "wrong", ("mend it",)),))]

    assert printed(rows, colour=False).splitlines()[-1] == "mend it"


def test_a_line_for_a_file_is_never_divided() -> None:
    line = "allow = [" + ", ".join(f'"10.0.0.{number}"' for number in range(9)) + "]"
    told = ("let it in:", f"> {line}")
    alone = [Row(ROWS[0].check, (failed("client-not-admitted", "x", told),))]
    rows = [Row(ROWS[0].check, (failed("client-not-admitted", "x", (*told, "$ reload")),))]

    assert printed(alone, colour=False).splitlines()[-1] == line
    *_, shown, last = printed(rows, colour=False).splitlines()
    assert (shown, last) == (f"  {line}", "reload")
    assert rows[0].findings[0].hint == f"let it in:; {line}; reload"


def test_commands_come_last_together() -> None:
    rows = [Row(ROWS[0].check, (failed("config-invalid", "x", ("$ a", "$ b", "or do that")),))]

    assert printed(rows, colour=False).splitlines()[-2:] == ["  or do that", "a && b"]


def test_an_explanation_names_all_it_may_be() -> None:
    text = explanation(explain("access denied by server"), colour=False, platform="linux")

    assert "[exports-deny]" in text
    assert "[reserved-port]" in text
    assert text.startswith("It may be one of 4")
    assert "nfsd update" not in text, "that is for a Mac"
    assert all(len(line) <= 80 for line in text.splitlines())


def test_an_explanation_of_what_is_not_known_says_so() -> None:
    assert explanation((), colour=False, platform="linux").startswith(
        "Nothing like this is in the failure catalogue"
    )
