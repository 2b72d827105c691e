"""The kinds of value a key can have: what is accepted, and the sentence for what is not.

A check that fails raises :func:`wrong`, whose text goes to the user as it stands. Plain types and
ranges are left to pydantic; :class:`Words` says what such a key takes, for the sentence that
:mod:`hostnfsd.config.shape` makes of pydantic's refusal and for the documentation. Nothing here
looks at the network or at files.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from hostnfsd.services import Service

SHOWN_LENGTH: Final = 60
#: sockaddr_un.sun_path holds 104 bytes on macOS and 108 on Linux, the final NUL included.
SOCKET_PATH_BYTES: Final = 103
#: A label as resolvers take it: RFC 1123 section 2.1, and "_", which container names have.
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
#: systemd.exec(5), credentials: a plain file name.
_CREDENTIAL: Final = re.compile(r"(?!\.{1,2}$)[\w.@+-]{1,255}", re.ASCII)
#: Narrower than ssh.c's valid_hostname: no wildcards of ssh_config, nothing a shell would touch.
_ALIAS: Final = re.compile(r"(?!-)[\w.:%-]+")
_USER: Final = re.compile(r"[^\s\x00-\x1f\x7f'\"`;&<>|(){}]+")
_HOST_LENGTH: Final = 253
_IPV6: Final = 6


@dataclass(frozen=True, slots=True)
class Words:
    """What a key takes, in words: ``noun`` with its article, ``allowed`` as it goes in brackets."""

    noun: str
    allowed: str


def wrong(code: str, text: str, hint: str | None = None) -> PydanticCustomError:
    """A refusal in our own words, to be raised inside a validator."""
    # The texts travel as context, not as the template: they may contain braces.
    return PydanticCustomError(code, "{text}", {"text": text, "hint": hint})


def quoted(text: str, length: int | None = SHOWN_LENGTH) -> str:
    """``text`` in double quotes as TOML writes it, whatever is in it: safe on a terminal."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    shown = [escapes.get(c, c if c.isprintable() else _escape(c)) for c in text[:length]]
    return f'"{"".join(shown)}{"" if text[:length] == text else "…"}"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"  # noqa: PLR2004  # TOML 1.0


