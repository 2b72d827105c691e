"""Reads exports(5) as nfsd of macOS does, and counts the errors ``nfsd checkexports`` counts."""

from contextlib import suppress

from hostnfsd.exports.darwin import groups as who
from hostnfsd.exports.darwin.lines import Field, Line, clean_path, fields, is_path, lines
from hostnfsd.exports.darwin.options import BadOption, OptionReader, Options
from hostnfsd.exports.darwin.paths import LONGEST, Directory, ordered
from hostnfsd.exports.darwin.registry import Registry, Wanted
from hostnfsd.exports.darwin.volumes import Dropped
from hostnfsd.exports.findings import Findings
from hostnfsd.exports.model import Dialect, Entry, Reading, Squash, Terms
from hostnfsd.exports.source import Source, Span
from hostnfsd.exports.system import ServerState, System
from hostnfsd.problem import Place


def read(source: Source, system: System) -> Reading:
    """An exports file of macOS.

    Args:
        source: the file.
        system: the machine it is for.
    """
    findings = Findings(source)
    _server_state(system, source.path, findings)
    if source.missing:
        hint = "nfsd runs only where the file exists: create it, then sudo nfsd enable"
        findings.cannot_open(f"Can't open {source.path}", hint)
    registry = Registry(source, system, findings)
    entries: list[Entry] = []
    for line in lines(source):
        words = fields(line.text)
        if words and words[0].text[0] == "#":
            _comment(line, findings)
        elif line.lost:
            text = "the file ends with a backslash: nfsd drops this line without a word"
            findings.warning("line-lost", line.text, text, "take the backslash away")
        else:
            if words:
                entries.append(_entry(source, words))
            with suppress(Dropped):
                registry.add(_EntryReader(source, system, findings).read(line, words))
    return Reading(Dialect.DARWIN, tuple(entries), registry.exports(), findings.all())


def _server_state(system: System, path: str, findings: Findings) -> None:
    text = "nfsd is not running, can't verify exports permissions"
    match system.server_state():
        case ServerState.RUNNING | ServerState.UNKNOWN:
            pass
        case ServerState.STOPPED:
            findings.note("nfsd-stopped", Place(path), text)
        case ServerState.STOPPED_COUNTED:
            hint = "this release counts it as an error: sudo nfsd start"
            findings.error("nfsd-stopped", Place(path), text, hint)


def _comment(line: Line, findings: Findings) -> None:
    if line.joined > 1 or line.lost:
        text = "a comment that ends with a backslash takes in the next line"
        findings.warning("comment-swallows", line.text, text, "take the backslash away")


def _entry(source: Source, words: tuple[Field, ...]) -> Entry:
    count = next((i for i, word in enumerate(words) if not is_path(word.text)), len(words))
    places = tuple(source.place(word.text.start) for word in words)
    paths = tuple(clean_path(word) for word in words[:count])
    fields = tuple(word.text.text for word in words[count:])
    return Entry(places[0], paths, fields, places[:count], places[count:])


