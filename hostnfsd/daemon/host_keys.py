"""Whether the gateway is the one we know: known_hosts as OpenSSH reads it, and its two policies.

asyncssh matches an entry without a port for a host on another port, and an entry of the address for
a name. OpenSSH does neither (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), and a published container port
on 127.0.0.1 makes the difference matter: the files are matched here.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import asyncssh

from hostnfsd.snapshot import FailureKind
from hostnfsd.tunnel.failure import Failure

_SSH_PORT: Final = 22

#: What asyncssh takes as ``known_hosts``: trusted host keys, trusted CA keys, revoked keys, and
#: four kinds of X.509 that OpenSSH does not know.
Matched = tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]


class KnownHosts:
    """The host keys on file for one gateway, and what happened when it showed its own.

    Args:
        files: known_hosts files, ``~`` expanded; those that are missing are passed over. New keys
            go to the first.
        name: under which the gateway is filed.
        port: its port.
        policy: ``strict`` or ``accept-new``.

    Raises:
        ValueError: if a file cannot be understood.
        OSError: if one cannot be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        name: str,
        port: int,
        policy: Literal["strict", "accept-new"],
    ) -> None:
        self.files = tuple(files)
        self._name = name if port == _SSH_PORT else f"[{name}]:{port}"
        self._policy = policy
        self.accepted: str | None = None
        self.failure: Failure | None = None
        readable = [str(path) for path in files if path.is_file()]
        keys: list[asyncssh.SSHKey] = []
        authorities: list[asyncssh.SSHKey] = []
        revoked: list[asyncssh.SSHKey] = []
        if readable:
            known = asyncssh.read_known_hosts(readable)
            matched = known.match(name, "", None if port == _SSH_PORT else port)
            keys, authorities, revoked = (list(part) for part in matched[:3])
        self.trusted: Matched = (keys, authorities, revoked)

    def judge(self, key: asyncssh.SSHKey) -> bool:
        """The gateway showed a key that is not on file. Whether to go on.

        Called by asyncssh (``SSHClient.validate_host_public_key``).
        """
        print_ = key.get_fingerprint()
        algorithm = key.get_algorithm()
        where = str(self.files[0]) if self.files else "known_hosts"
        if any(self.trusted[:2]):
            self.failure = Failure(
                FailureKind.HOST_KEY,
                f"the host key of {self._name} has CHANGED: it now shows {algorithm} {print_}",
                "if the gateway was made anew, forget the old key and record the new one:"
                f" ssh-keygen -R '{self._name}' -f {where}; ssh-keyscan, or"
                ' host_key_policy = "accept-new"; if it was not, somebody is in between',
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
            self.accepted = f"{algorithm} {print_}"
            return True
        host, _, port = self._name.removeprefix("[").partition("]:")
        scan = f"ssh-keyscan -p {port} {host}" if port else f"ssh-keyscan {host}"
        self.failure = Failure(
            FailureKind.HOST_KEY,
            f"the host key of {self._name} is not known: it shows {algorithm} {print_}",
            f"check that fingerprint on the gateway, then: {scan} >> {where}"
            ' (or host_key_policy = "accept-new")',
        )
        return False

    def _record(self, key: asyncssh.SSHKey) -> None:
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
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
