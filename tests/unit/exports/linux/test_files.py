from hostnfsd.exports.linux.files import included


def test_only_export_files_are_read() -> None:
    names = ["a.exports", ".exports", ".b.exports", "c.exports~", "exports", "d.exports.bak"]

    assert included(names) == ("a.exports",)


def test_numbers_are_compared_as_numbers() -> None:
    names = ["10-a.exports", "b.exports", "9-a.exports", "a2.exports", "a10.exports", "a.exports"]

    assert included(names) == (
        "9-a.exports", "10-a.exports", "a.exports", "a2.exports", "a10.exports", "b.exports",
    )  # fmt: skip
