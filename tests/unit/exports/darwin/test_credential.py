import pytest

from hostnfsd.exports.darwin.credential import Credential, Read, Refused, read
from tests.support.exports_system import MAC


@pytest.mark.parametrize(
    ("text", "uid", "gids"),
    [
        ("dev", 501, (20, 12, 61)),
        ("501", 501, (20, 12, 61)),
        ("dev:", 501, ()),
        ("dev:staff:7", 501, (20, 7)),
        ("777:", 777, ()),
        ("777:20", 777, (20,)),
        ("-2", -2, (-2,)),
        ("-2:-2", -2, (-2,)),
        ("4294967294:1", -2, (1,)),
        ("501x:1:", 501, (1,)),
        ("50\u0661:1", 50, (1,)),
        ("dev more", 501, (20, 12, 61)),
    ],
)
def test_credentials(text: str, uid: int, gids: tuple[int, ...]) -> None:
    assert read(text, MAC) == Read(Credential(uid, gids))


@pytest.mark.parametrize("text", ["777", "nouser", "nouser:20", ":20", ""])
def test_who_is_unknown(text: str) -> None:
    assert isinstance(read(text, MAC), Refused)


def test_unknown_groups_are_left_out() -> None:
    assert read("dev:nogroup:20", MAC) == Read(Credential(501, (20,)), ("Unknown group: nogroup",))
    assert read("dev::20", MAC) == Read(Credential(501, (20,)), ("Unknown group: ",))


def test_more_groups_than_fit_are_left_out() -> None:
    found = read("dev:" + ":".join(str(n) for n in range(20)), MAC)

    assert isinstance(found, Read)
    assert found.credential.gids == tuple(range(16))
    assert found.remarks == ("Too many groups in 16:17:18:19",)