class _EntryReader:
    def __init__(self, source: Source, system: System, findings: Findings) -> None:
        self.source = source
        self.system = system
        self.findings = findings
        self.options = Options()
        self.hosts = who.Hosts(source, system, findings)
        self.paths: set[str] = set()
        self.paths_over = False

    def read(self, line: Line, words: tuple[Field, ...]) -> Wanted:
        self._joints(line)
        directories = self._words(words)
        terms = self._terms(directories, line)
        net = who.network(self.options, self.source)
        if not directories:
            # Only a line of nothing but a NUL gets here.
            self.findings.error("no-directory", line.text, "no directories for export entry?")
            raise Dropped
        if net is not None and self.hosts.groups:
            at = self.options.network_at or line.text
            text = "can't specify both network and hosts on same line"
            self.findings.error("network-and-hosts", at, text, "write a line for each")
            raise Dropped
        groups = [net[0]] if net else list(self.hosts.groups)
        clients = [net[1]] if net else self.hosts.clients
        return Wanted(ordered(directories), self.options, terms, groups, clients)

    def _joints(self, line: Line) -> None:
        where = {offset: i for i, offset in enumerate(line.text.offsets)} if line.joints else {}
        for offset in line.joints:
            index = where.get(offset, 0)
            if index > 0 and line.text[index - 1] not in " \t":
                # No blank stands at a joint, so there is a word.
                (first, *_) = fields(line.text[index : index + LONGEST])
                at = first.text
                text = "a backslash joins lines without a blank between them"
                hint = f"begin the line with a blank: ' {at.text}'"
                self.findings.warning("joined-words", at, text, hint)

    def _words(self, words: tuple[Field, ...]) -> list[Directory]:
        directories: list[Directory] = []
        options = OptionReader(self.system, self.findings, self.options)
        skip = False
        for index, word in enumerate(words):
            if skip:
                skip = False
                continue
            if is_path(word.text):
                self._directory(word, directories)
                continue
            if not directories:
                self._nothing_to_export(word)
            self.paths_over = True
            if word.text[0] == "-":
                following = words[index + 1] if index + 1 < len(words) else None
                skip = self._option(options, word, following)
            else:
                self.hosts.add(word.text)
        return directories

    def _nothing_to_export(self, word: Field) -> None:
        text = word.text.text
        if word.text[0] == "-":
            self.findings.error(
                "options-first", word.text, f"got options with no exported directory: {text}"
            )
        else:
            hint = "FreeBSD's V4: line means nothing to macOS" if text.startswith("V4:") else None
            self.findings.error(
                "host-first", word.text, f"got host/group with no directory?: {text}", hint
            )
        raise Dropped

    def _option(self, options: OptionReader, word: Field, following: Field | None) -> bool:
        try:
            return options.read(word, following)
        except BadOption as bad:
            if bad.doubtful:
                self.findings.warning(bad.code, bad.at, bad.text, bad.hint)
                raise Dropped from bad
            text = f"error processing options: {word.text.text} ({bad.text})"
            self.findings.error(bad.code, bad.at, text, bad.hint)
            raise Dropped from bad

    def _directory(self, word: Field, directories: list[Directory]) -> None:
        path = clean_path(word)
        if self.paths_over:
            text = f"Directories must be first: {path}"
            self.findings.error("directory-late", word.text, text, "move it to the line's start")
            raise Dropped
        length = len(path.encode("utf-8", "replace"))
        if length > LONGEST:
            text = f"pathname too long ({length} > {LONGEST}): {path}"
            self.findings.error("path-too-long", word.text, text)
            raise Dropped
        if path in self.paths:
            self.findings.error("directory-twice", word.text, f"duplicate directory: {path}")
            return
        if word.open_quote:
            self.findings.warning("open-quote", word.text, "this quote is not closed on its line")
        self.paths.add(path)
        directories.append(Directory(path, word.text))

    def _terms(self, directories: list[Directory], line: Line) -> Terms:
        options = self.options
        at = directories[0].at if directories else line.text
        if options.maps == {Squash.ROOT, Squash.ALL}:
            self._bad_options("-mapall and -maproot mutually exclusive", "maps-conflict", at)
        if options.mask is not None and options.network is None:
            self._bad_options("-mask requires -network", "mask-alone", options.spans["mask"])
        if options.mask and options.network and options.mask.version != options.network.version:
            text = "-mask and -network must be of the same family"
            self._bad_options(text, "mask-family", options.spans["mask"])
        if self.hosts.bad and not self.hosts.good and options.network is None:
            self.findings.error("no-hosts", at, "no valid hosts found for export")
            raise Dropped
        return Terms(
            read_only=options.read_only,
            squash=Squash.ALL if Squash.ALL in options.maps else Squash.ROOT,
            uid=options.credential.uid,
            gids=options.credential.gids,
            identity=options.credential.written,
            subdirectories="alldirs" in options.flags,
            security=options.security or ("sys",),
            offline="offline" in options.flags,
            options=tuple(sorted(options.flags - {"alldirs", "offline"})),
        )

    def _bad_options(self, why: str, code: str, at: Span) -> None:
        self.findings.error(code, at, f"bad export options ({why})")
        raise Dropped
