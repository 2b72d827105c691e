"""DNS rebinding: which Host headers are answered."""

import pytest

from hostnfsd.daemon.endpoints.host_header import admitted, split_host


@pytest.mark.parametrize(
    ("header", "name", "port"),
    [
        ("localhost", "localhost", ""),
        ("LocalHost.:9822", "localhost", "9822"),
        ("127.0.0.1:9822", "127.0.0.1", "9822"),
        ("[::1]:9822", "::1", "9822"),
        ("[::1]", "::1", ""),
        ("::1", "::1", ""),
        ("", "", ""),
    ],
)
def test_split_host(header: str, name: str, port: str) -> None:
    assert split_host(header) == (name, port)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "localhost:9822",
        "anything.localhost",
        "127.0.0.1",
        "127.9.9.9:1",
        "[::1]:9822",
        "10.0.0.5:9822",
        "metrics.example:9822",
        "METRICS.example",
        "strict.example:443",
        "192.0.2.7",
    ],
)
def test_answered(header: str | None) -> None:
    assert admitted(
        header,
        allowed=("metrics.example", "strict.example:443"),
        listen_host="10.0.0.5",
        local_address="192.0.2.7",
    )


@pytest.mark.parametrize(
    "header",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:9822",
        "metrics.example.evil",
        "strict.example:444",
        "strict.example",
        "10.0.0.6",
        "0.0.0.0",
        "",
        ":9822",
        "[",
        "[]",
    ],
)
def test_turned_away(header: str) -> None:
    assert not admitted(
        header,
        allowed=("metrics.example", "strict.example:443"),
        listen_host="10.0.0.5",
        local_address="192.0.2.7",
    )


def test_an_empty_listen_host_admits_no_empty_header() -> None:
    assert not admitted("", allowed=(), listen_host="", local_address="")
