from pathlib import PurePosixPath

from hostnfsd.config.search import candidates

HOME = PurePosixPath("/home/me")


def found(
    explicit: str | None = None, *, platform: str = "linux", **environ: str
) -> list[tuple[str, bool]]:
    """Path and namedness of each candidate."""
    return [(str(c.path), c.named) for c in candidates(explicit, environ, platform, HOME)]


def test_the_users_file_comes_before_the_systems() -> None:
    assert found() == [
        ("/home/me/.config/hostnfsd/hostnfsd.toml", False),
        ("/etc/hostnfsd/hostnfsd.toml", False),
    ]


def test_on_macos_homebrews_folders_are_the_systems() -> None:
    assert found(platform="darwin")[1:] == [
        ("/etc/hostnfsd/hostnfsd.toml", False),
        ("/opt/homebrew/etc/hostnfsd/hostnfsd.toml", False),
        ("/usr/local/etc/hostnfsd/hostnfsd.toml", False),
    ]


def test_a_file_given_is_the_only_one() -> None:
    assert found("x.toml", HOSTNFSD_CONFIG="/y") == [("x.toml", True)]


def test_the_environment_names_a_file() -> None:
    assert found(HOSTNFSD_CONFIG="~/y.toml") == [("/home/me/y.toml", True)]
    assert len(found(HOSTNFSD_CONFIG="")) == 2


def test_the_xdg_folder_moves_the_users_file() -> None:
    assert found(XDG_CONFIG_HOME="/cfg")[0] == ("/cfg/hostnfsd/hostnfsd.toml", False)


def test_a_relative_xdg_folder_is_ignored() -> None:
    assert found(XDG_CONFIG_HOME="cfg") == found()
