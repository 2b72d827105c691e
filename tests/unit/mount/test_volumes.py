import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from hypothesis import given

from hostnfsd.mount import volumes
from hostnfsd.mount.plan import Mount
from tests.support import mounts

OPTIONS = "vers=3,proto=tcp,port=2049,mountproto=tcp,mountport=20048,nolock,hard"


def create(mount: Mount) -> list[str]:
    """The words of ``docker volume create``, where the address is known."""
    text = volumes.docker(mount).text
    (line,) = (line for line in text.split("\n") if line.startswith("docker volume create"))
    return shlex.split(line)


def opts(words: list[str]) -> dict[str, str]:
    """Its ``--opt`` as docker divides them: at the first ``=``."""
    pairs = [words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--opt"]
    return dict(pair for pair in pairs if len(pair) == 2)


def driver_opts(mount: Mount) -> dict[str, Any]:
    file = yaml.safe_load(volumes.compose(mount).text)
    found: dict[str, Any] = file["volumes"][mount.name]["driver_opts"]
    return found


def test_an_address_stands_where_no_container_has_a_name() -> None:
    words = create(mounts.mount("/srv/src", "dev-gw", "172.22.0.12"))
    assert words == [
        *("docker", "volume", "create", "--driver", "local", "--opt", "type=nfs"),
        *("--opt", f"o=addr=172.22.0.12,{OPTIONS}", "--opt", "device=:/srv/src", "src"),
    ]


def test_a_name_of_dns_is_looked_up_by_the_daemon_itself() -> None:
    assert opts(create(mounts.mount("/x", "gw.example.org")))["o"].startswith(
        "addr=gw.example.org,"
    )


def test_an_ipv6_address_has_no_brackets_and_its_own_protocol_names() -> None:
    given = opts(create(mounts.mount("/x", "fd22::12")))["o"]
    assert given.startswith("addr=fd22::12,vers=3,proto=tcp6,")


@given(mounts.paths)
def test_any_path_survives_the_shell_and_yaml(path: str) -> None:
    mount = mounts.mount(path, "172.22.0.12")
    assert opts(create(mount))["device"] == f":{path}"
    assert driver_opts(mount)["device"].replace("$$", "$") == f":{path}"


@pytest.mark.parametrize("path", mounts.NASTY)
def test_docker_is_asked_for_an_address_that_nobody_knows(path: str, tmp_path: Path) -> None:
    fake = tmp_path / "docker"
    fake.write_text(
        """#!/bin/sh
        case $1 in
            inspect) shift $(($# - 1)); test "$1" = dev-gw && echo '172.22.0.12 10.0.0.9 ' ;;
            volume) printf '%s\\0' "$@" ;;
        esac
        """
    )
    fake.chmod(0o755)
    text = volumes.docker(mounts.mount(path, "dev-gw")).text
    out = subprocess.run(
        ["/bin/sh", "-c", text], env={"PATH": str(tmp_path)}, capture_output=True, check=True
    ).stdout
    assert opts(out.decode().split("\0")) == {
        "type": "nfs",
        "o": f"addr=172.22.0.12,{OPTIONS}",
        "device": f":{path}",
    }


def test_where_docker_knows_no_such_container_nothing_is_made(tmp_path: Path) -> None:
    fake = tmp_path / "docker"
    fake.write_text('#!/bin/sh\ntest "$1" = inspect && exit 1; echo "made: $*"\n')
    fake.chmod(0o755)
    text = volumes.docker(mounts.mount("/x", "dev-gw")).text
    first = next(line for line in text.splitlines() if not line.startswith("#"))
    done = subprocess.run(
        ["/bin/sh", "-c", first], env={"PATH": str(tmp_path)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize("addresses", [("172.22.0.12",), ("dev-gw",), ("fd22::12",)])
@pytest.mark.parametrize("path", mounts.NASTY)
def test_the_file_for_compose_keeps_to_its_specification(
    path: str, addresses: tuple[str, ...]
) -> None:
    mount = mounts.mount(path, *addresses)
    printed = volumes.compose(mount)
    parsed = PyCompose.from_yaml(printed.text)
    assert parsed.services is not None
    assert parsed.volumes is not None
    assert list(parsed.services) == ["app"]
    assert list(parsed.volumes) == [mount.name]
    assert printed.to_json()["documents"] == [yaml.safe_load(printed.text)]


def test_such_a_file_with_a_fault_would_be_refused() -> None:
    text = volumes.compose(mounts.mount("/x", "172.22.0.12")).text
    with pytest.raises(ValueError, match="driver_options"):
        PyCompose.from_yaml(text.replace("driver_opts", "driver_options"))


def test_compose_asks_for_an_address_that_nobody_knows() -> None:
    mount = mounts.mount("/x", "dev-gw")
    given = driver_opts(mount)["o"]
    assert given.startswith("addr=${HOSTNFSD_GATEWAY_ADDRESS:?")
    assert given.endswith(f"}},{OPTIONS}")
    assert volumes.compose(mount).to_json()["address"] is None


def test_a_container_that_mounts_itself_is_told_what_it_needs() -> None:
    text = volumes.docker(mounts.mount("/x", "dev-gw", "172.22.0.12")).text
    assert "--cap-add SYS_ADMIN" in text
    assert f"#   mount -t nfs -o {OPTIONS} dev-gw:/x /mnt/x" in text
