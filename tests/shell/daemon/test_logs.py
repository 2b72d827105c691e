"""The log as it arrives at a terminal, a pipe, the journal and a file, and on a bad day."""

import json
import logging
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from hostnfsd.config.model import Log
from hostnfsd.daemon import logs
from hostnfsd.daemon.log_lines import Lines, choose_style, is_journal, priority_prefix
from hostnfsd.daemon.logs import Logs

QUIET: dict[str, str] = {}


class Pipe:
    """A pipe that stands for stderr."""

    def __init__(self) -> None:
        self.out, self.fd = os.pipe()

    def text(self) -> str:
        os.close(self.fd)
        self.fd = -1
        with os.fdopen(self.out, encoding="utf-8") as reader:
            return reader.read()


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def opened() -> Iterator[list[Logs]]:
    made: list[Logs] = []
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "hostnfsd", "asyncssh")}
    yield made
    for each in made:
        each.close()
    assert not [handler for handler in root.handlers if isinstance(handler, Lines)]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def events(file: Path) -> list[str]:
    return [json.loads(line)["event"] for line in file.read_text().splitlines()]


def failing() -> None:
    raise ValueError("bad\x1b")


def log() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("hostnfsd.test")
    return logger


@pytest.mark.parametrize(
    ("wanted", "tty", "colour", "style"),
    [
        ("auto", True, True, "colour"),
        ("auto", True, False, "console"),
        ("auto", False, True, "json"),
        ("console", False, True, "console"),
        ("console", True, True, "colour"),
        ("json", True, True, "json"),
    ],
)
def test_the_style_fits_the_reader(wanted: str, tty: bool, colour: bool, style: str) -> None:
    assert choose_style(wanted, tty=tty, colour=colour) == style  # type: ignore[arg-type]  # a parametrised literal


@pytest.mark.parametrize(
    ("level", "prefix"),
    [(10, "<7>"), (20, "<6>"), (30, "<4>"), (40, "<3>"), (50, "<3>"), (5, "<7>"), (25, "<6>")],
)
def test_priorities_are_syslogs(level: int, prefix: str) -> None:
    assert priority_prefix(level) == prefix


def test_the_journal_is_known_by_its_device_and_inode() -> None:
    assert is_journal({"JOURNAL_STREAM": "8:42"}, 8, 42)
    assert not is_journal({"JOURNAL_STREAM": "8:42"}, 8, 43)
    assert not is_journal({}, 8, 42)


def test_a_pipe_gets_json_with_time_level_and_event_first(pipe: Pipe, opened: list[Logs]) -> None:
    opened.append(logs.configure(Log(), environ=QUIET, stderr=pipe.fd))
    log().bind(gateway="büro").info("tunnel_up", path=Path("/x"), error=OSError("no\x1b[2J"))

    line = json.loads(pipe.text())

    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert (line["level"], line["event"], line["gateway"]) == ("info", "tunnel_up", "büro")
    assert (line["path"], line["error"]) == ("/x", "no\\x1b[2J")
    assert opened[0].destination == "stderr"


def test_asyncssh_speaks_through_the_same_log_from_warnings_up(
    pipe: Pipe, opened: list[Logs]
) -> None:
    opened.append(logs.configure(Log(), environ=QUIET, stderr=pipe.fd))
    logging.getLogger("asyncssh").info("Accepted connection")
    logging.getLogger("asyncssh").warning("Rekey %s\nforged line", "late")

    (line,) = pipe.text().splitlines()

    assert json.loads(line) | {"timestamp": ""} == {
        "timestamp": "",
        "level": "warning",
        "event": "Rekey late\\nforged line",
        "logger": "asyncssh",
    }


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels(level: str, expected: list[str], pipe: Pipe, opened: list[Logs]) -> None:
    settings = Log.model_validate({"level": level})
    opened.append(logs.configure(settings, environ=QUIET, stderr=pipe.fd))
    for each in ("debug", "info", "warning", "error"):
        getattr(log(), each)("event")

    assert [json.loads(line)["level"] for line in pipe.text().splitlines()] == expected


