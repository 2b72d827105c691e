"""Habits of this repository that a test can keep."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT / "hostnfsd")
    for path in (ROOT / "hostnfsd").rglob("*.py")
    if path.name != "__init__.py"
)
#: Modules whose tests have another name: where they are.
ELSEWHERE = {
    "__main__.py": "shell/cli/test_run.py",
    "access_view.py": "unit/test_status_document.py",
    "cli/columns.py": "unit/cli/test_status_text.py",
    "cli/control_client.py": "shell/cli/test_control_commands.py",
    "cli/ports.py": "shell/cli/test_control_commands.py",
    "cli/reconnect.py": "shell/cli/test_control_commands.py",
    "cli/reload.py": "shell/cli/test_control_commands.py",
    "cli/service_plan.py": "shell/cli/test_install.py",
    "cli/status.py": "shell/cli/test_control_commands.py",
    "cli/styled.py": "shell/cli/test_check.py",
    "cli/unix_http.py": "shell/cli/test_control_commands.py",
    "config/finding.py": "unit/config/test_semantics.py",
    "daemon/beginning.py": "shell/daemon/test_service.py",
    "daemon/endpoints/door.py": "shell/daemon/endpoints/test_endpoints.py",
    "daemon/endpoints/files.py": "shell/daemon/endpoints/test_endpoints.py",
    "daemon/endpoints/listeners.py": "shell/daemon/endpoints/test_endpoints.py",
    "daemon/endpoints/routes.py": "shell/daemon/endpoints/test_endpoints.py",
    "daemon/endpoints/rpc_metrics.py": "unit/daemon/endpoints/test_metrics.py",
    "daemon/exports/book.py": "shell/daemon/exports/test_watch.py",
    "daemon/face.py": "shell/daemon/endpoints/test_control.py",
    "daemon/gateway/forwards.py": "shell/daemon/gateway/test_supervisor.py",
    "daemon/gateway/gateway_view.py": "shell/daemon/gateway/test_supervisor.py",
    "daemon/gateway/holder.py": "shell/daemon/gateway/test_supervisor.py",
    "daemon/gateway/service_views.py": "shell/daemon/gateway/test_supervisor.py",
    "daemon/host/face.py": "shell/daemon/host/test_host.py",
    "daemon/host/mount_survey.py": "shell/doctor/test_walk.py",
    "daemon/log_lines.py": "shell/daemon/test_logs.py",
    "daemon/metric_table.py": "unit/daemon/endpoints/test_metrics.py",
    "daemon/relay/answered.py": "shell/daemon/relay/test_portmap_side.py",
    "daemon/relay/gateway_side.py": "shell/daemon/relay/test_relay.py",
    "daemon/sole.py": "shell/daemon/endpoints/test_control.py",
    "daemon/ssh/channel_stream.py": "shell/daemon/gateway/test_prober.py",
    "daemon/ssh/commands.py": "shell/daemon/gateway/test_session.py",
    "daemon/ssh/proxy_command.py": "shell/daemon/gateway/test_session.py",
    "daemon/ssh/requests.py": "shell/daemon/gateway/test_session.py",
    "daemon/ssh/seams.py": "shell/daemon/relay/test_relay.py",
    "daemon/ssh/wire.py": "shell/daemon/gateway/test_session.py",
    "dial/rpcbind_table.py": "shell/dial/test_listing.py",
    "doctor/catalogue/client.py": "unit/doctor/catalogue/test_catalogue.py",
    "doctor/catalogue/entry.py": "unit/doctor/catalogue/test_catalogue.py",
    "doctor/catalogue/exports.py": "unit/doctor/catalogue/test_catalogue.py",
    "doctor/catalogue/gateway.py": "unit/doctor/catalogue/test_catalogue.py",
    "doctor/catalogue/login.py": "unit/doctor/catalogue/test_catalogue.py",
    "doctor/catalogue/host.py": "unit/doctor/catalogue/test_catalogue.py",
    "doctor/catalogue/tunnel.py": "unit/doctor/catalogue/test_catalogue.py",
    "doctor/client_checks.py": "shell/doctor/test_link.py",
    "doctor/gateway_checks.py": "shell/doctor/test_link.py",
    "doctor/host_checks.py": "shell/doctor/test_walk.py",
    "doctor/mount_checks.py": "shell/doctor/test_walk.py",
    "doctor/own_checks.py": "shell/doctor/test_link.py",
    "doctor/scene.py": "shell/doctor/test_walk.py",
    "exports/darwin/groups.py": "unit/exports/test_vectors.py",
    "exports/darwin/options.py": "unit/exports/test_vectors.py",
    "exports/darwin/registry.py": "unit/exports/test_vectors.py",
    "exports/darwin/table.py": "unit/exports/test_vectors.py",
    "exports/darwin/volumes.py": "unit/exports/test_vectors.py",
    "exports/linux/clients.py": "unit/exports/test_vectors.py",
    "exports/linux/options.py": "unit/exports/test_vectors.py",
    "exports/linux/table.py": "unit/exports/test_vectors.py",
    "init/facts.py": "unit/init/test_propose.py",
    "install/files.py": "shell/install/test_execute.py",
    "mount/printed.py": "unit/mount/test_kinds.py",
    "rpc_view.py": "unit/test_status_document.py",
    "server/finding.py": "unit/server/test_ports.py",
    "sunrpc/outcome.py": "unit/sunrpc/test_tap.py",
}
MOST_LINES = 400
#: Folders that are made, not written.
MADE = {"__pycache__", "build", "dist", "node_modules"}


def written() -> Iterator[Path]:
    """The files of the repository, without what tools have made."""
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.is_symlink() or path.name in MADE or path.suffix == ".egg-info":
                continue
            if path.is_dir() and (not path.name.startswith(".") or path.name == ".ci"):
                folders.append(path)
            elif path.is_file() and (not path.name.startswith(".") or path.name == ".gitignore"):
                yield path


FILES = list(written())


@functools.cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    """The syntax of a module of hostnfsd."""
    return tuple(ast.walk(ast.parse((ROOT / "hostnfsd" / module).read_text(encoding="utf-8"))))


def imports(module: Path) -> set[str]:
    """Top-level names of what a module imports, wherever in it."""
    names: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_repository_is_seen() -> None:
    assert {ROOT / name for name in ("README.md", "pyproject.toml", ".ci/run")} <= set(FILES)
    assert len(MODULES) > 80


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_has_its_tests(module: Path) -> None:
    named = module.with_name(f"test_{module.name}")
    places = [ROOT / "tests" / kind / named for kind in ("unit", "shell")]
    if str(module) in ELSEWHERE:
        places.append(ROOT / "tests" / ELSEWHERE[str(module)])

    tested = any(place.is_file() for place in places)
    assert tested, f"write tests/unit/{named} or tests/shell/{named}"


@pytest.mark.parametrize("module", ELSEWHERE)
def test_what_is_tested_elsewhere_exists_and_has_no_tests_of_its_own(module: str) -> None:
    named = Path(module).with_name(f"test_{Path(module).name}")

    assert Path(module) in MODULES
    assert not any((ROOT / "tests" / kind / named).is_file() for kind in ("unit", "shell"))


def test_modules_are_short() -> None:
    long = {
        str(module): count
        for module in MODULES
        if (count := (ROOT / "hostnfsd" / module).read_text(encoding="utf-8").count("\n"))
        > MOST_LINES
    }

    assert long == {}


def test_asyncssh_is_spoken_in_the_daemon_only() -> None:
    speakers = {m.parts[0] for m in MODULES if "asyncssh" in imports(m)}

    assert speakers == {"daemon"}


def test_systemd_is_spoken_to_in_one_place() -> None:
    speakers = [m for m in MODULES if "sdnotify" in imports(m)]

    assert speakers == [Path("daemon/notify.py")]


def test_who_waits_for_others_counts_by_patience_alone() -> None:
    """The limits of asyncio pass while this process is stopped, too."""
    users = [
        str(module)
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.Attribute) and node.attr in {"timeout", "timeout_at"}
        if isinstance(node.value, ast.Name) and node.value.id == "asyncio"
    ]

    assert set(users) == {"dial/patience.py"}


def test_no_client_is_judged_silent_by_a_timer_that_does_not_listen_first() -> None:
    timed = {
        str(module)
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.Attribute) and node.attr in {"call_later", "call_at"}
    }

    assert "dial/patience.py" in timed
    assert not [module for module in timed if module.startswith("daemon/relay/")]


#: Hosts that packages come from: names of packages are enough.
HOSTS = re.compile(
    "py[p]i[.]org|python[h]osted[.]org|npm[j]s[.]|crates[.]io|deb[.]debian|archive[.]ubuntu"
    "|proxy[.]golang"
)
#: This checkout's own place.
HERE = re.compile(rf"(?<![\w./-]){re.escape(str(ROOT))}(?![\w-])")


def naming(pattern: re.Pattern[str]) -> list[str]:
    """Files with a text that the pattern finds."""
    return [
        str(path.relative_to(ROOT))
        for path in FILES
        if pattern.search(path.read_bytes().decode("utf-8", "replace"))
    ]


def test_no_file_names_a_host_that_packages_come_from() -> None:
    assert naming(HOSTS) == []


@pytest.mark.parametrize("name", ["x py" + "pi.org", "https://deb.deb" + "ian.org/debian"])
def test_such_a_name_would_be_found(name: str) -> None:
    assert HOSTS.search(name)


def test_no_file_names_the_place_of_this_checkout() -> None:
    if len(ROOT.parts) > 2:  # one right below / has a name that anything may have
        assert naming(HERE) == []
