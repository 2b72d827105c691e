from hostnfsd.exports.system import FileKind, StatFailure, System
from tests.support.exports_system import LINUX, MAC


def test_the_machines_of_the_vectors_are_such_systems() -> None:
    machines: list[System] = [MAC, LINUX]

    assert [m.kind("/") for m in machines] == [FileKind.DIRECTORY] * 2
    assert MAC.kind("/tmp") is FileKind.SYMLINK
    assert MAC.kind("/Users/dev") is FileKind.DIRECTORY
    assert MAC.physical("/Users/dev") == "/System/Volumes/Data/Users/dev"
    assert not isinstance(MAC.volume("/Users/dev"), StatFailure)
    assert isinstance(MAC.volume("/opt/data"), StatFailure)
