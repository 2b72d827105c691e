"""The exports change under a running daemon, by real editors, beside a real server."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.bed.bed import Bed
from tests.bed.daemon import Daemon
from tests.bed.nfs_server import EXPORT, exports_line

pytestmark = pytest.mark.integration

OTHER = "/var/local"


@pytest.fixture
def daemon(bed: Bed) -> Iterator[Daemon]:
    daemon = bed.daemon()
    daemon.await_ready()
    yield daemon
    bed.exports.write_text(exports_line(EXPORT))


def exports(daemon: Daemon) -> dict[str, object]:
    found: dict[str, object] = daemon.status()["exports"]
    return found


def in_effect(daemon: Daemon, *paths: str, state: str = "valid") -> None:
    def there() -> bool:
        found = daemon.status()["exports"]
        return found["state"] == state and [e["path"] for e in found["exports"]] == list(paths)

    daemon.wait_until(there, f"{paths} to be in effect", timeout_s=5)


def differences(daemon: Daemon) -> set[str]:
    codes = {problem["code"] for problem in daemon.status()["exports"]["problems"]}
    return codes & {"not-served", "served-otherwise", "still-served"}


def test_the_server_agrees_with_the_file_that_describes_it(daemon: Daemon) -> None:
    found = exports(daemon)

    assert (found["state"], found["dialect"], found["applied"]) == ("valid", "linux", None)
    assert differences(daemon) == set()
    assert daemon.metric("hostnfsd_exports_entries") == 1
    assert daemon.metric("hostnfsd_exports_mountable") == 1
    assert daemon.metric("hostnfsd_exports_problems", severity="error") == 0
    assert daemon.metric("hostnfsd_exports_changed_timestamp_seconds") > 1e9


EDITORS = {
    "vim": ["vim.tiny", "-u", "NONE", "-N", "-es", "-c", "normal Go{line}", "-c", "wq", "{file}"],
    "vim, no copy": [
        *("vim.tiny", "-u", "NONE", "-N", "-es", "-c", "set writebackup backupcopy=no"),
        *("-c", "normal Go{line}", "-c", "wq", "{file}"),
    ],
    "sed": ["sed", "-i", "$a {line}", "{file}"],
    "perl": ["perl", "-i~", "-pe", "$_ .= qq({line}\\n) if eof", "{file}"],
    "shell": ["sh", "-c", "echo '{line}' >>{file}"],
    "shell, anew": [
        "sh",
        "-c",
        "{{ cat {file}; echo '{line}'; }} >{file}.new; mv {file}.new {file}",
    ],
    "install": [
        "sh",
        "-c",
        "{{ cat {file}; echo '{line}'; }} >{file}.new; install {file}.new {file}",
    ],
}


def test_whoever_edits_the_file_the_daemon_follows(bed: Bed, daemon: Daemon) -> None:
    line = exports_line(OTHER, "10.9.8.7").strip()
    for editor in EDITORS.values():
        words = [word.format(line=line, file=bed.exports) for word in editor]
        subprocess.run(words, check=True, timeout=20, stdin=subprocess.DEVNULL)
        in_effect(daemon, EXPORT, OTHER)
        bed.exports.write_text(exports_line(EXPORT))
        in_effect(daemon, EXPORT)
    assert daemon.log.count("exports_changed") == 2 * len(EDITORS)
    assert "exports_missing" not in daemon.log
    assert "exports_invalid" not in daemon.log
    assert daemon.ready()


def test_a_server_that_was_not_told_is_found_out_at_once(bed: Bed, daemon: Daemon) -> None:
    bed.exports.write_text(exports_line(EXPORT) + exports_line(OTHER, "10.9.8.7"))
    daemon.wait_until(lambda: differences(daemon) == {"not-served"}, "the difference", timeout_s=10)
    daemon.await_log("exports_differ")
    assert daemon.ready()  # nobody suffers from it
    bed.exports.write_text(exports_line(EXPORT))
    daemon.wait_until(lambda: not differences(daemon), "its end", timeout_s=10)
    daemon.await_log("exports_agree")


def test_a_broken_file_and_a_missing_one(bed: Bed, daemon: Daemon) -> None:
    bed.exports.write_text(exports_line(EXPORT, options="nonsense"))
    in_effect(daemon, EXPORT, state="invalid")
    assert exports(daemon)["kept"]
    assert daemon.metric("hostnfsd_exports_problems", severity="error") == 1
    shown = daemon.command("status").output
    assert f"exports {bed.exports}: invalid" in shown
    assert f"{bed.exports}:1:" in shown

    bed.exports.unlink()
    in_effect(daemon, state="missing")
    assert daemon.metric("hostnfsd_exports_mountable") == 0
    daemon.await_log("exports_missing")
    page = daemon.get("/").body
    assert "missing" in page
    assert "nobody is admitted" in page


def test_a_reload_reads_another_file(bed: Bed, daemon: Daemon) -> None:
    other = bed.exports.with_name("other")
    other.write_text(exports_line(OTHER))
    daemon.change(host={"exports": str(other)})
    daemon.sighup()
    in_effect(daemon, OTHER)
    daemon.change(host={"exports": "none"}, access={"allow": "any"})
    daemon.sighup()
    daemon.wait_until(lambda: daemon.status()["exports"] is None, "it to be switched off")
    assert "hostnfsd_exports" not in daemon.get("/metrics?name[]=hostnfsd_exports_entries").body


def test_a_server_that_cannot_be_told_harms_nothing(bed: Bed) -> None:
    daemon = bed.daemon({"host": {"apply_exports": "when-valid"}})
    daemon.await_ready()
    bed.exports.write_text(exports_line(EXPORT, options="all_squash"))
    daemon.wait_until(lambda: exports(daemon)["applied"], "the server to be told")
    bed.exports.write_text(exports_line(EXPORT))

    # ganesha comes without exportfs.
    applied = daemon.status()["exports"]["applied"]
    assert not applied["ok"]
    assert applied["text"] == "there is no exportfs on this machine"
    daemon.await_log("exports_not_applied")
    assert daemon.ready()
