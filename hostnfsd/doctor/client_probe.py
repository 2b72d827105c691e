"""The last hop, by a client's own shell: a script that needs nothing but it, and its output. Pure.

A client is a container that may have bash, busybox or neither's nc. The script tries what is there:
bash's /dev/tcp, nc, python3, perl. With the first two it sends an RPC NULL (RFC 5531 section 9),
and what comes back is told in hexadecimal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hostnfsd.doctor.cure import COMMAND, LINE
from hostnfsd.doctor.finding import Finding, failed, passed, skipped
from hostnfsd.services import FACTS, Service
from hostnfsd.snapshot import Refusal, RefusedView

#: A transaction number that tells our reply from anything else.
XID: Final = 0x68_6E_66_64
#: How every reply to NULL begins: the mark of a record of one fragment.
_LAST_FRAGMENT: Final = b"\x80"
_ACCEPTED: Final = "00000001" + "00000000"
_DENIED: Final = "00000001" + "00000001"


def null_call(service: Service, version: int) -> bytes:
    """A NULL call in its record (RFC 5531 section 11)."""
    words = (XID, 0, 2, FACTS[service].program, version, 0, 0, 0, 0, 0)
    body = b"".join(word.to_bytes(4, "big") for word in words)
    return (0x8000_0000 | len(body)).to_bytes(4, "big") + body


def octal(call: bytes) -> str:
    """Bytes as printf(1) of every shell takes them."""
    return "".join(f"\\{byte:03o}" for byte in call)


#: For ``sh -c SCRIPT hostnfsd HOST PORT OCTAL``. Prints ``tool WORD``, then ``said HEX`` (what came
#: back, or the tool's complaint), ``open`` or ``closed``.
SCRIPT: Final = """
t() { if command -v timeout >/dev/null 2>&1; then timeout 2 "$@"; else "$@"; fi; }
hex() { head -c 200 | od -An -v -tx1 | tr -d ' \\n'; }
have() { command -v "$1" >/dev/null 2>&1; }
if have bash; then
  echo tool bash
  echo "said $(t bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "$3" >&3 && head -c 28 <&3' \\
    bash "$1" "$2" "$3" 2>&1 | hex)"
elif have nc; then
  echo tool nc
  echo "said $( (printf "$3"; sleep 1) | t nc -w 2 "$1" "$2" 2>&1 | hex)"
elif have python3; then
  echo tool python3
  t python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)' \\
    "$1" "$2" 2>/dev/null && echo open || echo closed
elif have perl; then
  echo tool perl
  t perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new("$ARGV[0]:$ARGV[1]")' "$1" "$2" \\
    && echo open || echo closed
else
  echo tool none
fi
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client saw.

    Attributes:
        tool: with which; None if the client's shell did not run.
        reply: the first bytes of the answer, in hexadecimal; empty if none came.
        open: whether the port took a connection.
        why: the tool's own words.
    """

    tool: str | None = None
    reply: str = ""
    open: bool = False
    why: str = ""


def read(output: str) -> Seen:
    """Read the script's output; lines of others are passed over."""
    tool, said, opened = None, b"", False
    for line in output.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "tool":
            tool = rest
        elif word == "said":
            said = _bytes(rest)
        elif word == "open" and not rest:
            opened = True
    if said[:1] == _LAST_FRAGMENT:
        return Seen(tool, said.hex(), open=True)
    text = " ".join(said.decode("ascii", "replace").split())
    return Seen(tool, "", opened, text)


def _bytes(word: str) -> bytes:
    try:
        return bytes.fromhex(word)
    except ValueError:
        return b""


def turned_away(
    told: Iterable[RefusedView], gateway: str, service: Service, since: float
) -> RefusedView | None:
    """Whom the gate did not let in meanwhile; None where that is not clear.

    Args:
        told: who was refused, as a gate tells.
        gateway: of the probe.
        service: of the probe.
        since: when the probe began, in seconds since the epoch.
    """
    met = {
        view.host: view
        for view in told
        if (view.gateway, view.service, view.reason) == (gateway, service, Refusal.NOT_ADMITTED)
        and view.last >= since
    }
    # Of several that came just then nobody knows which was ours.
    return next(iter(met.values())) if len(met) == 1 else None


def judge(
    seen: Seen,
    where: str,
    output: str,
    refused: RefusedView | None = None,
    *,
    daemon: bool = False,
    command: str = "",
) -> Finding:
    """A row for one port, as a client sees it.

    Args:
        seen: what the script printed.
        where: the address and port.
        output: all that was printed, for a client whose shell did not run.
        refused: whom the gate turned away there, where that is clear.
        daemon: whether the gate is a daemon's, which is to read its configuration again.
        command: that leads into the client.
    """
    if seen.tool is None:
        said = " ".join(output.split())[-200:] or "it printed nothing"
        text = f"the client's shell could not be run: {said}"
        by_hand = f"{COMMAND}{command} sh -c 'echo well'"
        return failed("client-command", text, ("try it by hand:", by_hand))
    if seen.tool == "none":
        return skipped("the client has neither bash, nc, python3 nor perl to connect with")
    if seen.reply:
        return _replied(seen, where, refused, daemon=daemon)
    if seen.open:
        return passed(f"{where} takes its connections (by {seen.tool}, which cannot call NULL)")
    why = f": {seen.why}" if seen.why else ""
    return failed(
        "client-way-blocked",
        f"it cannot reach {where}, which the gateway itself can{why}",
        (
            (
                "look for what lies between: a firewall of the gateway or node, a NetworkPolicy,"
                " another network; on the gateway:"
            ),
            "$ nft list ruleset",
        ),
    )


def _replied(seen: Seen, where: str, refused: RefusedView | None, *, daemon: bool) -> Finding:
    # After the record mark: transaction, REPLY, accepted or denied.
    xid, answer = seen.reply[8:16], seen.reply[16:32]
    if xid != f"{XID:08x}":
        return failed("foreign-holder", f"what answers at {where} is not NFS: {seen.reply[:40]}")
    if answer == _DENIED:
        return _kept_out(where, refused, daemon=daemon)
    if answer != _ACCEPTED:
        return failed("foreign-holder", f"what answers at {where} is odd: {seen.reply[:40]}")
    return passed(f"a NULL call to {where} is answered")


def _kept_out(where: str, refused: RefusedView | None, *, daemon: bool) -> Finding:
    """By its address as the gate sees it, which NAT may have changed, and what lets it in."""
    text = f"{where} answers, and does not let this client in (AUTH_ERROR)"
    if refused is None:
        return failed("client-not-admitted", text)
    said = f"{text}: {refused.host} is not admitted: {refused.text}"
    remedy = refused.remedy
    if remedy is None or remedy.allow is None:
        return failed("client-not-admitted", said, ("let the exports admit it",))
    steps = ["to let it in, under [access] in the configuration:", f"{LINE}{remedy.allow}"]
    if remedy.exports:
        steps.append(f"or in {remedy.place}, beside what is there:")
        steps += [f"{LINE}{each}" for each in remedy.exports]
    if daemon:
        steps.append("$ hostnfsd reload")
    return failed("client-not-admitted", said, steps)
