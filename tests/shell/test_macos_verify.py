"""The script for a real Mac, with stand-ins for what only a Mac has: what it leaves and says.

Not run on a Mac: that its facts are asked rightly is seen there alone.
"""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.patient

SCRIPT = Path(__file__).parents[1] / "macos" / "verify.sh"
#: A Mac on which everything holds. `mount_nfs` shows the folder of the host, as the tunnel would.
STAND_INS = {
    "uname": "case ${1-} in -m) echo arm64;; *) echo Darwin;; esac",
    "sw_vers": "echo 26.1",
    "sudo": '[ "$1" != -v ] || exit 0; exec "$@"',
    "nfsd": 'echo "nfsd $*" >>"$STATE/calls"; [ "$1" != status ] || cat "$STATE/nfsd"',
    "rpcinfo": 'printf "100003 3 tcp 2049 nfs\\n100005 3 tcp 892 mountd\\n"',
    "mount_nfs": 'for last; do :; done; rmdir "$last" && ln -s "${3#*:}" "$last"',
    "umount": 'for last; do :; done; [ -h "$last" ] && rm "$last" && mkdir "$last"',
    "nfsstat": "echo '{}'",
    # The process itself for its child: both go together.
    "pgrep": 'kill -0 "$2" 2>/dev/null && echo "$2"',
    "pmset": "echo '   pid 501(caffeinate): 00:00:10 PreventUserIdleSystemSleep named: \"x\"'",
    "plutil": 'grep -q "<plist"',
    "sshd": "exec sleep 60",
    "launchctl": 'echo "launchctl $*" >>"$STATE/calls"; '
    'case $* in *SIGHUP*) echo config_reloaded >>"$HOME/Library/Logs/hostnfsd.log";; esac; '
    '[ "$1" != print ] || { [ -e "$STATE/agent" ] && echo "state = running"; }',
    "python3": "case $* in *127.0.0.1*) exit 1;; esac",
    "hostnfsd": """
for word; do
    case $word in
        run) trap 'exit 0' TERM; while :; do sleep 0.05; done ;;
        install)
            [ "${!#}" != --dry-run ] ||
                { printf '    <?xml?>\\n    <plist>\\n    </plist>\\n'; exit; }
            touch "$STATE/agent"; mkdir -p "$HOME/Library/Logs"
            echo config_reloaded >"$HOME/Library/Logs/hostnfsd.log" ;;
        uninstall) rm -f "$STATE/agent" ;;
        --version) echo 'hostnfsd 0.1.0' ;;
    esac
done""",
}


class Mac:
    """A folder that a script takes for a Mac."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        for name in ("bin", "etc", "shared", "state", "tmp", "home"):
            (folder / name).mkdir()
        for name, script in STAND_INS.items():
            self.stand_in(name, script)
        (folder / "state/nfsd").write_text("nfsd service is enabled\n")
        self.exports = folder / "etc/exports"

    def stand_in(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def verify(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *arguments],
            env={
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "HOME": str(self.folder / "home"),
                "STATE": str(self.folder / "state"),
                "ETC": str(self.folder / "etc"),
                "SHARED": str(self.folder / "shared"),
                "SSHD": str(self.bin / "sshd"),
            },
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def calls(self) -> str:
        return (self.folder / "state/calls").read_text()


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return Mac(tmp_path)


@pytest.mark.parametrize("before", [b"/a localhost\n", b"# no newline at the end", None])
def test_where_everything_holds_nothing_is_left_behind(mac: Mac, before: bytes | None) -> None:
    if before is not None:
        mac.exports.write_bytes(before)
        mac.exports.chmod(0o600)
    done = mac.verify("--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT HELD" not in done.stdout
    assert done.stdout.count("\nheld ") > 20
    assert "macOS 26.1" in done.stdout
    if before is None:
        assert not mac.exports.exists()
    else:
        assert mac.exports.read_bytes() == before
        assert mac.exports.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in (mac.folder / "etc").iterdir()] == (["exports"] if before else [])
    assert list((mac.folder / "shared").iterdir()) == []
    assert not (mac.folder / "state/agent").exists()
    assert mac.calls.rstrip().endswith("nfsd update")


def test_what_does_not_hold_is_told_with_what_was_said(mac: Mac) -> None:
    mac.exports.write_text("/a localhost\n")
    mac.stand_in("mount_nfs", "echo 'mount_nfs: Permission denied' >&2; exit 1")
    done = mac.verify("--yes")
    assert done.returncode == 1
    assert "NOT HELD mount_nfs mounts on the forwarded ports\n" in done.stdout
    assert "           mount_nfs: Permission denied\n" in done.stdout
    assert mac.exports.read_text() == "/a localhost\n"


def test_nfsd_that_was_off_is_off_again(mac: Mac) -> None:
    (mac.folder / "state/nfsd").write_text("nfsd service is disabled\n")
    mac.verify("--yes")
    assert "nfsd enable\n" in mac.calls
    assert mac.calls.rstrip().endswith("nfsd disable")


def test_an_agent_of_the_users_own_is_left_alone(mac: Mac) -> None:
    (mac.folder / "state/agent").touch()
    done = mac.verify("--yes")
    assert done.returncode == 75
    assert [line for line in mac.calls.splitlines() if line.startswith("nfsd ")] == []


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_nothing_is_done_before_somebody_agrees(mac: Mac, arguments: list[str]) -> None:
    done = mac.verify(*arguments)
    assert "one line more in" in done.stdout
    assert not (mac.folder / "state/calls").exists()


def test_elsewhere_than_on_a_mac_it_ends(mac: Mac) -> None:
    mac.stand_in("uname", "echo Linux")
    done = mac.verify("--yes")
    assert (done.returncode, done.stderr) == (69, "verify.sh: this is no Mac\n")
