from pathlib import Path

import pytest

from hostnfsd.cli.exported import offered
from hostnfsd.config.model import Config, Gateway, Host
from hostnfsd.dial import listing
from hostnfsd.mount.offers import Offer
from hostnfsd.mount.plan import Exported


def config(exports: str) -> Config:
    return Config(gateway={"dev-gw": Gateway()}, host=Host(exports=exports, platform="linux"))


def test_the_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    file = tmp_path / "exports"
    file.write_text(f'"{folder}" localhost(rw,all_squash,anonuid=501,anongid=20) 10.0.0.1(rw)\n')
    mapped = Exported("all as 501:20", read_only=False)
    assert offered(config(str(file))) == (Offer(str(folder), mapped),)


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert offered(config(str(tmp_path / "exports"))) == ()


@pytest.mark.parametrize(
    ("paths", "known"),
    [({"/srv/a": (), "/srv/b": ("h",)}, ("/srv/a", "/srv/b")), (None, ())],
)
def test_a_server_with_exports_elsewhere_is_asked_itself(
    monkeypatch: pytest.MonkeyPatch,
    paths: dict[str, tuple[str, ...]] | None,
    known: tuple[str, ...],
) -> None:
    async def listed(address: str, *_: object, **__: object) -> dict[str, tuple[str, ...]]:
        assert address == "127.0.0.1"
        if paths is None:
            raise listing.NotListedError("nobody is there")
        return paths

    monkeypatch.setattr(listing, "listing", listed)
    assert offered(config("none")) == tuple(Offer(path, None) for path in known)
