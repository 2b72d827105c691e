"""The options of one client: nfs-utils, support/nfs/exports.c, parseopts()."""

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from hostnfsd.exports.findings import Findings
from hostnfsd.exports.linux import values
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
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]+", re.ASCII)
_LONG: Final = (1 << 63) - 1
_MACOS: Final = frozenset({"maproot", "mapall", "network", "mask", "alldirs", "o"})
_LOCATIONS: Final = frozenset({"refer", "replicas"})
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
            pass
    if (objection := values.objection(name.text, value.text)) is not None:
        raise _bad(objection.code, item, objection.text, findings)
    known_as = _SYNONYMS.get(name.text, name.text)
    return _with_value(known_as, values.canonical(name.text, value.text), settings)


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
