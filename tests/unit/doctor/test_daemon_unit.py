"""Which service a daemon is, and how that is started."""

from pathlib import PurePosixPath

import pytest

from hostnfsd.doctor.daemon_unit import Domain, files, of_cgroup, restart, start

HOME = PurePosixPath("/home/ada")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0::/system.slice/hostnfsd.service\n", Domain.SYSTEM),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/hostnfsd.service\n",
            Domain.USER,
        ),
        ("2:cpu:/\n1:name=systemd:/system.slice/hostnfsd.service\n0::/\n", Domain.SYSTEM),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", None),
        ("0::/system.slice/not-hostnfsd.service\n", None),
        ("", None),
    ],
)
def test_whose_unit_a_process_is_of(text: str, expected: Domain | None) -> None:
    assert of_cgroup(text) is expected


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_the_users_own_comes_first(platform: str) -> None:
    found = list(files(platform, HOME, HOME / ".config"))

    assert found[0][1] is Domain.USER
    assert found[0][0].is_relative_to(HOME)
    assert all(path.is_absolute() for path, _ in found)


@pytest.mark.parametrize("platform", ["darwin", "linux"])
@pytest.mark.parametrize("domain", Domain)
def test_only_what_is_the_machines_needs_root(platform: str, domain: Domain) -> None:
    for steps in (restart(domain, platform), start(domain, platform)):
        assert steps is not None
        (command,) = (step for step in steps if step.startswith("$ "))
        assert ("sudo" in command) == (domain is Domain.SYSTEM)


def test_what_is_no_service_is_started_by_hand() -> None:
    assert restart(None, "linux")[-1] == "$ hostnfsd run"
    assert start(None, "linux") is None