def test_a_reload_changes_the_level_of_loggers_bound_long_ago(
    pipe: Pipe, opened: list[Logs]
) -> None:
    opened.append(logs.configure(Log(level="error"), environ=QUIET, stderr=pipe.fd))
    bound = log().bind(gateway="x")
    bound.info("unseen")
    opened[0].apply(Log(level="debug"))
    bound.debug("seen")

    assert [json.loads(line)["event"] for line in pipe.text().splitlines()] == ["seen"]


def test_an_exception_stays_one_json_line(pipe: Pipe, opened: list[Logs]) -> None:
    opened.append(logs.configure(Log(), environ=QUIET, stderr=pipe.fd))
    try:
        failing()
    except ValueError:
        log().exception("task_failed")

    line = json.loads(pipe.text())

    assert line["event"] == "task_failed"
    assert line["exception"].splitlines()[0] == "Traceback (most recent call last):"
    assert line["exception"].endswith("ValueError: bad\\x1b")


def journal_environ(fd: int) -> dict[str, str]:
    status = os.fstat(fd)
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def test_the_journal_gets_priorities_and_no_time(pipe: Pipe, opened: list[Logs]) -> None:
    opened.append(logs.configure(Log(), environ=journal_environ(pipe.fd), stderr=pipe.fd))
    log().error("forward_refused", port=111)
    log().info("tunnel_up")

    first, second = pipe.text().splitlines()

    assert first == '<3>{"level": "error", "event": "forward_refused", "port": 111}'
    assert second == '<6>{"level": "info", "event": "tunnel_up"}'
    assert opened[0].destination == "journal"


def test_in_the_journal_every_line_of_a_traceback_has_its_priority(
    pipe: Pipe, opened: list[Logs]
) -> None:
    environ = journal_environ(pipe.fd)
    opened.append(logs.configure(Log(format="console"), environ=environ, stderr=pipe.fd))
    try:
        failing()
    except ValueError:
        log().exception("task_failed")

    lines = pipe.text().splitlines()

    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


def test_an_inherited_journal_variable_does_not_fool(pipe: Pipe, opened: list[Logs]) -> None:
    opened.append(logs.configure(Log(), environ={"JOURNAL_STREAM": "1:2"}, stderr=pipe.fd))
    log().info("tunnel_up")

    assert "timestamp" in json.loads(pipe.text())


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_a_terminal_gets_colours_unless_they_are_unwanted(
    environ: dict[str, str], coloured: bool, opened: list[Logs]
) -> None:
    main, terminal = pty.openpty()
    try:
        opened.append(logs.configure(Log(), environ=environ, stderr=terminal))
        log().warning("tunnel_lost", reason="banner\x1b[2J")
        shown = os.read(main, 65536).decode()
    finally:
        os.close(terminal)
        os.close(main)

    assert ("\x1b[" in shown) is coloured
    assert "tunnel_lost" in shown
    assert "\x1b[2J" not in shown
    assert "banner\\x1b[2J" in shown


def test_a_file_is_written_and_reopened_after_it_was_renamed(
    tmp_path: Path, pipe: Pipe, opened: list[Logs]
) -> None:
    file = tmp_path / "hostnfsd.log"
    opened.append(logs.configure(Log(file=str(file)), environ=QUIET, stderr=pipe.fd))
    log().info("one")
    log().info("two")
    file.rename(tmp_path / "old")
    opened[0].reopen()
    # At once: whoever asked for it looks for the file.
    assert file.exists()
    log().info("three")

    assert events(tmp_path / "old") == ["one", "two"]
    assert events(file) == ["three"]
    assert opened[0].destination == str(file)
    assert pipe.text() == ""


def test_reopening_leaks_no_descriptor(tmp_path: Path, opened: list[Logs]) -> None:
    opened.append(logs.configure(Log(file=str(tmp_path / "log")), environ=QUIET))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        opened[0].reopen()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_cannot_be_opened_leaves_stderr_and_says_so(
    tmp_path: Path, pipe: Pipe, opened: list[Logs]
) -> None:
    file = tmp_path / "missing" / "log"
    opened.append(logs.configure(Log(file=str(file)), environ=QUIET, stderr=pipe.fd))
    assert opened[0].destination == "stderr"
    file.parent.mkdir()
    opened[0].reopen()
    log().info("tunnel_up")

    complaint = json.loads(pipe.text())
    assert (complaint["event"], complaint["level"]) == ("log_file_failed", "error")
    assert complaint["path"] == str(file)
    assert events(file) == ["tunnel_up"]


