"""Mounts for tests: servers that are known to some degree, paths that are hard to write down."""

from hypothesis import strategies as st

from hostnfsd.config.model import Carried, CarriedService, Config, Gateway
from hostnfsd.mount.plan import Exported, Mount, Server, decide
from hostnfsd.services import Service

#: Each of these has broken somebody's quoting.
NASTY = (
    '/Users/ada/it\'s a $HOME; rm -rf "*"',
    "/a b/#c",
    "/#",
    "/x # y",
    '/"quoted"',
    "/'quoted'",
    "/back\\slash",
    "/back\\040slash",
    "/a:b",
    "/a,b=c",
    "/Übung/日本/😀",
    "/${VAR}/$$/$(id)/`id`",
    "/- x",
    "/true",
    "/{a}[b]",
    "/%h%n",
    "/trailing ",
    "/!bang",
    "/nbsp\u00a0/zero\u200bwidth/\ufeffmark",
)

#: Names of directories that a host can have and a terminal can show.
_NAME = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="/"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."})
paths = st.lists(_NAME, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))


def carried(**services: CarriedService | bool) -> dict[Service, Carried]:
    config = Config(
        gateway={"dev-gw": Gateway()},
        services={Service(name): entry for name, entry in services.items() if entry is not True},
    )
    return dict(config.carried("dev-gw"))


def server(
    *addresses: str,
    darwin: bool = False,
    versions: tuple[int, ...] | None = None,
    **services: CarriedService | bool,
) -> Server:
    return Server("dev-gw", addresses or ("dev-gw",), carried(**services), darwin, versions)


def mount(
    path: str = "/srv/src", *addresses: str, exported: Exported | None = None, dev: bool = False
) -> Mount:
    return decide(server(*addresses), path, exported=exported, dev=dev)
