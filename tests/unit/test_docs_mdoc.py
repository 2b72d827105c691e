"""Prose as mdoc: what a macro would misread is told from what it is meant to be."""

import pytest

from docs import mdoc


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("One word.", ["One word."]),
        ("One. Two.", ["One.", "Two."]),
        ("Ask `rpcinfo -p`, then wait.", ["Ask", '.Ql "rpcinfo -p" ,', "then wait."]),
        ("See (`x`).", ["See", ".Pf \\&( Ql x ) ."]),
        ("`a`s of b", [".Ql a Ns s", "of b"]),
        ("**Not built yet**; in effect", ['.Em "Not built yet" ;', "in effect"]),
        (".hidden files", ["\\&.hidden files"]),
        ("a \\ b", ["a \\e b"]),
        ("`Ns`", [".Ql \\&Ns"]),
        ('`"strict"`.', [".Ql \\(dqstrict\\(dq ."]),
        ("a [page](page.md) of it", ["a page of it"]),
        ("", []),
    ],
)
def test_a_paragraph(words: str, lines: list[str]) -> None:
    assert mdoc.prose(words).splitlines() == lines


def test_long_lines_are_filled_and_lose_nothing() -> None:
    words = "word " * 60
    lines = mdoc.prose(words).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).split() == words.split()


@pytest.mark.parametrize(
    ("names", "value", "macros"),
    [(["--json"], None, "Fl -json"), (["-c", "--config"], "FILE", "Fl c , Fl -config Ar FILE")],
)
def test_an_option(names: list[str], value: str | None, macros: str) -> None:
    assert mdoc.option(names, value) == macros