def test_text_that_is_no_text_is_escaped(pipe: Pipe, opened: list[Logs]) -> None:
    opened.append(logs.configure(Log(), environ=QUIET, stderr=pipe.fd))
    log().info("file_seen", path=os.fsdecode(b"caf\xe9"))

    assert json.loads(pipe.text())["path"] == "caf\udce9"


def test_a_full_disk_costs_the_line_only(opened: list[Logs]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        opened.append(logs.configure(Log(), environ=QUIET, stderr=full))
        for _ in range(3):
            log().error("event", text="x" * 10_000)
        assert opened[0].lost == 3
    finally:
        os.close(full)


def test_a_reader_that_left_costs_the_line_only(pipe: Pipe, opened: list[Logs]) -> None:
    opened.append(logs.configure(Log(), environ=QUIET, stderr=pipe.fd))
    os.close(pipe.out)
    log().error("event")
    os.close(pipe.fd)
    log().error("event")

    assert opened[0].lost == 2
    opened[0].apply(Log(level="debug"))


def test_a_process_without_stderr_logs_to_nowhere(
    monkeypatch: pytest.MonkeyPatch, opened: list[Logs]
) -> None:
    monkeypatch.setattr("sys.__stderr__", None)
    opened.append(logs.configure(Log(), environ=QUIET))
    log().error("event")

    assert opened[0].lost == 1


def test_a_value_that_cannot_be_shown_costs_the_line_only(
    pipe: Pipe, opened: list[Logs], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sulking:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    opened.append(logs.configure(Log(), environ=QUIET, stderr=pipe.fd))
    root = logging.getLogger()
    # Without pytest's own, which raise.
    ours = [handler for handler in root.handlers if isinstance(handler, Lines)]
    monkeypatch.setattr(root, "handlers", ours)
    log().info("event", value=Sulking())
    log().info("next")

    assert [json.loads(line)["event"] for line in pipe.text().splitlines()] == ["next"]


def test_a_redirected_stderr_is_named_by_its_path(tmp_path: Path, opened: list[Logs]) -> None:
    file = tmp_path / "stderr.log"
    fd = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        opened.append(logs.configure(Log(), environ=QUIET, stderr=fd))
        assert opened[0].destination == str(file)
    finally:
        os.close(fd)


def test_a_redirected_stderr_that_was_renamed_is_followed(
    tmp_path: Path, opened: list[Logs]
) -> None:
    """As launchd redirects it, and newsyslog renames the file."""
    path = tmp_path / "hostnfsd.log"
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    opened.append(logs.configure(Log(), environ=QUIET, stderr=fd))
    log().info("one_written")
    path.rename(tmp_path / "hostnfsd.log.0")
    log().info("two_written")
    # What else writes there goes on with us.
    os.write(fd, b"three\n")
    os.close(fd)

    assert "one_written" in (tmp_path / "hostnfsd.log.0").read_text()
    assert "two_written" not in (tmp_path / "hostnfsd.log.0").read_text()
    assert [line[:5] for line in path.read_text().splitlines()][1:] == ["three"]
    assert "two_written" in path.read_text()
    assert opened[0].destination == str(path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_was_renamed_is_followed_without_a_signal(
    tmp_path: Path, opened: list[Logs]
) -> None:
    path = tmp_path / "hostnfsd.log"
    opened.append(logs.configure(Log(file=str(path)), environ=QUIET))
    log().info("one_written")
    path.unlink()
    log().info("two_written")
    log().info("three_written")

    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == [
        "two_written",
        "three_written",
    ]


def test_a_folder_that_is_gone_costs_no_line_of_the_old_file(
    tmp_path: Path, opened: list[Logs]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    opened.append(logs.configure(Log(file=str(folder / "hostnfsd.log")), environ=QUIET))
    kept = tmp_path / "kept"
    (folder / "hostnfsd.log").rename(kept)
    folder.rmdir()
    log().info("one_written")

    assert "one_written" in kept.read_text()
    assert opened[0].lost == 0
