import pytest

from hostnfsd.exports.linux.values import canonical, objection

UUID = "00112233-4455-6677-8899-aabbccddeeff"


@pytest.mark.parametrize(
    ("value", "number"),
    [("root", "0"), ("010", "8"), ("0x1F", "31"), (" 7", "7"), ("-1", "4294967295"), (UUID, UUID)],
)
def test_numbers_of_file_systems_have_one_spelling(value: str, number: str) -> None:
    assert objection("fsid", value) is None
    assert number == canonical("fsid", value)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("fsid", "", "bad-fsid"),
        ("fsid", "08", "bad-fsid"),
        ("fsid", "zz", "bad-fsid"),
        ("fsid", UUID + "0", "bad-fsid"),
        ("squash_uids", "x", "bad-range"),
        ("squash_uids", "1-2-3", "bad-range"),
        ("squash_gids", "-1", "bad-range"),
        ("squash_gids", "1--1", "bad-range"),
        ("reexport", "yes", "bad-reexport"),
        ("xprtsec", "tls:ssl", "bad-xprtsec"),
        ("xprtsec", "", "bad-xprtsec"),
    ],
)
def test_values_that_exportfs_does_not_take(name: str, value: str, code: str) -> None:
    found = objection(name, value)

    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("squash_uids", ""),
        ("squash_uids", "1-3"),
        ("squash_gids", "10-11"),
        ("reexport", "none"),
        ("xprtsec", "none:tls:mtls"),
        ("refer", "anything"),
    ],
)
def test_values_that_exportfs_takes(name: str, value: str) -> None:
    assert objection(name, value) is None
    assert value == canonical(name, value)
