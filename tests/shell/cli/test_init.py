"""``hostnfsd init`` as it is typed; what it finds is given."""

import sys
from dataclasses import replace
from pathlib import Path

import pexpect
import pytest

from hostnfsd.cli import looking
from hostnfsd.cli.main import main
from hostnfsd.config.reader import parse
from hostnfsd.errors import Exit
from hostnfsd.init.facts import Facts, SshAlias

pytestmark = pytest.mark.patient

Captured = pytest.CaptureFixture[str]
ONE = Facts("linux", (SshAlias("gw", "127.0.0.1", 122, "admin"),))
TWO = replace(ONE, aliases=(*ONE.aliases, SshAlias("other", "example.org", 22, "me")))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HOSTNFSD_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def found(monkeypatch: pytest.MonkeyPatch, facts: Facts) -> None:
    monkeypatch.setattr(looking, "look", lambda _: facts)


@pytest.fixture
def file(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration goes; one gateway is found."""
    found(monkeypatch, ONE)
    return home / ".config/hostnfsd/hostnfsd.toml"


def test_a_configuration_is_written_checked_and_the_next_command_named(
    file: Path, capsys: Captured
) -> None:
    assert main(["init", "--yes"]) == Exit.OK
    config = parse(file.read_bytes(), str(file)).config
    assert config is not None
    assert list(config.gateway) == ["gw"]
    told = capsys.readouterr().out
    assert f"{file}: written" in told
    assert f"{file}: ok, 1 gateway" in told  # as check says
    assert "hostnfsd run\n" in told or "hostnfsd check, and hostnfsd run\n" in told
    assert file.stat().st_mode & 0o777 == 0o644


def test_the_same_again_leaves_the_file_alone(file: Path, capsys: Captured) -> None:
    assert main(["init", "--yes"]) == Exit.OK
    before = file.stat()
    assert main(["init", "--yes"]) == Exit.OK
    assert file.stat() == before
    assert "says this already" in capsys.readouterr().out


def test_another_file_is_not_replaced_unasked(file: Path, capsys: Captured) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("[gateway.mine]\n")
    assert main(["init", "--yes"]) == Exit.CANNOT_WRITE
    assert file.read_text() == "[gateway.mine]\n"
    assert "--overwrite" in capsys.readouterr().err
    assert list(file.parent.iterdir()) == [file]


def test_what_is_replaced_is_kept_and_no_backup_lost(file: Path) -> None:
    file.parent.mkdir(parents=True)
    for text in ("[gateway.one]\n", "not even TOML"):
        file.write_text(text)
        file.chmod(0o600)
        assert main(["init", "--yes", "--overwrite"]) == Exit.OK
    kept = [file.with_name(f"hostnfsd.toml.bak{number}") for number in (1, 2)]
    assert [each.read_text() for each in kept] == ["[gateway.one]\n", "not even TOML"]
    assert {each.stat().st_mode & 0o777 for each in kept} == {0o600}
    assert "[gateway.gw]" in file.read_text()


def test_a_link_stays_a_link(file: Path, home: Path) -> None:
    real = home / "dotfiles.toml"
    real.write_text("")
    file.parent.mkdir(parents=True)
    file.symlink_to(real)
    assert main(["init", "--yes", "--overwrite"]) == Exit.OK
    assert file.is_symlink()
    assert "[gateway.gw]" in real.read_text()


def test_without_a_terminal_and_yes_nothing_is_written(
    file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert main(["init"]) == Exit.USAGE
    assert not file.exists()
    assert "hostnfsd init --yes" in capsys.readouterr().err


def test_of_several_all_are_named_where_nobody_can_be_asked(
    file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, TWO)
    assert main(["init", "--yes"]) == Exit.USAGE
    assert not file.exists()
    told = capsys.readouterr().err
    assert "    gw     Host of ssh_config, admin@127.0.0.1 port 122\n" in told
    assert "    other  Host of ssh_config, me@example.org port 22\n" in told
    assert "hint: hostnfsd init --gateway gw" in told
    assert main(["init", "--yes", "--gateway", "other"]) == Exit.OK
    assert "[gateway.other]" in file.read_text()


def test_where_nothing_is_found_it_says_what_to_write(
    file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, Facts("darwin"))
    assert main(["init", "--yes"]) == Exit.USAGE
    assert "no gateway was found" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("name", ["a b", "-v", ""])
def test_what_cannot_name_a_gateway_is_refused(file: Path, capsys: Captured, name: str) -> None:
    assert main(["init", "--yes", f"--gateway={name}"]) == Exit.USAGE
    assert "cannot name a gateway" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("option", ["--output", "--config"])
def test_it_can_be_written_elsewhere(file: Path, home: Path, capsys: Captured, option: str) -> None:
    other = home / "a b.toml"
    words = ["init", "--yes"]
    words = [option, str(other), *words] if option == "--config" else [*words, option, str(other)]
    assert main(words) == Exit.OK
    assert "[gateway.gw]" in other.read_text()
    assert not file.exists()
    assert f"hostnfsd --config '{other}' run\n" in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_told(
    home: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, ONE)
    (home / ".config").write_text("a file")
    assert main(["init", "--yes"]) == Exit.CANNOT_WRITE
    assert "cannot make directory" in capsys.readouterr().err


def test_a_folder_is_no_file_to_replace(file: Path, capsys: Captured) -> None:
    file.mkdir(parents=True)
    assert main(["init", "--yes", "--overwrite"]) == Exit.CANNOT_WRITE
    assert "is no file" in capsys.readouterr().err


def test_warnings_do_not_mix_with_results(
    file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, replace(ONE, notes=("docker did\x1b[31m not answer",)))
    assert main(["init", "--yes"]) == Exit.OK
    captured = capsys.readouterr()
    assert r"hostnfsd: warning: docker did\x1b[31m not answer" in captured.err
    assert "docker" not in captured.out
    assert file.exists()


class TestAtATerminal:
    """With a person at it, as far as a program can be one."""

    def start(self, home: Path, *words: str) -> "pexpect.spawn[str]":
        (home / "asked.py").write_text(
            "import sys\n"
            "from hostnfsd.cli import looking, main\n"
            "from hostnfsd.init.facts import Facts, SshAlias\n"
            f"looking.look = lambda _: {TWO!r}\n"
            "sys.exit(main.main(sys.argv[1:]))\n"
        )
        return pexpect.spawn(
            sys.executable,
            [str(home / "asked.py"), "init", *words],
            encoding="utf-8",
            timeout=20,
            dimensions=(50, 160),
        )

    def test_it_asks_what_it_must(self, home: Path) -> None:
        child = self.start(home)
        child.expect_exact("Which of these is the gateway?")
        child.expect_exact("Number or name [1-2]: ")
        child.sendline("3")
        child.expect_exact("'3' is none of them")
        child.sendline("2")
        child.expect_exact("[gateway.other]")
        child.expect_exact("Write this to ")
        child.sendline("")
        child.expect_exact(": written")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == Exit.OK
        assert "[gateway.other]" in (home / ".config/hostnfsd/hostnfsd.toml").read_text()

    def test_no_is_no(self, home: Path) -> None:
        child = self.start(home, "--gateway", "gw")
        child.expect_exact("[Y/n] ")
        child.sendline("n")
        child.expect_exact("nothing was written")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == Exit.CANNOT_WRITE
        assert not (home / ".config").exists()

    def test_a_file_that_is_there_is_asked_for(self, home: Path) -> None:
        file = home / ".config/hostnfsd/hostnfsd.toml"
        file.parent.mkdir(parents=True)
        file.write_text("[gateway.mine]\n")
        for answer, text in (("", "mine"), ("y", "gw")):
            child = self.start(home, "--gateway", "gw")
            child.expect_exact("[Y/n] ")
            child.sendline("y")
            child.expect_exact("[y/N] ")
            child.sendline(answer)
            child.expect(pexpect.EOF)
            child.close()
            assert f"[gateway.{text}]" in file.read_text()
        assert file.with_name("hostnfsd.toml.bak1").read_text() == "[gateway.mine]\n"
