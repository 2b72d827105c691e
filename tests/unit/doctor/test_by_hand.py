"""An ssh to a gateway, as it is typed."""

from typing import Any

from hostnfsd.config.reader import parse
from hostnfsd.doctor.by_hand import ssh


def typed(text: str, *command: str, arguments: tuple[str, ...] = ()) -> str:
    config = parse(f"[gateway.dev-gw]\n{text}".encode(), "/x").config
    assert config is not None
    (gateway,) = config.gateway.values()
    return ssh("dev-gw", gateway, arguments, *command)


def test_an_alias_of_ssh_config_says_the_rest_but_forwards_nothing() -> None:
    told: Any = typed("", "kill", "7")

    assert told == "ssh -o ClearAllForwardings=yes -o ControlPath=none dev-gw kill 7"


def test_without_ssh_config_everything_is_said() -> None:
    text = (
        'ssh_config = "none"\nhost = "127.0.0.1"\nport = 122\nuser = "admin"\n'
        'identity_files = ["/a b/id", "credential:key"]\nknown_hosts = "/known"\n'
    )

    assert typed(text, "kill", "7", arguments=("-F", "none")) == (
        "ssh -F none -i '/a b/id' -o UserKnownHostsFile=/known -p 122 -l admin 127.0.0.1 kill 7"
    )


def test_a_key_that_only_the_service_has_is_not_named() -> None:
    assert "credential" not in typed('identity_files = ["credential:key"]')
