"""Whether the gateway is the one we know: known_hosts as OpenSSH reads it, and its two policies.

For a host on another port than 22, asyncssh falls back to entries without a port. OpenSSH lets such
an entry confirm a key, never contradict one, and a published container port on 127.0.0.1 makes the
difference matter: here only an entry with the port counts. asyncssh also offers only algorithms of
the keys on file; a gateway made anew with another kind of key would just hang up.
"""

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from hostnfsd.daemon.ssh.faults import TunnelFailureError
from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure
from hostnfsd.tunnel.ssh_config import Alias

_SSH_PORT: Final = 22

#: What asyncssh takes as ``known_hosts``: trusted host keys, trusted CA keys, revoked keys, and
#: four kinds of X.509 that OpenSSH does not know.
Matched = tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]


class KnownHosts:
    """The host keys on file for one gateway, and what happened when it showed its own.

    Args:
        files: known_hosts files, ``~`` expanded; those that are missing are passed over. New keys
            go to the first.
        host: what is dialled.
        port: its port.
        alias: the name under which the gateway is filed instead (ssh_config(5), HostKeyAlias).
        policy: ``strict`` or ``accept-new``.

    Raises:
        ValueError: if a file cannot be understood.
        OSError: if one cannot be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        host: str,
        port: int,
        alias: str | None = None,
        policy: Literal["strict", "accept-new"],
    ) -> None:
        self.files = tuple(files)
        self._host, self._port, self._alias = host, port, alias
        # Filed with its port unless that is ssh's own; an alias stands alone.
        self._name = alias or (host if port == _SSH_PORT else f"[{host}]:{port}")
        self._policy = policy
        self.accepted: str | None = None
        self.failure: Failure | None = None
        readable = [str(path) for path in files if path.is_file()]
        keys: list[asyncssh.SSHKey] = []
        authorities: list[asyncssh.SSHKey] = []
        revoked: list[asyncssh.SSHKey] = []
        if readable:
            known = asyncssh.read_known_hosts(readable)
            matched = known.match(self._name, "", None)
            keys, authorities, revoked = (list(part) for part in matched[:3])
        self._keys = keys
        self.trusted: Matched = (keys, authorities, revoked)

    @property
    def algorithms(self) -> list[str]:
        """Host key algorithms to offer: those on file first, so that a known key is shown."""
        filed = [name for key in self._keys for name in key.sig_algorithms]
        certified = get_default_certificate_algs() if self.trusted[1] else []
        names = dict.fromkeys((*certified, *filed, *get_default_public_key_algs()))
        return [name.decode() for name in names]

    def judge(self, key: asyncssh.SSHKey) -> bool:
        """The gateway showed a key that is not on file. Whether to go on.

        Called by asyncssh (``SSHClient.validate_host_public_key``), once more at each rekeying.
        """
        if key in self._keys:
            return True  # accepted before, on this very connection
        print_ = key.get_fingerprint()
        algorithm = key.get_algorithm()
        where = str(self.files[0]) if self.files else "no known_hosts file"
        if self.trusted[1] and not self._keys:
            self.failure = Failure(
                FailureKind.HOST_KEY,
                f"{self._name} shows no certificate of the authority in {where}, only the key"
                f" {algorithm} {print_}",
                "set HostCertificate in the gateway's sshd_config, or add its key to the file",
            )
            return False
        if self._keys:
            self.failure = Failure(
                FailureKind.HOST_KEY,
                f"the host key of {self._name} has CHANGED: it now shows {algorithm} {print_}",
                "if the gateway was made anew, forget the old key and record the new one:"
                f" ssh-keygen -R '{self._name}' -f {where}; {self._recording} >> {where}"
                ' (or host_key_policy = "accept-new"); if it was not, somebody is in between',
            )
            return False
        if self._policy == "accept-new":
            try:
                self._record(key)
            except OSError as exc:
                self.failure = Failure(
                    FailureKind.HOST_KEY,
                    f"the new host key of {self._name} cannot be recorded in {where}:"
                    f" {exc.strerror}",
                    "make the file writable for the daemon, or set known_hosts to one that is",
                )
                return False
            self._keys.append(key)
            self.accepted = f"{algorithm} {print_}"
            return True
        self.failure = Failure(
            FailureKind.HOST_KEY,
            f"the host key of {self._name} is not known: it shows {algorithm} {print_}",
            f"check that fingerprint on the gateway, then: {self._recording}"
            f" >> {self.files[0] if self.files else 'FILE, and set known_hosts to it'}"
            ' (or host_key_policy = "accept-new")',
        )
        return False

    @property
    def _recording(self) -> str:
        """The command that prints the gateway's keys as lines of a known_hosts file."""
        port = "" if self._port == _SSH_PORT else f"-p {self._port} "
        scan = f"ssh-keyscan {port}{self._host}"
        return scan if self._alias is None else f"{scan} | sed 's/^[^ #]*/{self._alias}/'"

    def _record(self, key: asyncssh.SSHKey) -> None:
        if not self.files:
            raise OSError(errno.ENOENT, "ssh_config names none")
        path = self.files[0]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = f"{self._name} {key.export_public_key().decode().strip()}\n"
        with suppress(OSError):
            text = path.read_bytes()
            if text and not text.endswith(b"\n"):
                line = "\n" + line
        # One write in append mode: nobody else's line is lost, ours is whole.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it keeps nothing")
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def known_hosts(alias: Alias, policy: Literal["strict", "accept-new"]) -> KnownHosts:
    """The host keys on file for a gateway.

    Raises:
        TunnelFailureError: of kind CONFIG, if a file cannot be used.
    """
    # ~nobody stays as it is instead of raising.
    files = [Path(os.path.expanduser(name)) for name in alias.known_hosts]  # noqa: PTH111
    try:
        return KnownHosts(
            files, host=alias.host, port=alias.port, alias=alias.host_key_alias, policy=policy
        )
    except (OSError, ValueError) as exc:
        raise TunnelFailureError(
            Failure(
                FailureKind.CONFIG,
                f"known_hosts cannot be used: {exc}",
                f"mend one of {', '.join(map(str, files))}",
            )
        ) from exc
