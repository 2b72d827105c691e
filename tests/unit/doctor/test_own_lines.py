"""Lines of ssh_config that forward our ports: of the alias that is meant only."""

from pathlib import Path

import pytest

from hostnfsd.doctor.own_lines import lines, told

OURS = (111, 2049, 20048)


def at(text: str, name: str = "a", **files: str) -> list[tuple[str, int]]:
    def included(pattern: str) -> list[tuple[Path, str]]:
        return [(Path(pattern), files[pattern])] if pattern in files else []

    return [(str(path), line) for path, line in lines(Path("f"), text, name, OURS, included)]


def test_the_lines_to_delete() -> None:
    text = "# x\nHost a\n  RemoteForward 2049 h:2049\n  remoteforward=111 h:111\n"
    text += " RemoteForward 80 h:80\n"

    assert at(text) == [("f", 3), ("f", 4)]
    assert at("\n\n\nRemoteForward 2049 x:1") == [("f", 4)]
    assert told(lines(Path("/f"), text, "a", OURS, lambda _: ())) == "/f, line 3, 4"


@pytest.mark.parametrize(
    ("patterns", "meant"),
    [
        ("a", True),
        ("b A", True),
        ("b", False),
        ("*", True),
        ("?", True),
        ("??", False),
        ("* !a", False),
        ("!a *", False),
        ("!b", False),
        ("[a]", False),
    ],
)
def test_lines_of_other_hosts_are_let_alone(patterns: str, meant: bool) -> None:
    text = f"Host {patterns}\n RemoteForward 2049 h:1\nHost other\n RemoteForward 111 h:1\n"

    assert at(text) == ([("f", 2)] if meant else [])


def test_lines_of_included_files_are_named_with_their_file() -> None:
    text = "Include x\nHost a\n Include y\nHost b\n Include z\nMatch host a\n"
    text += "RemoteForward 111 h:1\n"
    forwards = "RemoteForward 2049 h:1\n"
    files = {"x": f"Host a\n{forwards}", "y": forwards, "z": forwards}

    assert at(text, **files) == [("x", 2), ("y", 1), ("f", 7)]
    found = lines(Path("f"), text, "a", OURS, lambda p: [(Path(p), files[p])])
    assert told(found) == "x, line 2; y, line 1; f, line 7"
    assert at("Include x", x=f"{forwards}Include x") == [("x", 1)], "and come to an end"
