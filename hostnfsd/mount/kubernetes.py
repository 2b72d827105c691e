"""Manifests for Kubernetes: a PersistentVolume with its claim, a pod that has it, a StorageClass.

kubelet mounts on the node, with the node's own look-up of names. A node of kind asks docker's DNS
(kind, images/base/files/usr/local/bin/entrypoint, enable_network_magic), and so do, by way of the
node, pods and the controller of csi-driver-nfs: the name of a container on kind's network is good
everywhere.
"""

from typing import Final

from hostnfsd.mount import notes
from hostnfsd.mount.manifest import document
from hostnfsd.mount.plan import Mount, listed
from hostnfsd.mount.printed import Printed

#: A claim must ask for a size; NFS has none. It only has to be the same in both.
_SIZE: Final = "1Gi"
_IMAGE: Final = "alpine:3"
_KNOWN: Final = (
    "kind's nodes look up in docker's DNS, where containers of the network kind have their names"
)


def pv(mount: Mount) -> Printed:
    """A PersistentVolume and the claim that is bound to it."""
    before = [
        *notes.said(
            "kubectl apply -f FILE: a PersistentVolume, and the one claim in the namespace"
            f" `default` that it is for. Pods name the claim: {mount.name}."
        ),
        "#",
        *_volume_notes(mount),
    ]
    return _printed("pv", mount, before, [_volume(mount), _claim(mount)])


def pod(mount: Mount) -> Printed:
    """A pod, with the volume and the claim that it needs."""
    before = [
        *notes.said(
            "kubectl apply -f FILE: a pod that shows what is exported (kubectl logs"
            f" {mount.name}), the claim that it names, and the PersistentVolume behind it.",
            "A volume of type nfs in the pod itself takes no mount options. mount.nfs would then"
            " ask for everything itself, try version 4 first, and for version 3 want locks and a"
            " rpc.statd that kind's nodes do not run. Options stand in a PersistentVolume.",
        ),
        "#",
        *_volume_notes(mount),
    ]
    return _printed("pod", mount, before, [_volume(mount), _claim(mount), _pod(mount)])


def storageclass(mount: Mount) -> Printed:
    """A StorageClass for csi-driver-nfs, and a claim of it."""
    name = f"nfs-{mount.name}"[:63].rstrip("-")
    sc: dict[str, object] = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "nfs.csi.k8s.io",
        "parameters": {
            "server": mount.address,
            "share": str(mount.path),
            "subDir": "${pvc.metadata.namespace}/${pvc.metadata.name}",
            "onDelete": "retain",
        },
        "reclaimPolicy": "Retain",
        "volumeBindingMode": "Immediate",
        "mountOptions": listed(mount.options(mount.address)),
    }
    claim = _claim_of(mount.name, name, ["ReadWriteMany"])
    before = [
        *notes.said(
            "kubectl apply -f FILE, in a cluster that has csi-driver-nfs: a StorageClass that"
            " gives every claim a directory of its own below the export, and a claim of it. To"
            " have the exported directory itself in a pod, --for pv is what you want."
        ),
        "#",
        *notes.terms(
            [
                (
                    "server, share",
                    (
                        "the gateway and the export. They are part of every volume made of it: when"
                        " the gateway is called otherwise, volumes must be made anew."
                    ),
                ),
                (
                    "subDir",
                    (
                        "where a claim's directory is: NAMESPACE/CLAIM below the export, made when"
                        " it is missing, and the same again for a claim of the same name. Without"
                        " the line it would be called pvc-UID, another one each time."
                    ),
                ),
                (
                    "onDelete, reclaimPolicy",
                    (
                        "the directory stays when its claim is deleted. With Delete the driver"
                        " would remove it from the host, and mount for that without these options."
                    ),
                ),
            ]
        ),
        *notes.options(mount),
        "#",
        *notes.naming(mount, _KNOWN),
        *notes.said(
            "The driver makes directories as root: the export must let root write, or map it to"
            " somebody who may (-maproot, -mapall; anonuid, no_root_squash)."
        ),
    ]
    return _printed("storageclass", mount, before, [sc, claim])


def _printed(
    kind: str, mount: Mount, before: list[str], documents: list[dict[str, object]]
) -> Printed:
    after = [*notes.expectations(mount), "#", *notes.troubles(mount)]
    text = notes.script(before) + "---\n".join(map(document, documents)) + notes.script(after)
    options = mount.options(mount.address)
    return Printed(kind, mount, mount.address, options, text, {"documents": documents})


def _volume_notes(mount: Mount) -> list[str]:
    return [
        *notes.options(mount),
        "#",
        *notes.naming(mount, _KNOWN),
        *notes.terms(
            [
                ("storage", "Kubernetes wants a size; NFS has none, and nobody is held to it."),
                (
                    "Retain",
                    (
                        "nothing is done to the export when the claim is deleted; delete the volume"
                        " as well before you apply this again."
                    ),
                ),
            ]
        ),
    ]


def _modes(mount: Mount) -> list[str]:
    return ["ReadOnlyMany"] if _read_only(mount) else ["ReadWriteMany"]


def _read_only(mount: Mount) -> bool:
    return mount.exported is not None and mount.exported.read_only


def _volume(mount: Mount) -> dict[str, object]:
    nfs: dict[str, object] = {"server": mount.address, "path": str(mount.path)}
    if _read_only(mount):
        nfs["readOnly"] = True
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": mount.name},
        "spec": {
            "capacity": {"storage": _SIZE},
            "accessModes": _modes(mount),
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": "default", "name": mount.name},
            "mountOptions": listed(mount.options(mount.address)),
            "nfs": nfs,
        },
    }


def _claim(mount: Mount) -> dict[str, object]:
    claim = _claim_of(mount.name, "", _modes(mount))
    spec = claim["spec"]
    assert isinstance(spec, dict)  # noqa: S101  # made below
    spec["volumeName"] = mount.name
    return claim


def _claim_of(name: str, storage_class: str, modes: list[str]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accessModes": modes,
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": _SIZE}},
        },
    }


def _pod(mount: Mount) -> dict[str, object]:
    target = f"/mnt/{mount.name}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": mount.name, "namespace": "default"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "app",
                    "image": _IMAGE,
                    "command": ["ls", "-la", target],
                    "volumeMounts": [{"name": "export", "mountPath": target}],
                }
            ],
            "volumes": [
                {"name": "export", "persistentVolumeClaim": {"claimName": mount.name}},
            ],
        },
    }
