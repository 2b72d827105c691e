import pytest

from hostnfsd.errors import UsageError
from hostnfsd.exports.model import Dialect
from hostnfsd.mount.offers import Offer, of, offers, only
from hostnfsd.mount.plan import Exported
from tests.vectors.exports_vectors import LOOPBACK, read

LINUX = "/srv/a 127.0.0.1(rw,insecure,all_squash,anonuid=501,anongid=20)\n/srv/b 10.0.0.0/8(rw)\n"


def linux(text: str) -> tuple[Offer, ...]:
    return offers(read(Dialect.LINUX, text).exports, LOOPBACK)


def test_an_offer_says_what_clients_of_the_tunnel_get() -> None:
    assert linux(LINUX) == (
        Offer("/srv/a", Exported("all as 501:20", read_only=False)),
        Offer("/srv/b", None, refused=True),
    )


def test_the_only_one_is_found_past_those_that_refuse_us() -> None:
    assert only(linux(LINUX), "hostnfsd mount") == "/srv/a"


def test_of_several_all_are_listed() -> None:
    with pytest.raises(UsageError, match="which of") as told:
        only(linux("/srv/a 127.0.0.1(rw)\n/srv/d *(ro)\n"), "hostnfsd mount --for pv")
    assert str(told.value).splitlines()[1:] == ["    /srv/a", "    /srv/d"]
    assert told.value.hint == "hostnfsd mount --for pv /srv/a"


@pytest.mark.parametrize("text", ["", "/srv/b 10.0.0.0/8(rw)\n"])
def test_where_there_is_none_that_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="no export is known"):
        only(linux(text), "hostnfsd mount")


@pytest.mark.parametrize(
    ("path", "found"),
    [("/srv/a", "/srv/a"), ("/srv/a/b/c", "/srv/a/b"), ("/srv/ab", None), ("/", None)],
)
def test_a_path_belongs_to_the_deepest_that_holds_it(path: str, found: str | None) -> None:
    known = (Offer("/srv/a", None), Offer("/srv/a/b", None))
    offer = of(path, known)
    assert (offer.path if offer else None) == found


def test_on_macos_only_alldirs_lets_clients_mount_what_is_below() -> None:
    def darwin(options: str) -> tuple[Offer, ...]:
        text = f"/Users/dev/src {options} -mapall=501:20 localhost\n"
        return offers(read(Dialect.DARWIN, text).exports, LOOPBACK)

    assert [offer.alone for offer in darwin("-alldirs")] == [False]
    assert [offer.alone for offer in darwin("-ro")] == [True]
