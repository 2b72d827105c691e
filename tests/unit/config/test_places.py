import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.config.places import Path, Places, locate

TEXT = '''# a comment with [brackets] and "quotes"
top = 1
a.b . "c d" = 2  # dotted
'lit eral' = """
[not.a.table]
x = 1 \\""" still ""\"""
[gateway."dev gw"]
host = 'a # b'   # comment
[gateway.other.services]
nfs = { port = 1, "host_port" = { deep = [1, { x = 2 }] } }
  list = [ # first
    "one", "t,w]o",
    [3, 4],
  ]
[[things]]
name = 1
[things.sub]
k = 1
[[things]]
name = 2
[[things.more]]
m = 1979-05-27T07:32:00Z
[gateway]
late.x = 1
["\\u0061\\"é"]
z = 1'''

PLACES: list[tuple[Path, int, int]] = [
    (("top",), 2, 1),
    (("a",), 3, 1),
    (("a", "b"), 3, 3),
    (("a", "b", "c d"), 3, 7),
    (("lit eral",), 4, 1),
    (("gateway", "dev gw"), 7, 10),
    (("gateway", "dev gw", "host"), 8, 1),
    (("gateway", "other", "services"), 9, 16),
    (("gateway", "other", "services", "nfs"), 10, 1),
    (("gateway", "other", "services", "nfs", "port"), 10, 9),
    (("gateway", "other", "services", "nfs", "host_port"), 10, 19),
    (("gateway", "other", "services", "nfs", "host_port", "deep", 1, "x"), 10, 48),
    (("gateway", "other", "services", "list"), 11, 3),
    (("gateway", "other", "services", "list", 0), 12, 5),
    (("gateway", "other", "services", "list", 1), 12, 12),
    (("gateway", "other", "services", "list", 2, 1), 13, 9),
    (("things",), 15, 3),
    (("things", 0), 15, 3),
    (("things", 0, "name"), 16, 1),
    (("things", 0, "sub", "k"), 18, 1),
    (("things", 1), 19, 3),
    (("things", 1, "name"), 20, 1),
    (("things", 1, "more", 0, "m"), 22, 1),
    (("gateway",), 23, 2),
    (("gateway", "late", "x"), 24, 6),
    (('a"é',), 25, 2),
    (('a"é', "z"), 26, 1),
]


@pytest.mark.parametrize(("path", "line", "column"), PLACES, ids=str)
def test_a_key_has_its_line_and_column(path: Path, line: int, column: int) -> None:
    place = locate(TEXT, "f").find(path)

    assert (place.line, place.column) == (line, column)


def test_line_ends_of_windows_count_once() -> None:
    place = locate(TEXT.replace("\n", "\r\n"), "f").find(('a"é', "z"))

    assert (place.line, place.column) == (26, 1)


def test_a_key_that_is_absent_points_at_its_table() -> None:
    place = locate("\n[tunnel]\nx = 1", "f").find(("tunnel", "y"))

    assert str(place) == "f:2:2"


def test_a_table_that_is_absent_points_at_the_file() -> None:
    assert str(locate("x = 1", "f").find(("tunnel", "y"))) == "f"
    assert str(Places("f").find(())) == "f"


def paths(value: object, here: Path = ()) -> set[Path]:
    """Every path in what tomli returned."""
    below: set[Path] = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            below |= {(*here, name)} | paths(inner, (*here, name))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            below |= {(*here, position)} | paths(inner, (*here, position))
    return below


def test_every_key_of_a_text_is_found() -> None:
    assert set(locate(TEXT, "f").known) == paths(tomli.loads(TEXT))


def _spelled(key: str) -> str:
    return key if key.isascii() and key.isalnum() else tomli_string(key)


def tomli_string(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08X}" for c in text) + '"'


SCALARS = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.booleans().map(lambda b: "true" if b else "false"),
    st.text(max_size=8).map(tomli_string),
    st.text('ab#]},=[{ "', max_size=8).map(lambda t: f"'{t}'"),
    st.text("ab#]},=[{\n'", max_size=8).map(lambda t: f'"""{t}"""'),
    st.just("2024-01-01 00:00:00"),
)
NAMES = st.text(min_size=1, max_size=4)


def _inline(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(values, max_size=3).map(lambda vs: "[ " + " ,\n# c ]\n ".join(vs) + " ]")
    tables = st.dictionaries(NAMES, values, max_size=3).map(
        lambda t: "{" + ", ".join(f"{_spelled(k)} = {v}" for k, v in t.items()) + "}"
    )
    return lists | tables


@given(
    st.lists(
        st.tuples(
            st.lists(NAMES, min_size=1, max_size=3),
            st.booleans(),
            st.dictionaries(NAMES, st.recursive(SCALARS, _inline, max_leaves=6), max_size=4),
        ),
        max_size=5,
    )
)
@pytest.mark.patient
def test_every_key_of_any_text_is_found(
    tables: list[tuple[list[str], bool, dict[str, str]]],
) -> None:
    lines = []
    for header, array, pairs in tables:
        name = " . ".join(_spelled(part) for part in header)
        lines.append(f"[[{name}]]" if array else f"[ {name} ]")
        lines.extend(f"{_spelled(key)} = {value} # end" for key, value in pairs.items())
    text = "\n".join(lines)
    try:
        data = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return  # the same table twice

    places = locate(text, "f")

    # An empty list from [[x]] cannot be; every table and key has a place.
    assert set(places.known) == paths(data)
