"""Known hosts as OpenSSH files them: ssh-keygen hashes and looks up, asyncssh connects."""

import subprocess
from pathlib import Path
from typing import Literal

import asyncssh
import pytest

from hostnfsd.daemon.ssh.host_keys import KnownHosts
from hostnfsd.snapshot import FailureKind
from tests.support.ports import LOOPBACK

KEY, OTHER, AUTHORITY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))
RSA = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
Policy = Literal["strict", "accept-new"]


def line(names: str, key: asyncssh.SSHKey = KEY, marker: str = "") -> str:
    return f"{marker} {names} {key.export_public_key().decode()}".lstrip()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".ssh" / "known_hosts"


def write(file: Path, *lines: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(lines))


def known(
    *files: Path,
    host: str = "gw",
    port: int = 122,
    alias: str | None = None,
    policy: Policy = "strict",
) -> KnownHosts:
    return KnownHosts(files, host=host, port=port, alias=alias, policy=policy)


def trusts(hosts: KnownHosts, key: asyncssh.SSHKey = KEY) -> bool:
    return key.convert_to_public() in hosts.trusted[0]


def found_by_ssh(file: Path, name: str) -> bool:
    done = subprocess.run(
        ["ssh-keygen", "-F", name, "-f", str(file)], capture_output=True, check=False
    )
    return done.returncode == 0


# -- what an entry matches -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "host", "port"),
    [
        ("gw", "gw", 22),
        ("[gw]:122", "gw", 122),
        ("other,gw,third", "gw", 22),
        ("g?", "gw", 22),
        ("*.example,!bad.example", "good.example", 22),
        ("[127.0.0.1]:122", LOOPBACK, 122),
        ("[2001:db8::1]:122", "2001:db8::1", 122),
        ("2001:db8::1", "2001:db8::1", 22),
    ],
)
@pytest.mark.parametrize("hashed", [False, True])
def test_an_entry_of_the_gateway_counts(
    names: str, host: str, port: int, hashed: bool, file: Path
) -> None:
    write(file, line(names))
    if hashed:
        if set(names) & set("*?!"):
            return  # ssh-keygen does not hash patterns
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
        assert file.read_text().startswith("|1|")
    assert trusts(known(file, host=host, port=port))


@pytest.mark.parametrize(
    ("names", "host", "port"),
    [
        ("gw", "gw", 122),  # the host's own sshd, say, beside a published port
        ("[gw]:122", "gw", 22),
        ("[gw]:122", "gw", 1122),
        ("[other]:122", "gw", 122),
        ("127.0.0.1", "gw", 22),
        ("*.example,!bad.example", "bad.example", 22),
    ],
)
@pytest.mark.parametrize("hashed", [False, True])
def test_an_entry_of_another_does_not(
    names: str, host: str, port: int, hashed: bool, file: Path
) -> None:
    write(file, line(names))
    if hashed and not set(names) & set("*?!"):
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    hosts = known(file, host=host, port=port)

    assert hosts.trusted == ([], [], [])
    assert not hosts.judge(KEY)
    assert hosts.failure is not None
    assert "is not known" in hosts.failure.text


def test_an_alias_is_filed_without_a_port(file: Path) -> None:
    write(file, line("dev-gw"))

    assert trusts(known(file, host=LOOPBACK, port=122, alias="dev-gw"))
    assert not trusts(known(file, host="dev-gw", port=122))


