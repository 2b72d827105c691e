import re

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from hostnfsd.config import values


@pytest.mark.parametrize("text", ["dev-gw", "a.b.c", "my_container", "10.0.0.1", "::1", "x.", "9a"])
def test_names_and_addresses_are_hosts(text: str) -> None:
    assert values.host(text) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", None),
        ("a b", None),
        ("-a", None),
        ("256.1.1.1", None),
        ("a" * 64, None),
        (".".join("a" * 200), None),
        ("[::1]", 'without brackets: "::1"'),
        ("ssh://a", "only the host, without a scheme"),
        ("admin@dev-gw", 'the user has a key of its own: user = "admin"'),
        ("dev-gw:22", 'the port has a key of its own; here: "dev-gw"'),
    ],
)
def test_other_things_are_not_hosts(text: str, hint: str | None) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        values.host(text)

    assert caught.value.context is not None
    assert caught.value.context["hint"] == hint


@pytest.mark.parametrize("text", ["0.0.0.0", "::", "224.0.0.1"])
def test_clients_dial_no_wildcard(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="no address that a client can dial"):
        values.client_address(text)


@pytest.mark.parametrize(
    "text", ["", "*", "localhost", "0.0.0.0", "::", "172.18.0.2", "fe80::1%eth0"]
)
def test_forwards_bind_addresses(text: str) -> None:
    assert values.listen_address(text) == text


@pytest.mark.parametrize("text", ["eth0", "0.0.0.0:2049", "[::1]", "a b", "10.0.0.0/8"])
def test_forwards_bind_nothing_else(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="is not an address to listen on"):
        values.listen_address(text)


@pytest.mark.parametrize("text", ["172.22.0.0/16", "10.0.0.1", "fd00::/8", "::1", "0.0.0.0/0"])
def test_networks_and_bare_addresses_are_networks(text: str) -> None:
    assert values.network(text) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("172.22.0.1/16", 'the network is "172.22.0.0/16"'),
        ("fd00::1/8", 'the network is "fd00::/8"'),
        ("fe80::1%eth0", 'write "fe80::1"'),
        ("fe80::%eth0/64", 'write "fe80::/64"'),
        ("172.22.0.0/33", None),
        ("kind", "names are not looked up here: write the address"),
    ],
)
def test_a_network_with_host_bits_is_corrected(text: str, hint: str | None) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        values.network(text)

    assert caught.value.context is not None
    assert caught.value.context["hint"] == hint


@pytest.mark.parametrize("text", ["/", "/etc/exports", "~", "~/x y/ü"])
def test_paths_are_absolute_or_at_home(text: str) -> None:
    assert values.path(text) == text


@pytest.mark.parametrize("text", ["", "x", "./x", "~bob/x", "$HOME/x", "/a\0b", "/a\nb"])
def test_other_paths_are_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        values.path(text)


def test_words_stand_for_paths_only_where_allowed() -> None:
    assert values.path_or_none("none") == "none"
    with pytest.raises(PydanticCustomError):
        values.path("none")


def test_a_socket_path_fits_into_a_socket_address() -> None:
    longest = "/" + "x" * (values.SOCKET_PATH_BYTES - 1)

    assert values.socket_path(longest) == longest
    with pytest.raises(PydanticCustomError, match="104 bytes are too long"):
        values.socket_path(longest[:-1] + "ü")


@pytest.mark.parametrize("text", ["credential:key", "credential:gw.key@1", "~/.ssh/id", "/k"])
def test_identity_files_are_paths_or_credentials(text: str) -> None:
    assert values.identity_file(text) == text


@pytest.mark.parametrize("text", ["credential:", "credential:../x", "credential:..", "id_rsa"])
def test_other_identity_files_are_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        values.identity_file(text)


@pytest.mark.parametrize("text", ["admin", "DOM\\bob", "a@b", "_x"])
def test_users(text: str) -> None:
    assert values.user(text) == text


@pytest.mark.parametrize("text", ["", "-oX", "a b", "a;b", "$(x)", "a\n"])
def test_no_users(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        values.user(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:9822", ("127.0.0.1", 9822)),
        ("[::1]:0", ("::1", 0)),
        (":9822", ("", 9822)),
        ("*:9822", ("", 9822)),
        ("mac.local:1", ("mac.local", 1)),
        ("::1:9822", None),
        ("::1", None),
        ("[1.2.3.4]:1", None),
        ("127.0.0.1:65536", None),
        ("127.0.0.1:", None),
        ("127.0.0.1", None),
        ("127.0.0.1:٣", None),
        ("a b:1", None),
    ],
)
def test_a_listen_address_is_split(text: str, parts: tuple[str, int] | None) -> None:
    assert values.split_listen(text) == parts


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("9822", 'with an address: "127.0.0.1:9822"'),
        ("::1", 'with a port: "[::1]:9822"'),
        ("127.0.0.1", 'with a port: "127.0.0.1:9822"'),
        ("localhost", None),
    ],
)
def test_half_a_listen_address_is_completed(text: str, hint: str | None) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        values.http_listen(text)

    assert caught.value.context is not None
    assert caught.value.context["hint"] == hint


@pytest.mark.parametrize(
    "text", ["mac.local", "mac.local:9822", "[::1]", "[::1]:1", "::1", "1.2.3.4"]
)
def test_allowed_hosts(text: str) -> None:
    assert values.allowed_host(text) == text


@pytest.mark.parametrize("text", ["http://a", "a/b", ":9822", "*", ""])
def test_not_allowed_hosts(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        values.allowed_host(text)


@pytest.mark.parametrize("text", ["dev-gw", "10.0.0.7", "::1", "gw_1.x", "fe80::1%eth0", "tür"])
def test_gateway_names(text: str) -> None:
    assert values.gateway_name(text) == text


@pytest.mark.parametrize(
    "text", ["", "-x", "a b", "a\tb", "a*", "a@b", "a;b", "a/b", "a\n", "x" * 254]
)
def test_no_gateway_names(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        values.gateway_name(text)


@given(st.text())
def test_quoted_text_is_toml_again_and_safe_on_a_terminal(text: str) -> None:
    shown = values.quoted(text, length=None)

    assert shown.isprintable()
    assert tomli.loads(f"key = {shown}")["key"] == text


@given(st.text())
def test_quoted_text_is_short(text: str) -> None:
    assert len(re.sub(r"\\U.{8}|\\u.{4}|\\.", "x", values.quoted(text))) <= values.SHOWN_LENGTH + 3


def test_what_pydantic_is_told_may_contain_braces() -> None:
    error = values.wrong("code", "{braces} and {0}")

    assert error.message() == "{braces} and {0}"
    assert error.type == "code"
