"""What --fix may do: safe commands only, each once."""

from hostnfsd.doctor.catalogue import BY_CODE
from hostnfsd.doctor.check import Check, Id, Row
from hostnfsd.doctor.finding import failed, warned
from hostnfsd.doctor.fixes import ACCEPT, SAFE, Fix, plan


def row(*findings: object) -> Row:
    return Row(Check(Id("x"), "x", "s"), findings)  # type: ignore[arg-type]


OPEN = warned("key-open", "others may read /k", ("$ chmod 600 /k",))
STALE = warned("not-applied", "the file changed", ("have it read", "$ sudo exportfs -ra"))
UNKNOWN = failed("host-key-unknown", "not known", ("check it", "$ ssh-keyscan h >> f"))
CHANGED = failed("host-key-changed", "CHANGED", ("$ ssh-keygen -R h",))
DOWN = failed("server-down", "gone", ("$ sudo systemctl start x",))
ROWS = [row(OPEN, STALE), row(STALE, UNKNOWN, CHANGED, DOWN)]


def test_only_what_is_safe_and_each_once() -> None:
    assert plan(ROWS, accept_host_key=False, root=False) == (
        Fix("others may read /k", "chmod 600 /k"),
        Fix("the file changed", "sudo exportfs -ra"),
    )


def test_a_host_key_is_recorded_only_if_asked_and_never_a_changed_one() -> None:
    commands = [fix.command for fix in plan(ROWS, accept_host_key=True, root=False)]

    assert "ssh-keyscan h >> f" in commands
    assert not any("-R" in command for command in commands)


def test_root_needs_no_sudo() -> None:
    commands = [fix.command for fix in plan(ROWS, accept_host_key=False, root=True)]

    assert commands[1] == "exportfs -ra"


def test_our_own_commands_use_the_same_configuration() -> None:
    down = [row(failed("tunnel-down", "down"))]

    (fix,) = plan(down, accept_host_key=False, root=True, config="/a b.toml")
    assert fix.command == "hostnfsd --config '/a b.toml' reconnect"


def test_codes_are_of_the_catalogue() -> None:
    assert {*SAFE, ACCEPT} <= BY_CODE.keys()


def test_where_nothing_is_wrong_there_is_nothing_to_do() -> None:
    assert plan([], accept_host_key=True, root=True) == ()
