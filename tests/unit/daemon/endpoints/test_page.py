"""The page: well formed, everything foreign escaped, nothing from elsewhere."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from hostnfsd.daemon.endpoints.page import STYLE_HASH, render
from hostnfsd.snapshot import Advice, Phase, Snapshot
from tests.support.snapshots import gateway, snapshot, troubled

VOID = {"meta", "br"}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.style = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text.append(data)


def read(whole: Snapshot) -> Reader:
    reader = Reader()
    reader.feed(render(whole))
    reader.close()
    assert reader.open == []
    return reader


def test_a_healthy_daemon_is_ready() -> None:
    text = " ".join(read(snapshot()).text)

    assert "hostnfsd ready dev-gw up" in text
    assert "2049 → 2049" in text
    assert "Notices" not in text
    assert "rejected" not in text


def test_everything_that_is_wrong_is_shown() -> None:
    text = " ".join(read(troubled()).text)

    for shown in (
        "not ready: dev-gw nfs unreachable (ipv6), dev-gw mountd host-down (ipv4)",
        "the last reload was rejected",
        "/etc/hostnfsd/hostnfsd.toml:3:1: error: tunnel.keepalive: unknown key (<b>)",
        'set "AddressFamily any" in sshd_config',
        "127.0.0.1:20048: <refused> & gone",
        "büro & <b>",
        "next attempt in 4 s",
        "start sshd on the gateway",
        "this machine has been kept awake for 12 min",
        "256 MiB",
        "1070",  # calls
        "1 unanswered, the oldest call for 42 s",
    ):
        assert shown in text


def test_foreign_text_makes_no_element() -> None:
    evil = '"><script>alert(1)</script><b onclick=x'
    view = gateway(evil, address=evil, error=evil, hint=evil, client_address=(evil,))
    reader = read(snapshot(view, config_path=evil, log_destination=evil))

    assert "script" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert evil in "".join(reader.text)


def test_nothing_is_loaded_from_elsewhere() -> None:
    reader = read(troubled())

    links = [value for name, value in reader.attributes if name in {"src", "href"}]
    assert links == ["/metrics", "/healthz", "/readyz", "/status"]
    assert not re.search(r"url\(|@import", reader.style)


def test_the_policys_hash_is_that_of_the_style() -> None:
    digest = hashlib.sha256(read(snapshot()).style.encode()).digest()

    assert f"sha256-{base64.b64encode(digest).decode()}" == STYLE_HASH


def test_the_page_refreshes_itself() -> None:
    assert ("http-equiv", "refresh") in read(snapshot()).attributes


def test_a_daemon_that_stops_says_so() -> None:
    whole = snapshot(gateway(phase=Phase.STOPPING), stopping=True)

    assert "hostnfsd stopping" in " ".join(read(whole).text)


def test_advice_is_shown_with_its_cure() -> None:
    page = read(snapshot(advice=(Advice("no <right> to low ports", "give it"),)))

    assert "no <right> to low ports" in page.text
    assert "hint: give it" in page.text
    assert "right" not in page.tags
