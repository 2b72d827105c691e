import plistlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.install.template import (
    fill,
    plist_strings,
    plist_text,
    stop_timeout_s,
    systemd_command,
)

# What XML 1.0 can carry; a path with other characters cannot be named in a property list.
XML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")))


def test_fill_replaces_placeholders_and_nothing_else() -> None:
    template = "ExecStart=@COMMAND@ $MAINPID %h @system-service me@HOST @COMMAND@"
    assert (
        fill(template, {"COMMAND": "/x"}) == "ExecStart=/x $MAINPID %h @system-service me@HOST /x"
    )


def test_fill_does_not_look_into_what_it_put_in() -> None:
    assert fill("@A@ @B@", {"A": "@B@", "B": "b"}) == "@B@ b"


def test_fill_refuses_a_placeholder_without_a_value() -> None:
    with pytest.raises(KeyError):
        fill("@UNKNOWN@", {})


@pytest.mark.parametrize(("drain", "expected"), [(0.0, 10), (10.0, 20), (10.2, 21)])
def test_stopping_may_take_longer_than_the_drain(drain: float, expected: int) -> None:
    assert stop_timeout_s(drain) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("/usr/bin/hostnfsd", "run"), "/usr/bin/hostnfsd run"),
        (("/opt/a b/hostnfsd", "run"), '"/opt/a b/hostnfsd" run'),
        (("/opt/100%/hostnfsd", "50%"), '"/opt/100%%/hostnfsd" "50%%"'),
        (("/opt/$x/hostnfsd", "$y"), '"/opt/$x/hostnfsd" "$$y"'),
        (("/bin/x", 'say "hi"', "back\\slash"), '/bin/x "say \\"hi\\"" "back\\\\slash"'),
        (("/bin/x", "it's", ""), '/bin/x "it\'s" ""'),
        (("/bin/x", "two\nlines", ";"), '/bin/x "two\\nlines" ";"'),
    ],
)
def test_words_of_a_systemd_command_survive(argv: tuple[str, ...], expected: str) -> None:
    assert systemd_command(argv) == expected


@given(st.lists(XML_TEXT), XML_TEXT)
def test_words_of_a_property_list_survive(words: list[str], text: str) -> None:
    strings = plist_strings(tuple(words))
    document = f"<plist><array>{strings}<string>{plist_text(text)}</string></array></plist>"
    assert plistlib.loads(document.encode()) == [*words, text]
