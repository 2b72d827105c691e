import pytest

from hostnfsd.mount.kinds import KINDS, printed
from tests.support import mounts


def test_kinds_are_those_of_the_specification() -> None:
    words = "linux docker compose fstab kind-node pod pv storageclass"
    assert tuple(words.split()) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_says_what_it_is_and_ends_in_a_line(kind: str) -> None:
    shown = printed(kind, mounts.mount("/srv/src", "172.22.0.12"))
    document = shown.to_json()
    assert document["kind"] == kind
    assert {"schema", "gateway", "address", "path", "source", "mount_point", "options"} < {
        *document
    }
    assert {"commands", "documents", "line"} & {*document}
    assert shown.text.endswith("\n")
    assert not shown.text.endswith("\n\n")


def test_the_node_goes_to_the_kind_that_has_one() -> None:
    assert "docker exec n1 mount" in printed("kind-node", mounts.mount(), node="n1").text
