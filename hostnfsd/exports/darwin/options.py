"""The options of an entry: ``-option``, ``-option=value``, ``-option value``, ``-a,b=c``.

Only the last option of a comma list may take the word after it as its value, and only if that word
is no option. An option that nfsd does not know ends its list, without counting as an error.
"""

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from hostnfsd.exports.addresses import Address
from hostnfsd.exports.darwin import credential, networks
from hostnfsd.exports.darwin.credential import Credential
from hostnfsd.exports.darwin.lines import Field
from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Squash
from hostnfsd.exports.source import Span
from hostnfsd.exports.system import UNKNOWN, System

#: Every name that nfsd knows, for "did you mean".
NAMES: Final = (
    "ro", "o", "maproot", "mapall", "root", "r", "network", "n", "mask", "m", "alldirs",
    "32bitclients", "manglednames", "offline", "fspath", "fsuuid", "sec",
)  # fmt: skip
#: Those that nfsd does not know without a value.
VALUED: Final = frozenset({"maproot", "mapall", "root", "r", "network", "n", "mask", "m", "sec"})
FLAVORS: Final = ("krb5p", "krb5i", "krb5", "sys")
_FLAGS: Final = frozenset({"alldirs", "32bitclients", "manglednames", "offline"})
_MAPS: Final = {
    "maproot": Squash.ROOT, "root": Squash.ROOT, "r": Squash.ROOT, "mapall": Squash.ALL,
}  # fmt: skip
_MOST_PATH: Final = 1023  # MAXPATHLEN with its NUL
_UUID: Final = re.compile(r"(?:-?[0-9a-fA-F]{2}){16}")
_NOBODY: Final = Credential(-2, (-2,))


