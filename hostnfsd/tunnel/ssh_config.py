"""What OpenSSH itself makes of an alias: the output of ``ssh -G NAME``, read.

``ssh -G`` (ssh(1)) prints the effective configuration as ``keyword value`` lines after evaluating
Host and Match. It is OpenSSH's own parser, so every file that ``ssh`` accepts is accepted here.
Only what a reverse tunnel needs is kept; forwards and multiplexing of the alias are left out on
purpose: they would fight with the daemon's own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: IdentityFile values that ``ssh -G`` prints when none is configured (ssh_config(5)).
DEFAULT_IDENTITIES: Final = tuple(
    f"~/.ssh/id_{kind}"
    for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "dsa")
)

_INCLUDE: Final = re.compile(
    r"^[ \t]*include(?:[ \t]*=[ \t]*|[ \t]+)(.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE
)
#: A word, in quotes where it has blanks.
_WORD: Final = re.compile(r'"([^"]*)"|([^\s"]+)')
#: Of an ssh that is a hop: no questions, no sharing, and no forwards of its own.
_HOP_OPTIONS: Final = (
    *("-o", "BatchMode=yes"),
    *("-o", "ControlMaster=no"),
    *("-o", "ControlPath=none"),
    *("-o", "ClearAllForwardings=yes"),
)
_PORT: Final = re.compile(r"[0-9]{1,5}")
#: ``ssh -G`` prints several names on a line, in full and without quotes: a blank may be in a name.
_FILE_NAMES: Final = re.compile(r" (?=[/~])")


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias, resolved.

    Attributes:
        host: what to dial.
        port: TCP port.
        user: login name there.
        identity_files: private keys, in order; ``~`` and ``${NAME}`` not expanded.
        identities_only: whether the agent may offer other keys.
        identity_agent: agent socket; None for SSH_AUTH_SOCK, "none" for no agent.
        known_hosts: files with host keys, the user's before the system's; ``~`` not expanded.
        host_key_alias: name under which the host key is filed, if not ``host``.
        proxy_jump: ``ProxyJump``, if any.
        proxy_command: ``ProxyCommand`` with its tokens still in it, if any.
        name: what was asked for, where ssh tells; ``%n`` in a proxy's command.
        certificate_files: user certificates; as the private keys.
    """

    host: str
    port: int = 22
    user: str = ""
    identity_files: tuple[str, ...] = DEFAULT_IDENTITIES
    identities_only: bool = False
    identity_agent: str | None = None
    known_hosts: tuple[str, ...] = (
        "~/.ssh/known_hosts",
        "~/.ssh/known_hosts2",
        "/etc/ssh/ssh_known_hosts",
        "/etc/ssh/ssh_known_hosts2",
    )
    host_key_alias: str | None = None
    proxy_jump: str | None = None
    proxy_command: str | None = None
    certificate_files: tuple[str, ...] = ()
    name: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"

    @property
    def default_identities(self) -> bool:
        """Whether nobody named a key: then a missing file is no error."""
        return set(self.identity_files) <= set(DEFAULT_IDENTITIES)


def read_alias(output: str) -> Alias:
    """Read the output of ``ssh -G``.

    Raises:
        ValueError: if it names no host name and port, and so is no such output.
    """
    values: dict[str, list[str]] = {}
    for line in output.splitlines():
        keyword, _, value = line.partition(" ")
        values.setdefault(keyword.lower(), []).append(value.strip())

    def last(keyword: str) -> str | None:
        value = values.get(keyword, [""])[-1]
        return None if value in {"", "none"} else value

    host, port = last("hostname"), last("port")
    if host is None or port is None or not _PORT.fullmatch(port):
        raise ValueError("no hostname and port in the output of ssh -G")
    known = [
        name
        for keyword in ("userknownhostsfile", "globalknownhostsfile")
        for line in values.get(keyword, [])
        for name in _FILE_NAMES.split(line)
        if name != "none"
    ]
    agent = values.get("identityagent", ["SSH_AUTH_SOCK"])[-1]
    user, name = last("user") or "", last("host")
    tokens = _tokens(host, port, user, name) | {
        "%d": "~",
        "%k": last("hostkeyalias") or name or host,
    }

    def files(keyword: str) -> tuple[str, ...]:
        return tuple(_expand(file, tokens) for file in values.get(keyword, ()) if file != "none")

    return Alias(
        host=host,
        port=int(port),
        user=user,
        identity_files=files("identityfile"),
        identities_only=last("identitiesonly") == "yes",
        identity_agent=None if agent == "SSH_AUTH_SOCK" else agent,
        known_hosts=tuple(known),
        host_key_alias=last("hostkeyalias"),
        proxy_jump=last("proxyjump"),
        proxy_command=last("proxycommand"),
        certificate_files=files("certificatefile"),
        name=name,
    )


def included(text: str) -> tuple[str, ...]:
    """The patterns of all ``Include`` lines (ssh_config(5)) of a file, whatever block they are in.

    ``ssh -G`` does not tell which files it has read.
    """
    return tuple(
        quoted or plain
        for words in _INCLUDE.findall(text)
        for quoted, plain in _WORD.findall(words)
    )


def _tokens(host: str, port: str, user: str, name: str | None) -> dict[str, str]:
    """Tokens of ssh_config(5), TOKENS, that do not depend on this machine."""
    return {"%%": "%", "%h": host, "%n": name or host, "%p": port, "%r": user}


def proxy_argv(alias: Alias, config: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The command whose standard input and output lead to the gateway; None to dial directly.

    Args:
        alias: the gateway, resolved.
        config: arguments that tell ssh(1) which configuration file to read.

    ProxyJump becomes what OpenSSH makes of it: an ``ssh -W`` through the last hop (ssh(1), -J), so
    hops use the user's own configuration; but nobody is there to be asked for a passphrase.
    ProxyCommand is run by the shell, as ssh_config(5) says.
    """
    tokens = _tokens(alias.host, str(alias.port), alias.user, alias.name)
    if alias.proxy_jump is not None:
        *before, last = _expand(alias.proxy_jump, tokens).split(",")
        jump = ("-J", ",".join(before)) if before else ()
        target = f"[{alias.host}]:{alias.port}"
        return ("ssh", *config, *_HOP_OPTIONS, *jump, "-W", target, *_hop(last))
    if alias.proxy_command is not None:
        return ("/bin/sh", "-c", "exec " + _expand(alias.proxy_command, tokens))
    return None


def _hop(hop: str) -> tuple[str, ...]:
    """``[user@]host[:port]`` or an ssh:// URI as arguments of ssh(1)."""
    hop = hop.strip().removeprefix("ssh://").removesuffix("/")
    host, colon, port = hop.rpartition(":")
    if colon and _PORT.fullmatch(port) and (not host.count(":") or host.endswith("]")):
        return "-p", port, _bare(host)
    return (_bare(hop),)


def _bare(host: str) -> str:
    return host.replace("[", "").replace("]", "")


def _expand(command: str, tokens: Mapping[str, str]) -> str:
    parts: list[str] = []
    position = 0
    while position < len(command):
        pair = command[position : position + 2]
        parts.append(tokens.get(pair, command[position]))
        position += 2 if pair in tokens else 1
    return "".join(parts)
