"""Who may read the endpoints: user names and scrypt hashes (``[metrics] basic_auth_file``).

One ``NAME:$scrypt$ln=14,r=8,p=1$SALT$HASH`` a line, salt and hash in base64 without padding: the
form that passlib writes, made with the standard library alone (RFC 7914). ``docs/endpoints.md``
shows the command that prints such a line.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hostnfsd.problem import Place, Problem, Severity

_LINE: Final = re.compile(
    r"(?P<name>[^:\s]+):\$scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,2}),p=(?P<p>\d{1,2})"
    r"\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<digest>[A-Za-z0-9+/]+)"
)
_ALLOWED: Final = "NAME:$scrypt$ln=14,r=8,p=1$SALT$HASH"
# One check takes 128 * r * 2**ln bytes: at most 64 MiB, and not so little that guessing is cheap.
_MAX_MEMORY: Final = 64 * 1024 * 1024
_LEAST_LN: Final = 12
_LEAST_DIGEST: Final = 16


@dataclass(frozen=True, slots=True)
class Hashed:
    """A password's hash and how it was made (RFC 7914: N is ``2**ln``)."""

    ln: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def matches(self, password: str) -> bool:
        """Whether this is the password. Takes tens of milliseconds, on purpose."""
        made = hashlib.scrypt(
            password.encode(),
            salt=self.salt,
            n=1 << self.ln,
            r=self.r,
            p=self.p,
            dklen=len(self.digest),
            maxmem=2 * _MAX_MEMORY,
        )
        return hmac.compare_digest(made, self.digest)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _hashed(match: re.Match[str]) -> Hashed | None:
    found = Hashed(
        ln=int(match["ln"]),
        r=int(match["r"]),
        p=int(match["p"]),
        salt=_decoded(match["salt"]),
        digest=_decoded(match["digest"]),
    )
    sound = (
        found.ln >= _LEAST_LN
        and found.r > 0
        and found.p > 0
        and 128 * found.r << found.ln <= _MAX_MEMORY
        and found.p <= found.r
        and found.salt
        and len(found.digest) >= _LEAST_DIGEST
    )
    return found if sound else None


def parse(text: str, path: str) -> tuple[Mapping[str, Hashed], tuple[Problem, ...]]:
    """Read the file's text: users by name, and every line that cannot be used.

    Empty lines and lines that begin with ``#`` are skipped. A file without any user is a problem:
    it would lock everybody out.
    """
    users: dict[str, Hashed] = {}
    problems: list[Problem] = []

    def wrong(line: int | None, what: str) -> None:
        hint = "docs/endpoints.md shows the command that prints such a line"
        place = Place(path, line)
        problems.append(
            Problem("bad-basic-auth", Severity.ERROR, place, "metrics.basic_auth_file", what, hint)
        )

    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        hashed = None if match is None else _hashed(match)
        if match is None or hashed is None:
            # The line itself is not shown: it may hold a password in clear text.
            wrong(number, f"is not a user with an scrypt hash ({_ALLOWED}, at most 64 MiB)")
        elif match["name"] in users:
            wrong(number, f"user {match['name']!r} stands here a second time")
        else:
            users[match["name"]] = hashed
    if not users and not problems:
        wrong(None, f"holds no user ({_ALLOWED})")
    return users, tuple(problems)


def credentials(header: str) -> tuple[str, str] | None:
    """Name and password of an ``Authorization: Basic`` header (RFC 7617); None if it is not one."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except ValueError:  # no base64, or no UTF-8
        return None
    return (name, password) if colon else None


class BasicAuth:
    """Checks requests against a set of users, without stopping the event loop.

    A header that was right once is recognised by a keyed digest afterwards: a scrape every few
    seconds costs one scrypt in all, and the password is not kept.
    """

    def __init__(self, users: Mapping[str, Hashed]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}
        # One scrypt at a time: guessing must not take all the memory and processors.
        self._one = asyncio.Lock()
        # Hashed against when the name is unknown, so that the time taken does not tell names.
        self._nobody = next(iter(users.values()))

    async def admits(self, header: str | None) -> bool:
        """Whether this ``Authorization`` header names a user and his password."""
        found = None if header is None else credentials(header)
        if header is None or found is None:
            return False
        name, password = found
        mark = hmac.digest(self._key, header.encode("utf-8", "surrogateescape"), "sha256")
        if hmac.compare_digest(self._known.get(name, b""), mark):
            return True
        hashed = self._users.get(name)
        async with self._one:
            matches = await asyncio.to_thread((hashed or self._nobody).matches, password)
        if hashed is None or not matches:
            return False
        self._known[name] = mark
        return True
