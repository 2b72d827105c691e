"""Private keys and the agent: what to authenticate with, and why not, if not.

A key that is encrypted is used through the agent. That an agent is empty is the normal state of a
machine after a reboot: it must be told apart from a key that the gateway refuses.
"""

import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.dial.patience import within
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure

#: ``identity_files = ["credential:NAME"]``: a file that systemd hands over (systemd.exec(5)).
CREDENTIAL: Final = "credential:"
#: The public keys that an agent holds; None where it does not answer, or there is none.
Held = frozenset[bytes] | None
_OTHER_KEY: Final = "set identity_files in [gateway.NAME] and reload, or mend that file"
#: Seconds an agent has to name its keys.
_AGENT_TIMEOUT_S: Final = 2.0
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Ring:
    """What a connection authenticates with.

    Attributes:
        keys: private keys that could be read.
        agent: path of the agent's socket; None for no agent.
        agent_identities: public keys the agent may offer; None for all it holds.
        files: the files looked at, for the watcher and for messages.
        locked: files that only an agent can use.
        troubles: what is wrong with other files, in their order.
    """

    keys: tuple[asyncssh.SSHKey, ...]
    agent: str | None
    agent_identities: tuple[bytes, ...] | None
    files: tuple[Path, ...]
    locked: tuple[Path, ...]
    troubles: tuple[Failure, ...] = ()


def collect(
    names: Sequence[str],
    *,
    named: bool,
    only: bool,
    agent: str | None,
    environ: Mapping[str, str],
) -> Ring:
    """Read the keys. Blocking: a few small files.

    Args:
        names: paths, ``~`` allowed, or ``credential:NAME``.
        named: whether the user named them: then one that is missing is a failure.
        only: whether the agent may offer only keys that belong to these files (ssh_config(5),
            IdentitiesOnly). One that is encrypted whole (PEM) and has no ``.pub`` beside it lifts
            that: nobody can tell which of the agent's keys it is.
        agent: the agent's socket, if there is one.
        environ: for ``CREDENTIALS_DIRECTORY``.

    Raises:
        TunnelFailureError: if nothing is left to authenticate with.
    """
    files = tuple(_path(name, environ) for name in names)
    keys: list[asyncssh.SSHKey] = []
    locked: list[Path] = []
    troubles: list[Failure] = []
    held: list[bytes] = []
    blind = False
    for path in files:
        public = _public(path) if agent is not None else []
        try:
            keys.append(asyncssh.import_private_key(path.read_bytes()))
            continue
        except FileNotFoundError:
            if named and not public:
                troubles.append(_failure(f"there is no private key {path}"))
        except OSError as exc:
            troubles.append(_failure(f"the private key {path} cannot be read: {exc.strerror}"))
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as exc:
            # asyncssh says "Passphrase must be specified" by this type, too.
            if "assphrase" in str(exc):
                locked.append(path)
                blind = blind or not public
            elif not public:
                troubles.append(_failure(f"{path} is no private key that works: {exc}"))
        held += public
    if only and not held and not locked:
        agent = None  # it could only offer what it must not
    if not keys and agent is None:
        raise TunnelFailureError(_useless(locked, troubles, files))
    return Ring(
        keys=tuple(keys),
        agent=agent,
        agent_identities=tuple(held) if only and held and not blind else None,
        files=files,
        locked=tuple(locked),
        troubles=tuple(troubles),
    )


@asynccontextmanager
async def offered(
    ring: Ring, agent_holds: Callable[[Held], None]
) -> AsyncIterator[list[asyncssh.SSHKey | asyncssh.SSHKeyPair]]:
    """What to offer to the gateway, the agent's keys first; the agent is asked in this block.

    ``agent_holds`` is told all that the agent holds, offered or not.

    asyncssh, given no key of its own, does not ask an agent either. One that does not answer is
    passed over, as ssh(1) does.
    """
    offer: list[asyncssh.SSHKey | asyncssh.SSHKeyPair] = list(ring.keys)
    agent = None
    try:
        if ring.agent is not None:
            with suppress(OSError, ValueError, asyncssh.Error):
                agent = await asyncssh.connect_agent(ring.agent)
                pairs = await agent.get_keys()
                agent_holds(_public_keys(pairs))
                only = ring.agent_identities
                offer[:0] = [p for p in pairs if only is None or p.public_data in only]
        yield offer
    finally:
        if agent is not None:
            agent.close()