@dataclass(slots=True)
class Options:
    """What the options of one entry come to.

    Attributes:
        maps: which of ``-maproot`` and ``-mapall`` were given.
        credential: whom they name; the last one counts.
        network: the address of ``-network``.
        network_at: where it is written.
        mask: of ``-mask``, or None.
        flags: of the options without a value.
        fspath: where the volume is mounted, as the file has it.
        fsuuid: 32 hexadecimal digits.
        security: flavors.
        spans: where each option is written, by its long name.
    """

    read_only: bool = False
    maps: set[Squash] = field(default_factory=set)
    credential: Credential = _NOBODY
    network: Address | None = None
    network_at: Span | None = None
    mask: Address | None = None
    flags: set[str] = field(default_factory=set)
    fspath: str | None = None
    fsuuid: str | None = None
    security: tuple[str, ...] | None = None
    spans: dict[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadOption(Exception):  # noqa: N818  # not for users: ends the reading of one entry
    """nfsd gives the whole entry up.

    Attributes:
        at: what it cannot take.
        code: the problem's.
        text: what is wrong.
        hint: what to do.
        doubtful: it may well take it on the machine that the file is for.
    """

    at: Span
    code: str
    text: str
    hint: str | None = None
    doubtful: bool = False


@dataclass(slots=True)
class OptionReader:
    """Reads option words into ``options``."""

    system: System
    findings: Findings
    options: Options

    def read(self, word: Field, following: Field | None) -> bool:
        """One word that begins with a hyphen.

        Returns:
            Whether the following word was its value.

        Raises:
            BadOption: the entry cannot be used.
        """
        if word.text.text == "-":
            return False
        items = word.text[1:].split(",")
        if not items[-1].text:
            items = items[:-1]
        for index, item in enumerate(items):
            last = index == len(items) - 1 and word.text[-1] != ","
            name, value = item.partition("=")
            borrowed = None
            if value is None and last and following and following.text[0] != "-":
                borrowed = value = following.text
            taken = self._option(name, value)
            if taken is None:
                self._unknown(name, items[index + 1 :])
                return False
            if taken and borrowed is not None:
                return True
        return False

    def _unknown(self, name: Span, rest: tuple[Span, ...]) -> None:
        text = f"unrecognized export option: {name.text}"
        hint: str | None = f"known are: {', '.join(NAMES)}"
        if name.text in NAMES:
            text += " (it needs a value)"
            hint = f"write -{name.text}=VALUE"
        elif close := get_close_matches(name.text.lower(), NAMES, n=1):
            hint = f"did you mean -{close[0]}?"
        if rest:
            ignored = ",".join(item.text for item in rest)
            text += f"; the rest of its list is ignored with it: {ignored}"
            hint = f"{hint}; until then write -{ignored} as a word of its own"
        self.findings.warning("unknown-option", name, text, hint)

    def _option(self, name: Span, value: Span | None) -> bool | None:
        """Apply one option.

        Returns:
            Whether it took the value; None if nfsd does not know it in this form.
        """
        match name.text:
            case "ro" | "o":
                self.options.read_only = True
                self.options.spans["ro"] = name
            case flag if flag in _FLAGS:
                self.options.flags.add(flag)
                self.options.spans[flag] = name
            case "fspath" | "fsuuid":
                self._volume(name, value)
            case "maproot" | "mapall" | "root" | "r" if value is not None:
                self._map(name, value)
                return True
            case "mask" | "m" if value is not None:
                self._mask(name, value)
                return True
            case "network" | "n" if value is not None:
                self._network(name, value)
                return True
            case "sec" if value is not None:
                self._security(name, value)
                return True
            case _:
                return None
        return False

    def _map(self, name: Span, value: Span) -> None:
        found = credential.read(value.text, self.system)
        if isinstance(found, credential.Refused):
            hint = "name a user of this machine, or numbers such as 501:20"
            if value.text.isdecimal():
                hint = f"a number without a user needs a colon: -{name.text}={value.text}:"
            text = f"{found.text}; map credential error"
            raise BadOption(value, "unknown-user", text, hint)
        for remark in found.remarks:
            self.findings.warning("unknown-group", value, f"{remark} (it is left out)")
        squash = _MAPS[name.text]
        self.options.credential = found.credential
        self.options.maps.add(squash)
        self.options.spans["mapall" if squash is Squash.ALL else "maproot"] = name

    def _network(self, name: Span, value: Span) -> None:
        if self.options.network is not None:
            raise BadOption(name, "network-twice", "Network option conflict", _ONE_NETWORK)
        address = self._net(value)
        if address is None:
            raise BadOption(
                value, "bad-network", f"Bad net: {value.text}", networks.cidr_hint(value.text)
            )
        self.options.network, self.options.network_at = address, value
        self.options.spans["network"] = name

    def _mask(self, name: Span, value: Span) -> None:
        if self.options.mask is not None:
            raise BadOption(name, "mask-twice", "Network option conflict", _ONE_NETWORK)
        address = self._net(value)
        if address is None:
            raise BadOption(value, "bad-mask", f"Bad mask: {value.text}", "write it as 255.255.0.0")
        self.options.mask = address
        self.options.spans["mask"] = name

    def _net(self, value: Span) -> Address | None:
        address = networks.net(value.text, self.system)
        if address is not UNKNOWN:
            return address
        text = f"{value.text} is a network of the machine that the file is for: not judged here"
        hint = "write numbers: -network 10.0.0.0 -mask 255.0.0.0"
        raise BadOption(value, "unknown-network", text, hint, doubtful=True)

    def _security(self, name: Span, value: Span) -> None:
        if self.options.security is not None:
            self.findings.warning(
                "sec-twice",
                name,
                "A security option was already specified and will be replaced.",
                "write one: -sec=krb5:sys",
            )
        flavors: list[str] = []
        for flavor in value.split(":"):
            if flavor.text in flavors:
                self.findings.warning(
                    "flavor-twice", flavor, f"{flavor.text} appears more than once"
                )
            elif flavor.text in FLAVORS:
                flavors.append(flavor.text)
            elif flavor.text:
                text = f"Unknown security mechanism '{flavor.text}' ({', '.join(FLAVORS)})"
                raise BadOption(flavor, "unknown-flavor", text)
        if not flavors:
            raise BadOption(value, "unknown-flavor", f"Bad security option: {value.text}")
        self.options.security = tuple(flavors)
        self.options.spans["sec"] = name

    def _volume(self, name: Span, value: Span | None) -> None:
        option = name.text
        if value is None or not value.text:
            self.findings.warning(
                "value-missing", name, f"export option '{option}' missing a value."
            )
        elif option == "fspath":
            if not value.text.startswith("/"):
                raise BadOption(value, "bad-fspath", f"invalid fspath: {value.text}")
            if len(value.text.encode("utf-8", "replace")) > _MOST_PATH:
                raise BadOption(value, "bad-fspath", f"fspath option path too long: {value.text}")
            self.options.fspath = value.text
        elif (match := _UUID.match(value.text)) is None:
            raise BadOption(value, "bad-fsuuid", f"invalid fsuuid: {value.text}")
        else:
            self.options.fsuuid = match.group().replace("-", "").lower()
        self.options.spans[option] = name


_ONE_NETWORK: Final = "one line names one network: write a line for each"
