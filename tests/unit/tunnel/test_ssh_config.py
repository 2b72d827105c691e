"""What ``ssh -G`` prints is read as OpenSSH means it. The outputs are real, of OpenSSH 9.2p1."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.tunnel.ssh_config import DEFAULT_IDENTITIES, Alias, included, proxy_argv, read_alias

OUTPUTS = Path(__file__).with_name("ssh_g")
USERS = ("/home/me/.ssh/known_hosts", "/home/me/.ssh/known_hosts2")
SYSTEMS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")

EXPECTED = {
    # The file of the person this project was made for: forwards and multiplexing are left out.
    "dev-gw": Alias(
        host="127.0.0.1",
        port=122,
        user="admin",
        identity_files=("~/.ssh/id_rsa_fedora-dev",),
        known_hosts=USERS + SYSTEMS,
        name="dev-gw",
    ),
    "tokens": Alias(
        host="gw.tokens.example",
        port=2222,
        user="admin",
        identity_files=(
            "~/.ssh/id_gw.tokens.example_tokens_2222_admin_tokens_%",
            "${HOME}/.ssh/id_env",
            "~nosuch/id",
        ),
        identity_agent="/home/me/agent.sock",
        known_hosts=("/home/me/.ssh/kh_gw.tokens.example", "/home/me/a b/known", *SYSTEMS),
        certificate_files=("~/.ssh/id-cert.pub", "~/gw.tokens.example-cert.pub"),
        name="tokens",
    ),
    "filed": Alias(
        host="10.0.0.7",
        port=122,
        user="me",
        identity_files=(),
        identities_only=True,
        identity_agent="$MY_SOCK",
        known_hosts=("/dev/null",),
        host_key_alias="dev-gw",
        name="filed",
    ),
    "jump": Alias(
        host="2001:db8::1",
        user="me",
        identity_agent="none",
        known_hosts=USERS + SYSTEMS,
        proxy_jump="bob@[2001:db8::2]:2222,%r@hop2",
        name="jump",
    ),
    "jumpuri": Alias(
        host="jumpuri",
        user="me",
        known_hosts=USERS + SYSTEMS,
        proxy_jump="bob@hop1:2022",
        name="jumpuri",
    ),
    "cmd": Alias(
        host="cmd",
        user="admin",
        known_hosts=USERS + SYSTEMS,
        proxy_command="nc -X connect %h %p %n %r %%x # comment",
        name="cmd",
    ),
    "plain": Alias(host="plain", user="me", known_hosts=USERS + SYSTEMS, name="plain"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_output_is_read(name: str) -> None:
    assert read_alias((OUTPUTS / f"{name}.txt").read_text()) == EXPECTED[name]


def test_every_real_output_is_tried() -> None:
    assert {path.stem for path in OUTPUTS.glob("*.txt")} == EXPECTED.keys()


def read(*lines: str) -> Alias:
    return read_alias("\n".join(("hostname gw", "port 22", *lines)))


def test_keywords_are_read_in_any_case() -> None:
    assert read("User bob").user == "bob"


def test_default_identities_are_nobodys_choice() -> None:
    assert EXPECTED["plain"].identity_files == DEFAULT_IDENTITIES
    assert EXPECTED["plain"].default_identities
    assert EXPECTED["filed"].default_identities
    assert not EXPECTED["dev-gw"].default_identities


def test_none_among_identities_is_no_file() -> None:
    assert read("identityfile none", "identityfile ~/.ssh/x").identity_files == ("~/.ssh/x",)


def test_older_ssh_prints_neither_host_nor_agent() -> None:
    alias = read("identityfile ~/.ssh/id_%n_%k")

    assert (alias.name, alias.identity_agent) == (None, None)
    assert alias.identity_files == ("~/.ssh/id_gw_gw",)


def test_none_is_no_proxy() -> None:
    alias = read("proxyjump none", "proxycommand none", "hostkeyalias none")

    assert (alias.proxy_jump, alias.proxy_command, alias.host_key_alias) == (None, None, None)


@pytest.mark.parametrize(
    ("agent", "read_as"),
    [("SSH_AUTH_SOCK", None), ("none", "none"), ("/run/a.sock", "/run/a.sock"), ("$X", "$X")],
)
def test_the_agent_is_read(agent: str, read_as: str | None) -> None:
    assert read(f"identityagent {agent}").identity_agent == read_as


@pytest.mark.parametrize(
    "output",
    [
        "",
        "hostname gw",
        "port 22",
        "hostname\nport 22",
        "hostname gw\nport",
        "hostname gw\nport 2²",
        "hostname gw\nport -1",
        "hostname gw\nport " + "9" * 5000,
        "usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy]",
    ],
)
def test_what_is_no_such_output_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match="no hostname and port in the output of ssh -G"):
        read_alias(output)


words = st.sampled_from(
    ["hostname", "port", "user", "identityfile", "userknownhostsfile", "proxyjump", "none", "22"]
)
lines = st.lists(st.one_of(words, st.text(max_size=8), st.sampled_from([" ", "\n", "%", "[", "]"])))


@given(st.one_of(st.text(), lines.map(" ".join)))
def test_any_text_gives_an_alias_or_a_value_error(text: str) -> None:
    for output in (text, f"hostname gw\nport 22\n{text}"):
        with suppress(ValueError):
            alias = read_alias(output)
            assert alias.host
            proxy_argv(alias)


def test_further_lines_do_no_harm() -> None:
    assert read("no such keyword", "", "\x00 \u2028 x").host == "gw"


@pytest.mark.parametrize(
    ("alias", "shown"),
    [
        (Alias("gw", 122, "admin"), "admin@gw:122"),
        (Alias("2001:db8::1", 22, "admin"), "admin@[2001:db8::1]:22"),
    ],
)
def test_an_alias_is_shown_as_it_is_dialled(alias: Alias, shown: str) -> None:
    assert str(alias) == shown


# -- proxies -----------------------------------------------------------------------------------

QUIET = (
    *("-o", "BatchMode=yes", "-o", "ControlMaster=no"),
    *("-o", "ControlPath=none", "-o", "ClearAllForwardings=yes"),
)


def test_without_a_proxy_the_gateway_is_dialled() -> None:
    assert proxy_argv(EXPECTED["plain"], ("-F", "/home/me/.ssh/config")) is None


def test_a_chain_of_jumps_goes_through_the_last_hop() -> None:
    assert proxy_argv(EXPECTED["jump"], ("-F", "/c")) == (
        *("ssh", "-F", "/c", *QUIET),
        *("-J", "bob@[2001:db8::2]:2222", "-W", "[2001:db8::1]:22", "me@hop2"),
    )


@pytest.mark.parametrize(
    ("jump", "arguments"),
    [
        ("hop", ("hop",)),
        ("bob@hop", ("bob@hop",)),
        ("bob@hop:2022", ("-p", "2022", "bob@hop")),
        ("ssh://bob@hop:2022", ("-p", "2022", "bob@hop")),
        ("ssh://bob@hop/", ("bob@hop",)),
        ("[2001:db8::2]", ("2001:db8::2",)),
        ("bob@[2001:db8::2]:2222", ("-p", "2222", "bob@2001:db8::2")),
        ("2001:db8::2", ("2001:db8::2",)),
        ("%r@%h", ("admin@gw",)),
    ],
)
def test_a_hop_becomes_arguments_of_ssh(jump: str, arguments: tuple[str, ...]) -> None:
    alias = Alias("gw", 122, "admin", proxy_jump=jump)

    assert proxy_argv(alias) == ("ssh", *QUIET, "-W", "[gw]:122", *arguments)


def test_a_proxy_command_is_run_by_the_shell_with_its_tokens_replaced() -> None:
    assert proxy_argv(EXPECTED["cmd"], ("-F", "/c")) == (
        *("/bin/sh", "-c", "exec nc -X connect cmd 22 cmd admin %x # comment"),
    )


def test_a_token_is_replaced_once() -> None:
    alias = Alias("%p", 22, "u", proxy_command="%h %%h %q %")

    assert proxy_argv(alias) == ("/bin/sh", "-c", "exec %p %h %q %")


def test_included_files_are_named() -> None:
    text = (
        'Include ~/.orbstack/ssh/config\nHost a\n  include config.d/*  "/etc/my file" \r\n'
        "INCLUDE=other\n# Include not\nIncludes not\n"
    )

    assert included(text) == ("~/.orbstack/ssh/config", "config.d/*", "/etc/my file", "other")


@given(st.text())
def test_any_text_is_searched_for_includes(text: str) -> None:
    assert all(isinstance(name, str) for name in included(text))
