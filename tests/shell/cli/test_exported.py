from pathlib import Path

from hostnfsd.cli.exported import offered
from hostnfsd.config.model import Config, Gateway, Host
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
    assert offered(config("none")) == ()
