"""The files that protect the endpoints: certificate, key and passwords."""

import ssl
from pathlib import Path

from hostnfsd.config.model import Metrics as Settings
from hostnfsd.daemon.endpoints.basic_auth import BasicAuth, parse


class UnusableError(Exception):
    """A file cannot be used; the message says which and why."""


def _no_passphrase() -> str:
    raise UnusableError(
        "tls_key_file is encrypted, and nobody is there to be asked for its passphrase "
        "(store it decrypted, readable by the daemon only)"
    )


def load_certificate(settings: Settings, context: ssl.SSLContext) -> None:
    """Load the certificate; handshakes from now on use it, also on a listener that is open.

    Raises:
        UnusableError: a file cannot be read, is none, or the key does not fit.
    """
    try:
        context.load_cert_chain(
            Path(settings.tls_cert_file).expanduser(),
            Path(settings.tls_key_file).expanduser() if settings.tls_key_file else None,
            _no_passphrase,
        )
    except (OSError, RuntimeError) as exc:  # ssl.SSLError is an OSError; RuntimeError: no home
        files = " and ".join(f for f in (settings.tls_cert_file, settings.tls_key_file) if f)
        raise UnusableError(f"the certificate in {files} cannot be used: {exc}") from exc


def server_context() -> ssl.SSLContext:
    """A context for servers, TLS 1.2 and newer, without a certificate yet."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_users(settings: Settings) -> BasicAuth | None:
    """Who may read the endpoints; None: everybody who reaches them.

    Raises:
        UnusableError: the file cannot be read, or a line of it is wrong.
    """
    if not settings.basic_auth_file:
        return None
    path = Path(settings.basic_auth_file)
    try:
        path = path.expanduser()
        users, problems = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, RuntimeError, UnicodeDecodeError) as exc:
        raise UnusableError(f"basic_auth_file {path} cannot be read: {exc}") from exc
    if problems:
        raise UnusableError("; ".join(problem.render() for problem in problems))
    return BasicAuth(users)
