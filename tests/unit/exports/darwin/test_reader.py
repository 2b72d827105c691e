from dataclasses import replace

import pytest

from hostnfsd.exports.darwin import reader
from hostnfsd.exports.model import Reading
from hostnfsd.exports.source import Source
from hostnfsd.exports.system import Exportable, ServerState, System, Volume
from hostnfsd.problem import Place, Severity
from tests.support.exports_system import MAC, FakeSystem


def read(text: str, system: System) -> Reading:
    return reader.read(Source("exports", text), system)


@pytest.mark.parametrize(
    ("state", "severities"),
    [
        (ServerState.RUNNING, []),
        (ServerState.STOPPED, [Severity.NOTE]),
        (ServerState.STOPPED_COUNTED, [Severity.ERROR]),
    ],
)
def test_an_nfsd_that_does_not_run_cannot_be_asked(
    state: ServerState, severities: list[Severity]
) -> None:
    system = replace(MAC, state=state)
    reading = read("/Users/dev/Documents/work localhost\n", system)

    without_disk_access = [p for p in reading.problems if p.code != "no-disk-access"]
    assert severities == [p.severity for p in without_disk_access]
    assert all(p.place == Place("exports") for p in without_disk_access)
    asked = [p.code for p in reading.problems if p.code == "no-disk-access"]
    assert bool(asked) is (state is ServerState.RUNNING)


def test_a_kernel_may_refuse_without_a_reason() -> None:
    system = replace(MAC, volumes=(Volume("/", "1" * 32, "odd", Exportable.NO),))
    (problem,) = read("/Users/dev\n", system).problems

    assert problem.text == "kernel export registration failed"


def test_a_mount_point_that_does_not_begin_the_path_is_an_error() -> None:
    # Catalina: /Users led to another volume, and nfsd compared the paths as they were written.
    volume = Volume("/System/Volumes/Data", "1" * 32)

    class Catalina(FakeSystem):
        def volume(self, path: str) -> Volume:  # noqa: ARG002  # all is on one
            return volume

    reading = read("/Users/dev\n", Catalina(directories=frozenset({"/Users/dev"})))

    assert [p.code for p in reading.problems] == ["path-mismatch"]
    assert reading.problems[0].text == (
        "exported dir/fs mismatch: /Users/dev (/Users/dev) /System/Volumes/Data"
    )


@pytest.mark.parametrize("blank", ["\r", "\x1e", "\u2003"])
def test_what_only_looks_blank_is_a_word_at_a_joint(blank: str) -> None:
    (joint, *_) = read(f"/a\\\n{blank}\n", MAC).problems

    assert (joint.code, joint.place) == ("joined-words", Place("exports", 2, 1))
