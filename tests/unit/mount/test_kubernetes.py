from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given

from hostnfsd.mount import kubernetes
from hostnfsd.mount.plan import Exported, Mount
from hostnfsd.mount.printed import Printed
from tests.support import mounts

VERSIONS = ("1.30", kubernetes_validate.latest_version().rpartition(".")[0])
WRITERS = (kubernetes.pv, kubernetes.pod, kubernetes.storageclass)
OPTIONS = [
    "vers=3",
    "proto=tcp",
    "port=2049",
    "mountproto=tcp",
    "mountport=20048",
    "nolock",
    "hard",
]


def documents(printed: Printed) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(printed.text))


def valid(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def pv(mount: Mount) -> dict[str, Any]:
    return documents(kubernetes.pv(mount))[0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_printed_is_valid(writer: Any, version: str) -> None:
    for exported in (None, Exported("all as 501:20", read_only=True)):
        printed = writer(mounts.mount(mounts.NASTY[0], exported=exported))
        for document in documents(printed):
            valid(document, version)
        assert printed.to_json()["documents"] == documents(printed)


def test_a_misspelt_key_would_not_be_valid() -> None:
    volume = pv(mounts.mount())
    volume["spec"]["mountOption"] = volume["spec"].pop("mountOptions")
    with pytest.raises(kubernetes_validate.ValidationError):
        valid(volume, VERSIONS[-1])


def test_kinds_are_what_they_are_called_after() -> None:
    kinds = {
        writer.__name__: [document["kind"] for document in documents(writer(mounts.mount()))]
        for writer in WRITERS
    }
    both = ["PersistentVolume", "PersistentVolumeClaim"]
    assert kinds == {
        "pv": both,
        "pod": [*both, "Pod"],
        "storageclass": ["StorageClass", "PersistentVolumeClaim"],
    }


@given(mounts.paths)
@pytest.mark.patient
def test_any_path_survives_yaml(path: str) -> None:
    mount = mounts.mount(path)
    assert pv(mount)["spec"]["nfs"] == {"server": "dev-gw", "path": path}
    storage_class = documents(kubernetes.storageclass(mount))[0]
    assert storage_class["parameters"]["share"] == path


def test_options_stand_where_kubernetes_has_them() -> None:
    mount = mounts.mount()
    assert pv(mount)["spec"]["mountOptions"] == OPTIONS
    assert documents(kubernetes.storageclass(mount))[0]["mountOptions"] == OPTIONS


def test_an_ipv6_address_has_no_brackets() -> None:
    # kubelet puts them in itself (pkg/volume/nfs, getServerFromSource).
    assert pv(mounts.mount("/x", "fd22::12"))["spec"]["nfs"]["server"] == "fd22::12"


def test_claim_and_volume_are_for_each_other_and_for_the_pod() -> None:
    volume, claim, pod = documents(kubernetes.pod(mounts.mount("/srv/Src")))
    name = claim["metadata"]["name"]
    assert volume["spec"]["claimRef"] == {"namespace": "default", "name": name}
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert claim["spec"]["storageClassName"] == volume["spec"]["storageClassName"] == ""
    assert claim["spec"]["accessModes"] == volume["spec"]["accessModes"]
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": name}


def test_a_claim_of_a_class_names_the_class() -> None:
    storage_class, claim = documents(kubernetes.storageclass(mounts.mount("/" + "a" * 80)))
    assert claim["spec"]["storageClassName"] == storage_class["metadata"]["name"]
    assert len(storage_class["metadata"]["name"]) <= 63


def test_what_may_only_be_read_is_not_asked_to_be_written() -> None:
    volume = pv(mounts.mount(exported=Exported("root as -2:-2", read_only=True)))
    assert volume["spec"]["accessModes"] == ["ReadOnlyMany"]
    assert volume["spec"]["nfs"]["readOnly"] is True


def test_the_pod_says_why_its_volume_is_a_claim() -> None:
    assert "takes no mount options" in kubernetes.pod(mounts.mount()).text