async def held(agent: str | None) -> Held:
    """What an agent holds now."""
    if agent is None:
        return None
    try:
        async with within(_AGENT_TIMEOUT_S), asyncssh.connect_agent(agent) as client:
            return _public_keys(await client.get_keys())
    except (OSError, ValueError, asyncssh.Error):
        return None


def _public_keys(pairs: Iterable[asyncssh.SSHKeyPair]) -> Held:
    return frozenset(pair.public_data for pair in pairs)


def explain_refusal(ring: Ring, failure: Failure) -> Failure:
    """Sharpen "the gateway refused our login" where the likelier cause lies with our own key."""
    if ring.locked and not ring.keys:
        return _failure(
            f"the private key {ring.locked[0]} is encrypted and the agent does not hold it",
            f"ssh-add {ring.locked[0]}",
        )
    if ring.troubles and not ring.keys:
        return ring.troubles[0]
    return failure


def agent_socket(setting: str | None, environ: Mapping[str, str]) -> str | None:
    """The agent's socket: IdentityAgent (ssh_config(5)), else SSH_AUTH_SOCK; None if not there."""
    if setting == "none":
        return None
    path = environ.get("SSH_AUTH_SOCK") if setting is None else _variable(setting, environ)
    return path if path and Path(path).exists() else None


def _variable(setting: str, environ: Mapping[str, str]) -> str | None:
    if setting.startswith("$"):
        return environ.get(setting.strip("${}"))
    return os.path.expanduser(setting)  # noqa: PTH111  # stays a string: it is a socket's name


def _expand(name: str, environ: Mapping[str, str]) -> Path:
    """``~`` and ``${NAME}`` as ssh_config(5) has them; what is unknown stays, to be told of."""
    name = _VARIABLE.sub(lambda found: environ.get(found[1], found[0]), name)
    return Path(os.path.expanduser(name))  # noqa: PTH111  # ~nobody stays instead of raising


def _path(name: str, environ: Mapping[str, str]) -> Path:
    if not name.startswith(CREDENTIAL):
        return _expand(name, environ)
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory is None:
        raise TunnelFailureError(
            Failure(
                FailureKind.KEY,
                f"identity file {name!r}: systemd handed over no credentials",
                f"add LoadCredential={name.removeprefix(CREDENTIAL)}:/path/to/key to the unit;"
                " then: systemctl daemon-reload && systemctl restart hostnfsd",
            )
        )
    return Path(directory) / name.removeprefix(CREDENTIAL)


def _public(path: Path) -> list[bytes]:
    """The public half: beside the private one, in it, or in its place where an agent has that."""
    for place in (Path(f"{path}.pub"), path):
        with suppress(OSError, asyncssh.KeyImportError):
            return [asyncssh.import_public_key(place.read_bytes()).public_data]
    return []


def _useless(locked: Sequence[Path], troubles: Sequence[Failure], files: Sequence[Path]) -> Failure:
    """Why nothing is left to authenticate with, the likeliest reason first."""
    if locked:
        return _failure(
            f"the private key {locked[0]} is encrypted and there is no agent to ask",
            "use a key without a passphrase for the gateway; or unlock it in an agent that the"
            f" daemon sees: ssh-add {locked[0]}",
        )
    if troubles:
        return troubles[0]
    looked = ", ".join(str(path) for path in files) or "nowhere"
    return _failure(
        f"there is no private key, and no agent to ask (looked for {looked})",
        "make a key: ssh-keygen -t ed25519; and add its .pub to the gateway's authorized_keys;"
        " then: hostnfsd reconnect",
    )


def _failure(text: str, cure: str = _OTHER_KEY) -> Failure:
    # What is mended here is noticed at once (login_watch.py), what is mended on the gateway is not.
    return Failure(FailureKind.KEY, text, cure)
