"""The reasons, as comment lines: what each option is for, what to expect, what goes wrong."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from hostnfsd.mount.plan import Mount

_WIDTH: Final = 100
_TERM: Final = 14


def said(*paragraphs: str) -> list[str]:
    """Paragraphs as comment lines, each from a line of its own."""
    return [line for text in paragraphs for line in _wrapped(text, "# ", "# ")]


def terms(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Words and what they mean, the meanings aligned."""
    known = list(rows)
    width = max((len(word) + 2 for word, _ in known if len(word) <= _TERM), default=_TERM)
    later = "#" + " " * (width + 1)
    lines: list[str] = []
    for word, meaning in known:
        # A long word does not push the meanings of all others to the right.
        lines += _wrapped(meaning, f"# {word + ':':<{width - 1}} ", later)
    return lines


def items(*texts: str) -> list[str]:
    """A list."""
    return [line for text in texts for line in _wrapped(text, "#   - ", "#     ")]


def command(line: str) -> str:
    """A line to be typed, inside a comment; never broken."""
    return f"#   {line}"


def script(lines: Iterable[str]) -> str:
    """Lines as text: an empty comment line between blocks is ``#``; ends with a newline."""
    return "\n".join(lines) + "\n"


def _wrapped(text: str, first: str, later: str) -> list[str]:
    # What is to be typed is not broken at its hyphens.
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
        break_long_words=False,
    )


def options(mount: Mount) -> list[str]:
    """What each option is for."""
    return terms(_options(mount))


def _options(mount: Mount) -> Iterator[tuple[str, str]]:
    if mount.mountd_port is None:
        yield (
            "vers",
            (
                "4.1 would do as well; 4.0 would not: there the server calls its clients back over"
                " a connection of its own, which the tunnel does not carry."
            ),
        )
        yield "proto, port", "given, so that nothing else is asked or tried."
        yield (
            "path",
            (
                "as the server's tree of version 4 has it: an export with fsid=0 is / there, and"
                " nfs-ganesha calls it by its Pseudo."
            ),
        )
    else:
        yield (
            "vers, proto, port, mountproto, mountport",
            (
                "all given, so that nothing is asked of a portmapper and nothing is tried over UDP,"
                " which the tunnel does not carry."
            ),
        )
        yield (
            "nolock",
            "locks are kept on this client: the server could not call back through the tunnel.",
        )
    yield (
        "hard",
        (
            "while the tunnel is away, programs wait and then go on. With soft they would get"
            " errors and could lose what they wrote."
        ),
    )
    if mount.darwin:
        yield "rsize, wsize", "a Mac's server (macOS 13 and later) hangs on larger transfers."
    if mount.dev:
        yield (
            "actimeo=1",
            "what the host changes is seen after a second at most; it costs more calls.",
        )


def expectations(mount: Mount) -> list[str]:
    """What clients get: whose files, how fresh, and no events."""
    fresh = (
        "Sizes, times and names are asked for again after a second (actimeo=1)."
        if mount.dev
        else "Sizes, times and names are kept for 3 to 60 s before the host is asked again; a file"
        " is looked at anew whenever it is opened. --dev makes that a second at most."
    )
    lines = [
        *said(_owners(mount)),
        "#",
        *said(
            fresh,
            "NFS tells nobody of changes: what waits for events (inotify, hot reload, watch modes)"
            " does not see what is changed on the host. Let it poll.",
        ),
    ]
    if mount.exported is not None and mount.exported.read_only:
        lines += ["#", *said("It is exported for reading only: nothing can be written here.")]
    return lines


def _owners(mount: Mount) -> str:
    if mount.exported is not None:
        whom = mount.exported.identity
        if whom.startswith("all as "):
            return (
                f"Whoever works here does so as {whom.removeprefix('all as ')} (uid:gid) of the"
                " host, by the export's mapping: new files belong to that account, chown fails."
            )
        return (
            "Users are numbers: a file belongs to the uid that the host gave it, whoever that is"
            f" here. By the export's mapping clients act as: {whom}."
        )
    return (
        "Users are numbers: a file belongs to the uid that the host gave it, whoever that is here."
        " A server that maps everybody to one account of its own (-mapall on macOS; all_squash,"
        " anonuid, anongid on Linux) spares you the difference."
    )


def troubles(mount: Mount) -> list[str]:
    """What a mount may answer, and what cures it."""
    return [
        *said('"access denied by server": the server sees the host itself as its client, not you.'),
        *items(
            "the export must admit the host: 127.0.0.1 or localhost;",
            "the server must accept the source ports that hostnfsd dials from: nfs.server.mount."
            "require_resv_port = 0 in /etc/nfs.conf on macOS, the export option insecure on Linux,"
            " unless hostnfsd may use ports below 1024;",
            "the path must be exported itself, or lie below one exported with -alldirs (macOS).",
        ),
        *said(
            '"Operation not permitted": a container needs the right to mount (CAP_SYS_ADMIN).',
            '"Connection refused", or it hangs: ask `hostnfsd status` on the host.',
        ),
        *_version_4(mount),
    ]


def _version_4(mount: Mount) -> list[str]:
    if not mount.also_4 or mount.mountd_port is None:
        return []
    return [
        "#",
        *said("The host's server speaks NFSv4 as well: with --vers 4 that is what is printed."),
    ]


def naming(mount: Mount, where: str) -> list[str]:
    """Why a name stands for the gateway, or why an address does."""
    if mount.names:
        return said(
            f"{mount.address}: the gateway by its name, which {where}. Its address would change"
            " when its container is made anew."
        )
    return said(
        f"{mount.address}: the gateway's address. It changes when its container is made anew; a"
        " name that clients can look up does not: let client_address in hostnfsd's configuration"
        " begin with it (for a container on their docker network: its name)."
    )