def show(value: object) -> str:
    """A TOML value for the middle of a sentence; short, whatever it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            # str() of a very long integer raises: sys.set_int_max_str_digits.
            return str(value) if value.bit_length() <= 64 else "a number this large"  # noqa: PLR2004  # bits
        case str():
            return quoted(value)
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case _:
            return str(value)


def _text(value: object, noun: str) -> str:
    if not isinstance(value, str):
        raise wrong("wrong-type", f"{show(value)} is not {noun} (a string, in quotes)")
    return value


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_host_name(text: str) -> bool:
    """Whether ``text`` can be a DNS or container name (not an address in digits)."""
    name = text.removesuffix(".")
    labels = name.split(".")
    return (
        0 < len(name) <= _HOST_LENGTH
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )


def host(value: object) -> str:
    """A name or an IP address, without port, user or brackets."""
    text = _text(value, "a host")
    if _ip(text) or is_host_name(text):
        return text
    hint = None
    if text.startswith("[") and text.endswith("]") and _ip(text[1:-1]):
        hint = f"without brackets: {quoted(text[1:-1])}"
    elif "://" in text:
        hint = "only the host, without a scheme"
    elif "@" in text:
        hint = f"the user has a key of its own: user = {quoted(text.split('@', maxsplit=1)[0])}"
    elif text.count(":") == 1:
        hint = f"the port has a key of its own; here: {quoted(text.split(':', maxsplit=1)[0])}"
    raise wrong("bad-host", f"{show(text)} is not a host (a name or an IP address)", hint)


def client_address(value: object) -> str:
    """A name or an IP address that a client can dial."""
    text = host(value)
    address = _ip(text)
    if address and (address.is_unspecified or address.is_multicast):
        raise wrong(
            "bad-host",
            f"{quoted(text)} is no address that a client can dial (a name or an IP address)",
            "where the forwards are bound is the key listen; here stands what clients mount from",
        )
    return text


def listen_address(value: object) -> str:
    """An address for RFC 4254 section 7.1: an IP address, ``localhost``, or all (``""``, ``*``)."""
    text = _text(value, "an address to listen on")
    if text in {"", "*", "localhost"} or _ip(text):
        return text
    allowed = 'an IP address, "localhost", or "*" for all'
    hint = None
    if text.startswith("[") and text.endswith("]") and _ip(text[1:-1]):
        hint = f"without brackets: {quoted(text[1:-1])}"
    elif text.count(":") == 1:
        hint = "the ports are those of [services]; here stands only the address"
    elif is_host_name(text):
        hint = "sshd binds addresses; a name for clients goes into client_address"
    raise wrong("bad-listen", f"{show(text)} is not an address to listen on ({allowed})", hint)


def network(value: object) -> str:
    """A network in CIDR notation or a single address; bits beyond the prefix are an error."""
    text = _text(value, "a network")
    if "%" in text:
        bare, slash, length = text.partition("/")
        shown = quoted(f"{bare.partition('%')[0]}{slash}{length}")
        allowed = "a zone such as %eth0 means nothing at another machine"
        raise wrong("bad-network", f"{show(text)} is not a network ({allowed})", f"write {shown}")
    try:
        ipaddress.ip_network(text)
    except ValueError:
        hint = None
        try:
            hint = f"the network is {quoted(str(ipaddress.ip_network(text, strict=False)))}"
        except ValueError:
            if is_host_name(text):
                hint = "names are not looked up here: write the address"
        allowed = 'an address or a network such as "172.22.0.0/16"'
        if hint and "/" in text:
            allowed = "no bits set beyond the prefix length"
        raise wrong("bad-network", f"{show(text)} is not a network ({allowed})", hint) from None
    return text


def path(value: object, *, or_words: tuple[str, ...] = (), or_empty: bool = False) -> str:
    """An absolute path, or one below the home directory (``~`` or ``~/…``)."""
    text = _text(value, "a path")
    if text in or_words or (or_empty and not text):
        return text
    allowed = "paths are absolute or start with ~/" + "".join(f', or "{w}"' for w in or_words)
    if any(not c.isprintable() for c in text):
        raise wrong("bad-path", f"{show(text)} contains a control character ({allowed})")
    if text == "~" or text.startswith(("/", "~/")):
        return text
    if not text:
        absent = "leave the key out for the default"
        raise wrong("bad-path", f"the path is empty ({allowed})", absent)
    hint = None
    if text.startswith("~"):
        hint = "only your own home directory can be shortened to ~"
    elif text.startswith("$"):
        hint = "variables are not expanded; ~/ is your home directory"
    raise wrong("relative-path", f"{show(text)} is not an absolute path ({allowed})", hint)


def optional_path(value: object) -> str:
    """A path, or the empty string for none or the default."""
    return path(value, or_empty=True)


def path_or_none(value: object) -> str:
    """A path, or the word ``none``."""
    return path(value, or_words=("none",))


def socket_path(value: object) -> str:
    """The path of a Unix socket, short enough for ``sockaddr_un``; empty for the default."""
    text = optional_path(value)
    if len(text.encode()) > SOCKET_PATH_BYTES:
        raise wrong(
            "socket-path-length",
            f"{len(text.encode())} bytes are too long for a socket (at most {SOCKET_PATH_BYTES})",
        )
    return text


def identity_file(value: object) -> str:
    """The path of a private key, or ``credential:NAME`` (systemd.exec(5), LoadCredential)."""
    text = _text(value, "a path")
    if not text.startswith("credential:"):
        return path(text)
    name = text.removeprefix("credential:")
    if not _CREDENTIAL.fullmatch(name):
        raise wrong(
            "bad-credential",
            f"{quoted(name)} is not the name of a credential (letters, digits and . _ - @ +)",
            "the name is the one in LoadCredential= of the unit",
        )
    return text


def user(value: object) -> str:
    """A login name on the gateway, as ssh accepts it (ssh.c, valid_ruser)."""
    text = _text(value, "a user")
    if text.startswith("-") or not _USER.fullmatch(text):
        raise wrong("bad-user", f"{show(text)} is not a user (a login name on the gateway)")
    return text


def split_listen(text: str) -> tuple[str, int] | None:
    """``HOST:PORT`` as ``(host, port)``; None if it is not that.

    The host comes without brackets, and empty for all addresses (``:9822``, ``*:9822``). Port 0 is
    any free port.
    """
    host_part, colon, port_part = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port_part) or int(port_part) > 65535:  # noqa: PLR2004  # TCP's
        return None
    if host_part in {"", "*"}:
        return "", int(port_part)
    if host_part.startswith("[") and host_part.endswith("]"):
        inner = host_part[1:-1]
        address = _ip(inner)
        return (inner, int(port_part)) if address and address.version == _IPV6 else None
    if _ip(host_part):
        return None if ":" in host_part else (host_part, int(port_part))
    return (host_part, int(port_part)) if is_host_name(host_part) else None


def http_listen(value: object) -> str:
    """``HOST:PORT`` for the endpoints."""
    text = _text(value, "an address and port")
    if split_listen(text) is None:
        hint = None
        if (address := _ip(text)) is not None:
            hint = f'with a port: "{f"[{text}]" if address.version == _IPV6 else text}:9822"'
        elif text.isascii() and text.isdigit():
            hint = f"with an address: {quoted(f'127.0.0.1:{text}')}"
        raise wrong(
            "bad-listen",
            f'{show(text)} is not an address and port (such as "127.0.0.1:9822" or "[::1]:9822")',
            hint,
        )
    return text


def allowed_host(value: object) -> str:
    """What a Host header may say: a name or an address, perhaps with a port (RFC 9110 7.2)."""
    text = _text(value, "a host")
    if _ip(text) or is_host_name(text):
        return text
    if (text.startswith("[") and text.endswith("]") and _ip(text[1:-1])) or (
        (parts := split_listen(text)) and parts[0]
    ):
        return text
    hint = "only host and port, without scheme and path" if "/" in text else None
    raise wrong("bad-host", f"{show(text)} is not a host (a name or address, :port if any)", hint)


def gateway_name(value: object) -> str:
    """The name of a gateway table: what may stand as a ``Host`` alias on ssh's command line."""
    text = _text(value, "a gateway's name")
    if len(text) <= _HOST_LENGTH and _ALIAS.fullmatch(text):
        return text
    hint = None
    if "@" in text:
        login = text.split("@", maxsplit=1)[0]
        hint = f"the user has a key of its own: user = {quoted(login)}"
    allowed = f"an alias for ssh: 1 to {_HOST_LENGTH} letters, digits and . - _ : %, no leading -"
    raise wrong("bad-gateway-name", f"{show(text)} cannot name a gateway ({allowed})", hint)


