import pytest

from hostnfsd.mount import notes
from hostnfsd.mount.kinds import KINDS, printed
from hostnfsd.mount.plan import Exported, decide
from tests.support import mounts


def comments(kind: str, **known: Exported | None) -> str:
    text = printed(kind, mounts.mount("/srv/src", **known)).text  # type: ignore[arg-type]
    lines = [line for line in text.splitlines() if line.startswith("#")]
    return " ".join(" ".join(line[1:].split()) for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_explained(kind: str) -> None:
    mount = decide(mounts.server(darwin=True), "/srv/src", dev=True)
    text = printed(kind, mount).text
    told = {line.removeprefix("# ").partition(":")[0] for line in text.splitlines()}
    words = {word for entry in told for word in entry.split(", ")}
    given = {*mount.options("dev-gw")} - {"actimeo"} | {"actimeo=1"}
    assert given <= words


@pytest.mark.parametrize("kind", KINDS)
def test_lines_are_not_longer_than_they_must(kind: str) -> None:
    text = printed(kind, mounts.mount("/srv/src", "172.22.0.12")).text
    said = [line for line in text.splitlines() if line.startswith("# ")]
    typed = [line for line in said if line.startswith("#   ") and not line.startswith("#    ")]
    assert [line for line in said if line not in typed and len(line) > 100] == []


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_whom_clients_act_as_how_fresh_it_is_and_that_nothing_is_announced(
    kind: str,
) -> None:
    unknown = comments(kind)
    assert "Users are numbers" in unknown
    assert "kept for 3 to 60 s" in unknown
    assert "NFS tells nobody of changes" in unknown
    mapped = comments(kind, exported=Exported("all as 501:20", read_only=False))
    assert "Whoever works here does so as 501:20" in mapped
    itself = comments(kind, exported=Exported("root as 65534:65534", read_only=True))
    assert "clients act as: root as 65534:65534" in itself
    assert "exported for reading only" in itself


def test_why_an_address_stands_there_is_said() -> None:
    told = " ".join(notes.naming(mounts.mount("/x", "172.22.0.12"), "is known"))
    assert "It changes when its container is made anew" in told


def test_terms_are_aligned_except_behind_a_long_one() -> None:
    assert notes.terms([("a", "one"), ("bcd", "two"), ("w" * 20, "three")]) == [
        "# a:   one",
        "# bcd: two",
        f"# {'w' * 20}: three",
    ]
