"""The password file: what it may hold, and who is admitted."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.daemon.endpoints.basic_auth import BasicAuth, credentials, parse

SALT = b"0123456789abcdef"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def line(name: str, password: str, ln: int = 12) -> str:
    digest = hashlib.scrypt(password.encode(), salt=SALT, n=1 << ln, r=8, p=1)
    return f"{name}:$scrypt$ln={ln},r=8,p=1${b64(SALT)}${b64(digest)}"


def header(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_users_are_read_and_comments_skipped() -> None:
    users, problems = parse(f"# who\n\n{line('prometheus', 'pä:ss')}\n{line('b', 'x')}\n", "/f")

    assert problems == ()
    assert list(users) == ["prometheus", "b"]
    assert users["prometheus"].matches("pä:ss")
    assert not users["prometheus"].matches("pä:sS")


@pytest.mark.parametrize(
    "text",
    [
        "prometheus:secret",
        "prometheus:$2y$05$abcdefghijklmnopqrstuv",
        "a:$scrypt$ln=14,r=8,p=1$$",
        "a:$scrypt$ln=14,r=8,p=1$AAAA$AAAA",
        f"a:$scrypt$ln=4,r=8,p=1${b64(SALT)}${b64(SALT)}",
        f"a:$scrypt$ln=30,r=8,p=1${b64(SALT)}${b64(SALT)}",
        f"a:$scrypt$ln=14,r=99,p=1${b64(SALT)}${b64(SALT)}",
        f"a:$scrypt$ln=14,r=8,p=99${b64(SALT)}${b64(SALT)}",
        f"a:$scrypt$ln=14,r=0,p=0${b64(SALT)}${b64(SALT)}",
        f":$scrypt$ln=14,r=8,p=1${b64(SALT)}${b64(SALT)}",
    ],
)
def test_a_line_that_cannot_be_used_is_a_problem_that_does_not_show_it(text: str) -> None:
    users, problems = parse(f"# first\n{text}\n", "/etc/auth")

    assert users == {}
    assert [(p.place.path, p.place.line) for p in problems] == [("/etc/auth", 2)]
    assert "secret" not in problems[0].render()


def test_every_problem_is_told_at_once() -> None:
    good = line("a", "x")

    _, problems = parse(f"bad\n{good}\n{good}\nworse\n", "/f")

    assert [p.place.line for p in problems] == [1, 3, 4]
    assert "second time" in problems[1].text


def test_an_empty_file_is_a_problem() -> None:
    _, problems = parse("# nobody\n", "/f")

    assert [p.text for p in problems] == ["holds no user (NAME:$scrypt$ln=14,r=8,p=1$SALT$HASH)"]


@given(st.text())
def test_any_text_gives_users_or_problems(text: str) -> None:
    users, problems = parse(text, "/f")

    assert bool(users) or bool(problems)


@pytest.mark.parametrize(
    "value", ["", "Basic", "Basic !!!", "Basic YQ==", "Bearer YTpi", "Basic /w==", "Basic ÿ"]
)
def test_what_is_no_basic_header_names_nobody(value: str) -> None:
    assert credentials(value) is None


def test_a_password_may_hold_a_colon() -> None:
    assert credentials(header("a", "b:c")) == ("a", "b:c")


async def test_only_the_right_password_of_a_known_user_is_admitted() -> None:
    users, _ = parse(f"{line('a', 'right')}\n{line('b', 'other')}\n", "/f")
    auth = BasicAuth(users)

    answers = [
        await auth.admits(value)
        for value in (
            None,
            "",
            header("a", "wrong"),
            header("nobody", "right"),
            header("a", "other"),
            header("a", "right"),
            header("a", "right"),
            header("a", "wrong"),
            header("b", "other"),
        )
    ]

    assert answers == [False, False, False, False, False, True, True, False, True]


async def test_a_header_that_was_right_once_costs_no_second_hash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users, _ = parse(line("a", "right"), "/f")
    auth = BasicAuth(users)
    assert await auth.admits(header("a", "right"))
    hashed: list[bytes] = []

    def scrypt(password: bytes, **_: object) -> bytes:
        hashed.append(password)
        return b""

    monkeypatch.setattr(hashlib, "scrypt", scrypt)

    assert await auth.admits(header("a", "right"))
    assert hashed == []
    assert not await auth.admits(header("a", "wrong"))
    assert hashed == [b"wrong"]