def service_name(value: object) -> Service:
    """A member of the port set by its name."""
    if isinstance(value, Service):
        return value
    try:
        return Service(value)  # type: ignore[arg-type]  # anything may be asked; it refuses
    except ValueError:
        raise wrong("unknown-service", "no service of the NFS port set") from None


def one_or_list(value: object) -> object:
    """A single string is a list of one; the elements are checked after this."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def listed(value: object) -> object:
    """TOML has lists where we hold tuples."""
    return tuple(value) if isinstance(value, list) else value


Port = Annotated[int, Field(ge=1, le=65535), Words("a port", "1 to 65535")]
#: Shorter than a hundredth of a second would be a busy loop.
Seconds = Annotated[float, Field(ge=0.01, le=86400), Words("a number of seconds", "0.01 to 86400")]
Wait = Annotated[float, Field(ge=0, le=86400), Words("a number of seconds", "0 to 86400")]
Flag = Annotated[bool, Words("a boolean", "true or false")]

HostName = Annotated[str, BeforeValidator(host), Words("a host", "name or IP address")]
User = Annotated[str, BeforeValidator(user), Words("a user", "a login name")]
FilePath = Annotated[str, BeforeValidator(path), Words("a path", "absolute or ~/…")]
OptionalPath = Annotated[
    str, BeforeValidator(optional_path), Words("a path", "absolute or ~/…, or empty")
]
PathOrNone = Annotated[
    str, BeforeValidator(path_or_none), Words("a path", 'absolute or ~/…, or "none"')
]
SocketPath = Annotated[
    str, BeforeValidator(socket_path), Words("a path", "absolute or ~/…, or empty")
]
HttpListen = Annotated[str, BeforeValidator(http_listen), Words("an address and port", "HOST:PORT")]
IdentityFiles = Annotated[
    tuple[Annotated[str, BeforeValidator(identity_file)], ...],
    BeforeValidator(one_or_list),
    Words("a list of paths", 'each absolute or ~/…, or "credential:NAME"'),
]
ListenAddresses = Annotated[
    tuple[Annotated[str, BeforeValidator(listen_address)], ...],
    BeforeValidator(one_or_list),
    Words("an address or a list of them", 'IP address, "localhost", or "*" for all'),
]
ClientAddresses = Annotated[
    tuple[Annotated[str, BeforeValidator(client_address)], ...],
    BeforeValidator(one_or_list),
    Words("a host or a list of them", "names or IP addresses"),
]
AllowedHosts = Annotated[
    tuple[Annotated[str, BeforeValidator(allowed_host)], ...],
    BeforeValidator(listed),
    Words("a list of hosts", "names or addresses, :port if any"),
]
GatewayName = Annotated[str, BeforeValidator(gateway_name)]
ServiceName = Annotated[Service, BeforeValidator(service_name)]
