"""An ssh of the user's own that forwards our ports: in ssh_config, and among the processes. Pure.

``ssh -G`` prints ``remoteforward [ADDRESS:]PORT [HOST]:PORT`` (ssh_config(5), RemoteForward), and
``ps -axo pid=,etime=,args=`` one line for each process (ps(1), of Linux and of macOS).
"""

import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

#: How processes are listed, of all users.
PS: Final = ("ps", "-axo", "pid=,etime=,args=")

_FORWARD: Final = re.compile(r"^remoteforward\s+(?P<listen>\S+)", re.IGNORECASE | re.MULTILINE)
#: Options of an ssh that asks something and has no session.
_ASKS: Final = frozenset({"-O", "-G", "-Q", "-V"})
_PROGRAM: Final = re.compile(r"hostnfsd|python[\d.]*", re.IGNORECASE)
_MASTER: Final = re.compile(r"^Master running \(pid=(\d+)\)", re.MULTILINE)
_PROCESS: Final = re.compile(r"^\s*(?P<pid>\d+)\s+(?P<age>[\d:-]+)\s+(?P<args>.+)$")


@dataclass(frozen=True, slots=True)
class OwnSsh:
    """A process that may hold a port of ours on the gateway.

    Attributes:
        pid: its number.
        age: as ps tells it: ``[[days-]hours:]minutes:seconds``.
        command: its command line.
        ports: of ours, that its command line names; empty where ssh_config does.
        end: the command that ends it.
    """

    pid: int
    age: str
    command: str
    ports: tuple[int, ...] = ()
    end: str = ""

    @property
    def ending(self) -> str:
        """What ends it: by its number, unless there is something better."""
        return self.end or f"kill {self.pid}"


def port_of(listen: str) -> int | None:
    """The port of ``2049``, ``0.0.0.0:2049``, ``[::]:2049`` or ``/path``."""
    word = listen.rpartition(":")[2]
    return int(word) if word.isdecimal() else None


def forwarded(output: str, ours: Collection[int]) -> tuple[int, ...]:
    """The ports of ours that ``ssh -G`` says an alias forwards, ascending."""
    found = {port_of(match["listen"]) for match in _FORWARD.finditer(output)}
    return tuple(sorted(port for port in found if port in ours and port is not None))


def persists(output: str) -> bool:
    """Whether ``ssh -G`` says that a session stays after its terminal was closed."""
    words = dict(line.split(" ", 1) for line in output.splitlines() if " " in line)
    return words.get("controlpersist", "no") not in {"no", "0"}


def master(output: str, listing: str, end: str) -> OwnSsh | None:
    """The session that stands for an alias (ssh_config(5), ControlMaster); None if none does.

    Args:
        output: what ``ssh -O check NAME`` printed.
        listing: what :data:`PS` printed.
        end: the command that ends it.
    """
    match = _MASTER.search(output)
    if match is None:
        return None
    for line in listing.splitlines():
        process = _PROCESS.match(line)
        if process is not None and process["pid"] == match[1]:
            return OwnSsh(int(match[1]), process["age"], process["args"], end=end)
    return OwnSsh(int(match[1]), "some time", "ssh", end=end)


def processes(listing: str, name: str, ours: Collection[int]) -> tuple[OwnSsh, ...]:
    """The ssh processes that name ports of ours with -R, or that were started by the alias.

    Args:
        listing: what :data:`PS` printed.
        name: of the alias; empty if it forwards nothing.
        ours: the gateway's ports.
    """
    found = []
    for line in listing.splitlines():
        match = _PROCESS.match(line)
        if match is None:
            continue
        words = _words(match["args"])
        if not words or words[0].rpartition("/")[2] not in {"ssh", "autossh"}:
            continue
        if _ASKS & {*words[1:]}:
            continue
        ports = tuple(sorted({p for p in _with_r(words) if p in ours}))
        if ports or (name and name in words[1:]):
            found.append(OwnSsh(int(match["pid"]), match["age"], match["args"], ports))
    return tuple(found)


def daemons(listing: str, known: int | None) -> tuple[OwnSsh, ...]:
    """Other daemons of ours that run here: of another configuration, for the same gateway maybe.

    Args:
        listing: what :data:`PS` printed.
        known: the process number of the one that is ours; None if none runs.
    """
    found = []
    for line in listing.splitlines():
        match = _PROCESS.match(line)
        if match is None or int(match["pid"]) == known:
            continue
        first, *words = _words(match["args"]) or [""]
        # The program itself, or the Python that runs it; not sudo or a shell before it.
        if not _PROGRAM.fullmatch(first.rpartition("/")[2]):
            continue
        if "run" in words and any(w.rpartition("/")[2] == "hostnfsd" for w in (first, *words)):
            found.append(OwnSsh(int(match["pid"]), match["age"], match["args"]))
    return tuple(found)


def _words(args: str) -> list[str]:
    try:
        return shlex.split(args)
    except ValueError:  # ps has no quotes of its own
        return args.split()


def _with_r(words: list[str]) -> list[int]:
    """The ports of every ``-R [ADDRESS:]PORT:HOST:HOSTPORT`` (ssh(1))."""
    found = []
    for number, word in enumerate(words):
        spec = None
        # -R SPEC, -RSPEC; and -fNR SPEC: letters without arguments may stand before it.
        cluster = re.match(r"-[46AaCfGgKkMNnqsTtVvXxYy]*R", word)
        if cluster is not None:
            rest = word[cluster.end() :]
            spec = rest or (words[number + 1] if number + 1 < len(words) else None)
        if spec is not None:
            port = _listen_port(spec)
            found += [] if port is None else [port]
    return found


def _listen_port(spec: str) -> int | None:
    parts = re.sub(r"\[[^\]]*\]", "x", spec).split(":")
    # PORT (a proxy), ADDRESS:PORT (the same), PORT:HOST:PORT, ADDRESS:PORT:HOST:PORT
    word = parts[-3] if len(parts) >= 3 else parts[-1]  # noqa: PLR2004  # ssh(1), -R
    return int(word) if word.isdecimal() else None
