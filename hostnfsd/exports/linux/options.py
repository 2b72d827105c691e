"""The options of one client: nfs-utils, support/nfs/exports.c, parseopts()."""

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Squash, Terms
from hostnfsd.exports.source import Span

#: Pairs that turn the same thing on and off; the second is the default.
_PAIRS: Final = (
    ("rw", "ro"), ("insecure", "secure"), ("async", "sync"), ("nohide", "hide"),
    ("crossmnt", "nocrossmnt"), ("no_wdelay", "wdelay"), ("no_root_squash", "root_squash"),
    ("all_squash", "no_all_squash"), ("subtree_check", "no_subtree_check"),
    ("insecure_locks", "secure_locks"), ("no_auth_nlm", "auth_nlm"), ("no_acl", "acl"),
    ("pnfs", "no_pnfs"),
)  # fmt: skip
_SYNONYMS: Final = {"no_auth_nlm": "insecure_locks", "mp": "mountpoint"}
_ON: Final = {on: on for on, _ in _PAIRS} | {
    "nordirplus": "nordirplus",
    "security_label": "security_label",
}
_OFF: Final = {off: on for on, off in _PAIRS}
_VALUED: Final = (
    "anonuid", "anongid", "squash_uids", "squash_gids", "fsid", "mountpoint", "mp", "refer",
    "replicas", "sec", "reexport", "xprtsec",
)  # fmt: skip
#: What exportfs knows, for "did you mean"; those with a value end in "=".
NAMES: Final = (*_ON, *_OFF, "mountpoint", "mp", *(f"{name}=" for name in _VALUED))
FLAVORS: Final = ("krb5", "krb5i", "krb5p", "unix", "sys", "null", "none")
_SAME_FLAVOR: Final = {"unix": "sys", "none": "null"}
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]+")
_C_NUMBER: Final = re.compile(r"\s*[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_RANGE: Final = re.compile(r"-?[0-9]*(--?[0-9]*)?")
_RANGE_ENDS: Final = re.compile(r"(?:^|-)(-?[0-9]+)")
_REEXPORT: Final = ("none", "auto-fsidnum", "predefined-fsidnum")
_TRANSPORTS: Final = ("none", "tls", "mtls")
_LONG: Final = (1 << 63) - 1
_MACOS: Final = frozenset({"maproot", "mapall", "network", "mask", "alldirs", "o"})
_LOCATIONS: Final = frozenset({"refer", "replicas"})
_UUID_DIGITS: Final = 32
_WRAP: Final = 1 << 32
NOBODY: Final = 65534


@dataclass(frozen=True, slots=True)
class Settings:
    """Options in effect.

    Attributes:
        on: of each pair what is set, by the name that differs from the default.
        anonuid: whom squashed users become.
        anongid: their group.
        security: flavors.
        valued: other options with their values, the last of each.
    """

    on: frozenset[str] = frozenset()
    anonuid: int = NOBODY
    anongid: int = NOBODY
    security: tuple[str, ...] = ()
    valued: tuple[tuple[str, str], ...] = ()

    def terms(self) -> Terms:
        """What clients may do."""
        squash = Squash.NONE if "no_root_squash" in self.on else Squash.ROOT
        rest = sorted(self.on - {"rw", "insecure", "no_root_squash", "all_squash"})
        rest += [f"{name}={value}" if value else name for name, value in self.valued]
        return Terms(
            read_only="rw" not in self.on,
            squash=Squash.ALL if "all_squash" in self.on else squash,
            uid=self.anonuid,
            gids=(self.anongid,),
            # mountd gives handles for any directory below an export.
            subdirectories=True,
            low_ports="insecure" not in self.on,
            security=self.security or ("sys",),
            options=tuple(rest),
        )


class BadOption(Exception):  # noqa: N818  # not for users: ends the reading of a file
    """exportfs reads no further; why has been told."""


def read(words: Span, settings: Settings, findings: Findings) -> Settings:
    """Apply a comma list.

    Args:
        words: the list, without brackets or hyphen.
        settings: what is in effect before it.
        findings: gets what is wrong.

    Raises:
        BadOption: exportfs would give up here.
    """
    items = [_unblanked(item) for item in words.split(",")]
    # A comma at the end is no empty option.
    for item in items if items[-1].text else items[:-1]:
        settings = _apply(item, settings, findings)
    return settings


def _unblanked(item: Span) -> Span:
    return item[len(item.text) - len(item.text.lstrip(" \t")) :]


def _apply(item: Span, settings: Settings, findings: Findings) -> Settings:
    name, value = item.partition("=")
    if value is None:
        return _flag(item, settings, findings)
    match name.text:
        case "anonuid" | "anongid":
            return _anonymous(name.text, item, value, settings, findings)
        case "sec":
            return _security(value, settings, findings)
        case known if known not in _VALUED:
            raise _unknown(item, findings)
        case _:
            _check(item, name.text, value.text, findings)
    if name.text == "fsid":
        return _with_value("fsid", _fsid(value.text), settings)
    return _with_value(_SYNONYMS.get(name.text, name.text), value.text, settings)


def _check(item: Span, name: str, value: str, findings: Findings) -> None:
    match name:
        case "fsid" if not _is_fsid(value):
            text = f'bad fsid "{item.text}" (a number, root, or a UUID)'
            raise _bad("bad-fsid", item, text, findings)
        case "squash_uids" | "squash_gids" if not _RANGE.fullmatch(value):
            raise _bad("bad-range", item, "syntax error: bad uid/gid list", findings)
        case "squash_uids" | "squash_gids" if "-1" in _RANGE_ENDS.findall(value):
            raise _bad("bad-range", item, "syntax error: uid/gid -1 not permitted", findings)
        case "reexport" if value not in _REEXPORT:
            text = f"bad option {value} ({', '.join(_REEXPORT)})"
            raise _bad("bad-reexport", item, text, findings)
        case "xprtsec" if not set(value.split(":")) <= set(_TRANSPORTS):
            text = f"unknown xprtsec mode {value} ({', '.join(_TRANSPORTS)})"
            raise _bad("bad-xprtsec", item, text, findings)
        case _:
            pass


def _flag(item: Span, settings: Settings, findings: Findings) -> Settings:
    name = item.text
    if name in _ON:
        return replace(settings, on=settings.on | {_SYNONYMS.get(name, name)})
    if name in _OFF:
        on = _OFF[name]
        return replace(settings, on=settings.on - {_SYNONYMS.get(on, on)})
    if name in {"mountpoint", "mp"}:
        return _with_value("mountpoint", "", settings)
    raise _unknown(item, findings)


def _with_value(name: str, value: str, settings: Settings) -> Settings:
    # There is one place for where a file system went to.
    rivals = _LOCATIONS if name in _LOCATIONS else {name}
    others = tuple(pair for pair in settings.valued if pair[0] not in rivals)
    return replace(settings, valued=(*others, (name, value)))


def _anonymous(
    name: str, item: Span, value: Span, settings: Settings, findings: Findings
) -> Settings:
    if not _NUMBER.fullmatch(value.text):
        raise _bad(f"bad-{name}", item, f'bad {name} "{item.text}" (a number)', findings)
    number = max(-_LONG, min(_LONG, int(value.text))) % _WRAP
    signed = number - _WRAP if number >= _WRAP // 2 else number
    return (
        replace(settings, anonuid=signed)
        if name == "anonuid"
        else replace(settings, anongid=signed)
    )


def _security(value: Span, settings: Settings, findings: Findings) -> Settings:
    flavors = list(settings.security)
    for flavor in value.split(":"):
        if flavor.text not in FLAVORS:
            text = f"unknown flavor {flavor.text} ({', '.join(FLAVORS)})"
            raise _bad("unknown-flavor", flavor, text, findings)
        known = _SAME_FLAVOR.get(flavor.text, flavor.text)
        if known not in flavors:
            flavors.append(known)
    return replace(settings, security=tuple(flavors))


def _fsid(text: str) -> str:
    """A number in decimal form; a UUID as it is."""
    if text == "root":
        return "0"
    if not _C_NUMBER.fullmatch(text):
        return text
    octal = re.fullmatch(r"\s*[+-]?0[0-7]+", text)
    number = int(text, 8) if octal else int(text, 0)
    return str(number % _WRAP)


def _is_fsid(text: str) -> bool:
    if text == "root" or _C_NUMBER.fullmatch(text):
        return True
    return sum(c in "0123456789abcdefABCDEF" for c in text) == _UUID_DIGITS


def _unknown(item: Span, findings: Findings) -> BadOption:
    if item.partition("=")[0].text in _MACOS:
        hint = "this is macOS syntax; Linux writes: /path 127.0.0.1(rw,all_squash,anonuid=501)"
        return _bad("unknown-option", item, f'unknown keyword "{item.text}"', findings, hint)
    close = get_close_matches(item.text.lower(), NAMES, n=1)
    hint = f"did you mean {close[0]}?" if close else "see exports(5) for what there is"
    return _bad("unknown-option", item, f'unknown keyword "{item.text}"', findings, hint)


def _bad(code: str, at: Span, text: str, findings: Findings, hint: str | None = None) -> BadOption:
    findings.error(code, at, text, hint)
    return BadOption()
