"""Reads exports(5) as exportfs(8) of nfs-utils does.

Where exportfs gives a file up, at the first word it cannot take, this reader goes on to tell
everything that is wrong, but nothing behind that word is exported.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hostnfsd.exports.findings import Findings
from hostnfsd.exports.linux import clients, options
from hostnfsd.exports.linux.options import BadOption, Settings
from hostnfsd.exports.linux.table import Table
from hostnfsd.exports.linux.words import CLIENT_SIZE, PATH_SIZE, Ending, Word, Words, decoded
from hostnfsd.exports.model import Client, Dialect, Entry, Grant, Reading
from hostnfsd.exports.source import Source, Span
from hostnfsd.exports.system import System
from hostnfsd.problem import Problem


def read(sources: Sequence[Source], system: System) -> Reading:
    """/etc/exports and the files of /etc/exports.d, in the order of linux.files.included.

    Args:
        sources: the files.
        system: the machine they are for.
    """
    table = Table(system)
    entries: list[Entry] = []
    problems: list[Problem] = []
    for source in sources:
        findings = Findings(source)
        if source.missing:
            text = f"can't open {source.path} for reading"
            findings.cannot_open(text, "create it; it may be empty")
        entries.extend(_FileReader(source, system, table, findings).read())
        problems.extend(findings.all())
    return Reading(Dialect.LINUX, tuple(entries), table.exports(), tuple(problems))


@dataclass(slots=True)
class _Grants:
    """What an entry grants, while it is read.

    Attributes:
        path: where its directory is written.
        settings: its default options.
        has_defaults: whether it has a word of default options.
        expecting: a client must come next, or everybody is.
        due: the word before was one of default options: the next is a client, however it begins.
    """

    path: Span
    settings: Settings
    has_defaults: bool = False
    expecting: bool = True
    due: bool = False


class _FileReader:
    def __init__(self, source: Source, system: System, table: Table, findings: Findings) -> None:
        self.source = source
        self.system = system
        self.table = table
        self.findings = findings
        self.words = Words(source)
        self.given_up = False
        self.ended = False
        self.entries: list[Entry] = []

    def read(self) -> list[Entry]:
        while True:
            path = self.words.path()
            if path.ending is Ending.TOO_LONG:
                text = f"path longer than {PATH_SIZE - 1} bytes: exportfs reads no further"
                self.findings.error("path-too-long", path.span, text)
                self._give_up()
                self._keep(self._written(path.span, []))
                self.words.skip_line()
            elif path.ending is Ending.WORD:
                self._quote(path)
                self._keep(self._entry(path.span))
            elif self.words.over:
                return self.entries
            else:
                self._end_early(path.span)

    def _keep(self, entry: Entry) -> None:
        # What stands behind an end that exportfs does not tell of is no part of the file.
        if not self.ended:
            self.entries.append(entry)

    def _entry(self, path: Span) -> Entry:
        grants = _Grants(path, Settings())
        fields: list[Span] = []
        nobody = 0
        while True:
            word = self.words.client()
            if word.ending is Ending.NONE:
                if not grants.expecting:
                    break
                # exportfs takes nobody for everybody, and looks once more.
                self._everybody(path, grants)
                fields.append(path[len(path) :])
                nobody = len(fields)
                continue
            self._quote(word)
            fields.append(word.span)
            try:
                self._field(word, grants)
            except BadOption:
                self._give_up()
                fields.extend(self._rest_of_line())
                break
        if nobody == len(fields):
            # An entry with nobody at its end is written without.
            fields = fields[:-1]
        return self._written(path, fields)

    def _written(self, path: Span, fields: list[Span]) -> Entry:
        place = self.source.place
        words = tuple(field.text for field in fields)
        places = tuple(place(field.start) for field in fields)
        return Entry(place(path.start), (path.text,), words, (place(path.start),), places)

    def _everybody(self, path: Span, grants: _Grants) -> None:
        grants.due = grants.expecting = False
        if not self.given_up:
            if not grants.has_defaults:
                self._no_options(path, "", grants)
            self._grant(grants, path[len(path) :], path, grants.settings)

    def _rest_of_line(self) -> list[Span]:
        rest: list[Span] = []
        while (word := self.words.client()).ending is not Ending.NONE:
            rest.append(word.span)
        return rest

    def _field(self, word: Word, grants: _Grants) -> None:
        span = word.span
        if word.ending is Ending.TOO_LONG:
            text = f"syntax error: a client longer than {CLIENT_SIZE - 1} bytes"
            self.findings.error("client-too-long", span[:32], text)
            raise BadOption
        if span.text.startswith("-") and not grants.due:
            grants.due = grants.expecting = True
            grants.settings = options.read(span[1:], grants.settings, self.findings)
            grants.has_defaults = True
            return
        grants.due = grants.expecting = False
        name, listed = span.partition("(")
        settings = grants.settings
        if listed is None:
            if not grants.has_defaults:
                self._no_options(span, span.text, grants)
        else:
            if not name.text:
                self._no_host(span, grants)
            settings = self._bracket(span, listed, settings)
        self._grant(grants, name, span, settings)

    def _bracket(self, word: Span, listed: Span, settings: Settings) -> Settings:
        inside, after = listed.partition(")")
        if after is None or after.text:
            hint = "options stand in one pair of brackets, without blanks: host(rw,sync)"
            if after is not None and after.text.startswith("#"):
                hint = "a comment needs a blank before it"
            self.findings.error("bad-option-list", word, "syntax error: bad option list", hint)
            raise BadOption
        return options.read(inside, settings, self.findings)

    def _grant(self, grants: _Grants, name: Span, at: Span, settings: Settings) -> None:
        client = clients.read(name, at, self.source, self.system, self.findings)
        if client is not None and not self.given_up:
            self._enter(grants, client, at, settings)

    def _enter(self, grants: _Grants, client: Client, at: Span, settings: Settings) -> None:
        path = decoded(grants.path.text)
        place = self.source.place(grants.path.start)
        grant = Grant(client, settings.terms())
        self.table.add(path, place, grant, path_at=grants.path, at=at, findings=self.findings)

    def _no_options(self, at: Span, name: str, grants: _Grants) -> None:
        text = f"No options for {grants.path.text} {name}: suggest {name}(sync) to avoid warning"
        hint = f"without options it is read-only: {grants.path.text} {name or '*'}(rw)"
        self.findings.warning("no-options", at, text, hint)

    def _no_host(self, at: Span, grants: _Grants) -> None:
        text = (
            f"No host name given with {grants.path.text} {at.text}, "
            f"suggest *{at.text} to avoid warning"
        )
        hint = "these options are for everybody; for a host no blank stands before the bracket"
        self.findings.warning("options-for-everybody", at, text, hint)

    def _quote(self, word: Word) -> None:
        if word.open_quote:
            text = "this quote is never closed: it takes in the rest of the file"
            self.findings.warning("open-quote", word.span, text)

    def _end_early(self, at: Span) -> None:
        if not self.given_up and self.words.more:
            text = "a line begins with a blank that is none here: exportfs reads no further"
            hint = "take out carriage returns (Windows line ends), form feeds, vertical tabs, NULs"
            self.findings.warning("file-ends-early", at, text, hint)
        self.ended = self.ended or not self.given_up
        self.given_up = True

    def _give_up(self) -> None:
        if not self.given_up and self.words.more:
            last = self.findings.all()[-1]
            text = "exportfs stops at this error: nothing below it is exported"
            self.findings.warning("rest-ignored", last.place, text)
        self.given_up = True
