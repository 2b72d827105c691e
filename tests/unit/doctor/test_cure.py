"""The steps of a cure, on each platform."""

import pytest

from hostnfsd.doctor.catalogue import CATALOGUE
from hostnfsd.doctor.cure import (
    COMMAND,
    PLATFORMS,
    commands,
    for_config,
    for_gateway,
    for_platform,
    without_daemon,
)

STEPS = ("first:", "$ always", "macOS:", "$ mac", "Linux:", "$ linux", "then that", "$ at last")


@pytest.mark.parametrize(
    ("platform", "kept"),
    [
        ("darwin", ("first:", "$ always", "$ mac", "then that", "$ at last")),
        ("linux", ("first:", "$ always", "$ linux", "then that", "$ at last")),
        ("sunos5", STEPS),
    ],
)
def test_each_platform_gets_its_own(platform: str, kept: tuple[str, ...]) -> None:
    assert for_platform(STEPS, platform) == kept


def test_commands_are_as_typed() -> None:
    assert commands(STEPS) == ("always", "mac", "linux", "at last")


def test_our_own_commands_name_the_configuration_that_was_named() -> None:
    steps = (
        "hostnfsd has no rights:",
        "$ hostnfsd reload",
        "$ sudo exportfs -ra",
        "$ sudo hostnfsd doctor",
    )

    assert for_config(steps, None) == steps
    assert for_config(steps, r"/a \1.toml") == (
        steps[0],
        r"$ hostnfsd --config '/a \1.toml' reload",
        steps[2],
        r"$ sudo hostnfsd --config '/a \1.toml' doctor",
    )


def test_a_gateway_s_table_is_called_by_its_name() -> None:
    assert for_gateway(("set host in [gateway.NAME]:", "$ a"), "gw") == (
        "set host in [gateway.gw]:",
        "$ a",
    )


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        (("$ a", "$ hostnfsd reload"), ("$ a",)),
        (("set the key", "$ hostnfsd reconnect"), ("set the key",)),
        # Nothing would be left, or a sentence that leads to nothing.
        (("$ hostnfsd reload",), ("$ hostnfsd reload",)),
        (("see why, then:", "$ hostnfsd reconnect"), ("see why, then:", "$ hostnfsd reconnect")),
        (("$ hostnfsd check", "$ hostnfsd status"), ("$ hostnfsd check", "$ hostnfsd status")),
        ((), ()),
    ],
)
def test_without_a_daemon_none_is_told(steps: tuple[str, ...], kept: tuple[str, ...]) -> None:
    assert without_daemon(steps) == kept


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_every_cure_of_the_catalogue_has_something_to_do_on_each_platform(platform: str) -> None:
    for each in CATALOGUE:
        steps = for_platform(each.cure, platform)
        assert steps, each.code
        assert not PLATFORMS.keys() & set(steps)
        assert not steps[-1].endswith(":"), f"{each.code}: nothing comes after {steps[-1]!r}"
        assert all("\n" not in step and step.strip() for step in steps)
        assert all(not step.startswith("$") or step.startswith(COMMAND) for step in steps)