def test_several_files_are_read_and_missing_ones_passed_over(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write(first, line("[gw]:122"))
    write(second, line("[gw]:122", OTHER))
    hosts = known(first, tmp_path / "missing", second)

    assert trusts(hosts)
    assert trusts(hosts, OTHER)


def test_markers_are_told_apart(file: Path) -> None:
    write(
        file,
        "# a comment\n\n",
        line("[gw]:122", AUTHORITY, "@cert-authority"),
        line("[gw]:122", OTHER, "@revoked"),
    )

    assert known(file).trusted == (
        [],
        [AUTHORITY.convert_to_public()],
        [OTHER.convert_to_public()],
    )


@pytest.mark.parametrize("text", ["gw ssh-ed25519 AAAA\n", "gw\n", "@what gw x\n", "\x00\xff\n"])
def test_a_file_that_makes_no_sense_is_a_value_error_or_empty(text: str, file: Path) -> None:
    write(file, text)
    try:
        hosts = known(file, port=22)
    except ValueError:
        return
    assert hosts.trusted == ([], [], [])


# -- policies ----------------------------------------------------------------------------------


def test_strict_refuses_an_unknown_key_and_tells_how_to_record_it(file: Path) -> None:
    hosts = known(file)

    assert not hosts.judge(KEY)
    assert hosts.failure is not None
    assert hosts.failure.kind is FailureKind.HOST_KEY
    assert hosts.failure.text == (
        f"the host key of [gw]:122 is not known: it shows ssh-ed25519 {KEY.get_fingerprint()}"
    )
    assert f"ssh-keyscan -p 122 gw >> {file}" in (hosts.failure.hint or "")
    assert not file.exists()


@pytest.mark.parametrize(
    ("port", "alias", "scan"),
    [
        (22, None, "ssh-keyscan gw >> "),
        (122, "dev-gw", "ssh-keyscan -p 122 gw | sed 's/^[^ #]*/dev-gw/' >> "),
    ],
)
@pytest.mark.parametrize("changed", [False, True])
def test_the_cure_fits_how_the_gateway_is_filed(
    port: int, alias: str | None, scan: str, changed: bool, file: Path
) -> None:
    if changed:
        write(file, line(alias or "gw", OTHER))
    hosts = known(file, port=port, alias=alias)
    hosts.judge(KEY)

    assert hosts.failure is not None
    assert ("CHANGED" in hosts.failure.text) is changed
    assert f"{scan}{file}" in (hosts.failure.hint or "")


@pytest.mark.parametrize("policy", ["strict", "accept-new"])
@pytest.mark.parametrize("filed", [OTHER, RSA])
def test_no_policy_accepts_a_changed_key(
    policy: Policy, filed: asyncssh.SSHKey, file: Path
) -> None:
    write(file, line("[gw]:122", filed))
    hosts = known(file, policy=policy)

    assert not hosts.judge(KEY)
    assert hosts.failure is not None
    assert "has CHANGED" in hosts.failure.text
    assert f"ssh-keygen -R '[gw]:122' -f {file}" in (hosts.failure.hint or "")
    assert file.read_text() == line("[gw]:122", filed)


@pytest.mark.parametrize("policy", ["strict", "accept-new"])
def test_where_an_authority_is_known_a_plain_key_does_not_do(policy: Policy, file: Path) -> None:
    write(file, line("[gw]:122", AUTHORITY, "@cert-authority"))
    hosts = known(file, policy=policy)

    assert not hosts.judge(KEY)
    assert hosts.failure is not None
    assert "shows no certificate of the authority" in hosts.failure.text


@pytest.mark.parametrize(
    "before",
    ["", line("[other]:122", OTHER), line("x", OTHER).rstrip("\n")],
    # Not the texts: keys are made anew, and every worker of a run must collect the same tests.
    ids=["nothing", "another", "unfinished"],
)
def test_accept_new_records_the_first_key(before: str, file: Path) -> None:
    if before:
        write(file, before)
    hosts = known(file, policy="accept-new")

    assert hosts.judge(KEY)
    assert hosts.accepted == f"ssh-ed25519 {KEY.get_fingerprint()}"
    assert hosts.failure is None
    assert file.read_text() == (f"{before.rstrip()}\n" if before else "") + line("[gw]:122")
    assert found_by_ssh(file, "[gw]:122")
    assert trusts(known(file))
    assert file.stat().st_mode & 0o077 == 0 or before
    assert file.parent.stat().st_mode & 0o077 == 0 or before


def test_accept_new_records_under_the_alias(file: Path) -> None:
    assert known(file, alias="dev-gw", policy="accept-new").judge(KEY)

    assert found_by_ssh(file, "dev-gw")


def test_an_accepted_key_is_accepted_again_and_no_other(file: Path) -> None:
    """asyncssh asks at each rekeying."""
    hosts = known(file, policy="accept-new")

    assert hosts.judge(KEY)
    assert hosts.judge(KEY)
    assert file.read_text() == line("[gw]:122")
    assert not hosts.judge(OTHER)
    assert file.read_text() == line("[gw]:122")


def test_new_keys_go_to_the_first_file(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write(second, line("other", OTHER))

    assert known(first, second, policy="accept-new").judge(KEY)
    assert first.read_text() == line("[gw]:122")


def test_a_key_that_cannot_be_recorded_is_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    hosts = known(tmp_path / "taken" / "known_hosts", policy="accept-new")

    assert not hosts.judge(KEY)
    assert hosts.failure is not None
    assert hosts.failure.kind is FailureKind.HOST_KEY
    assert "cannot be recorded" in hosts.failure.text
    assert "make the file writable" in (hosts.failure.hint or "")


def test_without_any_file_nothing_is_recorded() -> None:
    strict, lenient = known(), known(policy="accept-new")

    assert not strict.judge(KEY)
    assert not lenient.judge(KEY)
    assert lenient.failure is not None
    assert "cannot be recorded in no known_hosts file: ssh_config names none" in (
        lenient.failure.text
    )


def test_a_file_that_keeps_nothing_is_no_place_for_a_new_key() -> None:
    hosts = known(Path("/dev/null"), policy="accept-new")

    assert not hosts.judge(KEY)
    assert hosts.failure is not None
    assert "cannot be recorded in /dev/null: it keeps nothing" in hosts.failure.text


# -- on the wire -------------------------------------------------------------------------------


class Client(asyncssh.SSHClient):
    def __init__(self, hosts: KnownHosts) -> None:
        self.hosts = hosts

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        del host, addr, port
        return self.hosts.judge(key)


async def connects(
    shown: list[asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]],
    file: Path,
    text: str,
    policy: Policy = "strict",
) -> tuple[KnownHosts, BaseException | None]:
    """Connect to a gateway that shows these keys, its port written into ``text`` as PORT."""
    server = await asyncssh.listen(
        LOOPBACK, 0, server_host_keys=shown, server_factory=asyncssh.SSHServer
    )
    try:
        port = server.get_port()
        write(file, text.replace("PORT", str(port)))
        hosts = KnownHosts([file], host=LOOPBACK, port=port, policy=policy)
        try:
            async with asyncssh.connect(
                LOOPBACK,
                port,
                config=None,
                username="me",
                client_keys=None,
                known_hosts=hosts.trusted,
                server_host_key_algs=hosts.algorithms,
                client_factory=lambda: Client(hosts),
            ):
                return hosts, None
        except (asyncssh.Error, OSError) as exc:
            return hosts, exc
    finally:
        server.close()
        await server.wait_closed()


def filed(key: asyncssh.SSHKey, marker: str = "") -> str:
    return line(f"[{LOOPBACK}]:PORT", key, marker)


async def test_of_several_keys_the_known_one_is_shown(file: Path) -> None:
    hosts, error = await connects([KEY, RSA], file, filed(RSA))

    assert not isinstance(error, asyncssh.HostKeyNotVerifiable)
    assert hosts.failure is None


async def test_a_gateway_made_anew_with_another_kind_of_key_has_changed(file: Path) -> None:
    hosts, error = await connects([KEY], file, filed(RSA))

    assert isinstance(error, asyncssh.HostKeyNotVerifiable)
    assert hosts.failure is not None
    assert "has CHANGED" in hosts.failure.text


@pytest.mark.parametrize("policy", ["strict", "accept-new"])
async def test_a_revoked_key_is_refused_by_any_policy(policy: Policy, file: Path) -> None:
    text = filed(KEY, "@revoked")
    _, error = await connects([KEY], file, text, policy)

    assert isinstance(error, asyncssh.HostKeyNotVerifiable)
    assert "revoked" in error.reason
    assert file.read_text().count("\n") == 1


async def test_a_certificate_of_a_known_authority_is_trusted(file: Path) -> None:
    certificate = AUTHORITY.generate_host_certificate(KEY, "gw", principals=[LOOPBACK])
    hosts, error = await connects([(KEY, certificate)], file, filed(AUTHORITY, "@cert-authority"))

    assert not isinstance(error, asyncssh.HostKeyNotVerifiable)
    assert hosts.failure is None


async def test_a_certificate_of_a_stranger_is_no_hindrance(file: Path) -> None:
    certificate = AUTHORITY.generate_host_certificate(KEY, "gw", principals=[LOOPBACK])
    _, error = await connects([(KEY, certificate)], file, filed(KEY))

    assert not isinstance(error, asyncssh.HostKeyNotVerifiable)
