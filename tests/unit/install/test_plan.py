from pathlib import PurePosixPath

from hostnfsd.install.plan import (
    AwaitFailure,
    MakeDirectory,
    Plan,
    RemoveFile,
    Run,
    WriteFile,
    describe,
    render,
)

UNIT = PurePosixPath("/etc/a.service")
PLAN = Plan(
    actions=(
        MakeDirectory(PurePosixPath("/etc")),
        WriteFile(UNIT, "[Unit]\n\nDescription=a\n"),
        RemoveFile(PurePosixPath("/etc/b")),
        Run(("systemctl", "start", "two words")),
        AwaitFailure(("launchctl", "print", "x"), 5.0),
    ),
    settled=(),
)


def test_a_plan_reads_as_a_list_of_steps_with_contents() -> None:
    assert render(PLAN) == (
        "make directory /etc (mode 0755)\n"
        "write /etc/a.service (mode 0644)\n"
        "    [Unit]\n"
        "\n"
        "    Description=a\n"
        "remove /etc/b\n"
        "run systemctl start 'two words'\n"
        "wait up to 5 s until this fails: launchctl print x\n"
    )


def test_a_file_that_is_as_planned_is_said_to_be_left() -> None:
    shown = render(PLAN, frozenset({UNIT}))
    assert "leave /etc/a.service: it is as planned\n" in shown
    assert "Description" not in shown


def test_a_file_that_is_gone_already_is_said_to_be() -> None:
    assert "leave /etc/b: it is not there\n" in render(PLAN, frozenset({PurePosixPath("/etc/b")}))


def test_the_plan_knows_its_files_and_programs() -> None:
    assert [file.path for file in PLAN.files] == [UNIT, PurePosixPath("/etc/b")]
    assert PLAN.programs == {"systemctl", "launchctl"}


def test_every_step_is_one_line() -> None:
    assert all("\n" not in describe(action) for action in PLAN.actions)
