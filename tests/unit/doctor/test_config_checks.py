"""The first row: is there a configuration."""

from hostnfsd.config.reader import parse
from hostnfsd.doctor import config_checks
from hostnfsd.doctor.catalogue import BY_CODE
from hostnfsd.doctor.config_checks import judge, of_problem
from hostnfsd.doctor.finding import Outcome
from hostnfsd.doctor.scene import Scene
from hostnfsd.errors import ConfigError, FileMissingError
from hostnfsd.exports.explain import Surroundings, explain
from hostnfsd.exports.model import Dialect
from hostnfsd.problem import Place, Problem, Severity
from tests.support.exports_system import LINUX
from tests.vectors.exports_vectors import LOOPBACK, read

CONFIG = parse(b"[gateway.dev-gw]\n", "/x").config
assert CONFIG is not None
SCENE = Scene(CONFIG, "/etc/hostnfsd.toml")
WRONG = Problem("unknown-key", Severity.ERROR, Place("/x", 3, 1), "tunel", "is unknown", "mend")


def test_a_good_file_is_told_with_what_it_carries() -> None:
    (found,) = judge(SCENE, None, ())

    assert found.outcome is Outcome.PASS
    assert found.text == "/etc/hostnfsd.toml: 1 gateway, 6 services"


def test_a_warning_is_a_row_and_a_note_is_not() -> None:
    warning = Problem("odd", Severity.WARNING, Place("/x", 1), "key", "odd")
    note = Problem("by-the-way", Severity.NOTE, Place("/x"), "key", "by the way")
    rows = judge(SCENE, None, (warning, note))

    assert [row.outcome for row in rows] == [Outcome.PASS, Outcome.WARN]


def test_every_error_has_its_place() -> None:
    (found,) = judge(SCENE, ConfigError("1 error", (WRONG,)), ())

    assert (found.outcome, found.code, found.place) == (
        Outcome.FAIL,
        "config-invalid",
        Place("/x", 3, 1),
    )
    assert found.cure == ("mend", "$ hostnfsd check")


def test_what_comes_without_advice_has_a_cure_all_the_same() -> None:
    bare = Problem("not-a-directory", Severity.ERROR, Place("/etc/exports", 2, 2), "/srv/x", "gone")

    assert of_problem(bare, "exports-invalid").cure == BY_CODE["exports-invalid"].cure


def test_no_file_at_all() -> None:
    (found,) = judge(SCENE, FileMissingError("no configuration found"), ())

    assert (found.outcome, found.code) == (Outcome.FAIL, "config-missing")


def test_it_is_one_check_that_reads_no_network() -> None:
    (check,) = config_checks.checks(SCENE, None, ())

    assert check.blocking is not None
    assert check.blocking()[0].outcome is Outcome.PASS


def test_a_corrected_line_is_a_step_of_its_own() -> None:
    """As the real reader says it, of an export that admits everybody."""
    reading = read(Dialect.LINUX, '"/srv" *(rw,insecure,no_root_squash)\n')
    problems = explain(reading, Surroundings(LINUX, LOOPBACK, low_ports=True))
    (problem,) = (each for each in problems if each.code == "world-export")

    words, line, *others = of_problem(problem, "exports-invalid").cure
    assert words == "for the tunnel alone:"
    assert line == "> /srv 127.0.0.1(rw,insecure,no_root_squash)"
    assert others == list(BY_CODE["exports-invalid"].cure[1:])
