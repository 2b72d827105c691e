import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostnfsd.init.nfs_conf import darwin, darwin_remarks, linux, linux_remarks

# nfs.conf of macOS as it stands in huataihuang/cloud-atlas,
# source/infra_service/nfs/run_macos_nfs_behind_firewall.rst.
CLOUD_ATLAS = """\
nfs.server.rquota.port = 875
nfs.server.mount.port = 892
nfs.lockd.port = 32803
nfs.lockd.send_using_tcp = 1
nfs.statd.port = 662
nfs.statd.send_using_tcp = 1
"""


def test_numbers_of_macos() -> None:
    assert darwin(CLOUD_ATLAS)["nfs.server.mount.port"] == 892
    assert not list(darwin_remarks(CLOUD_ATLAS))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("nfs.server.tcp", 1),
        ("nfs.server.tcp=0", 0),
        ("  nfs.server.tcp = 0x10 # hexadecimal", 16),
        ("nfs.server.tcp = 011", 9),
        ("nfs.server.tcp = no", 0),
        ("nfs.server.tcp = 1\nnfs.server.tcp = 0", 0),
    ],
)
def test_macos_reads_numbers_as_strtol_does(line: str, value: int) -> None:
    assert darwin(line) == {"nfs.server.tcp": value}


def test_a_server_without_tcp_is_told_of() -> None:
    (told,) = darwin_remarks("nfs.server.tcp = 0\n")
    assert "carries TCP only" in told
    (told,) = linux_remarks("[nfsd]\ntcp = n\n")
    assert "carries TCP only" in told


def test_linux_has_sections() -> None:
    text = '# nfs.conf\n[general]\n[ nfsd ]\nthreads=8\nVers3 = "No"  # none\n[mountd]\ntcp=n\n'
    assert linux(text)["nfsd", "vers3"] == "no"
    (told,) = linux_remarks(text)
    assert "only NFSv4 is spoken" in told


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert isinstance(darwin(text), dict)
    assert isinstance(linux(text), dict)
