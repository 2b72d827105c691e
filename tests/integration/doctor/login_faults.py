"""Keys that do not open and host keys that are not known, made so."""

import os

from tests.bed import network
from tests.bed.bed import Bed
from tests.bed.gateway import make_key
from tests.integration.doctor.faults import Fault, Undo, dev_gw, sshd


def _locked_out(bed: Bed) -> Undo:
    bed.gateway.authorize()
    return lambda: bed.gateway.authorize(bed.public_key)


def _encrypted_key(bed: Bed) -> Undo:
    path = bed.folder / "encrypted"
    make_key(path)
    bed.network.host.run("ssh-keygen", "-q", "-p", "-N", "a secret", "-f", str(path), timeout_s=20)
    return lambda: None


def _open_key(bed: Bed) -> Undo:
    path = bed.folder / "open"
    path.write_bytes(bed.key.read_bytes())
    path.chmod(0o644)
    return lambda: None


def _key_on_a_dead_disk(bed: Bed) -> Undo:
    """Reading it never ends, as in a home on a server that does not answer: a FIFO."""
    os.mkfifo(bed.folder / "dead", 0o600)
    return lambda: None


def _many_keys(bed: Bed) -> Undo:
    for name in ("wrong1", "wrong2"):
        make_key(bed.folder / name)
    return sshd(extra=("MaxAuthTries 2",))(bed)


def _unknown_host_key(bed: Bed) -> Undo:
    (bed.folder / "known").write_text("")
    return lambda: None


def _changed_host_key(bed: Bed) -> Undo:
    other = make_key(bed.folder / "other").split()[:2]
    (bed.folder / "known").write_text(f"{network.GATEWAY_SSH} {' '.join(other)}\n")
    return lambda: None


OURS = {"known_hosts": "{folder}/known"}

LOGIN_REFUSED = Fault("a key that the gateway does not know", "login-refused", _locked_out)

FAULTS = (
    LOGIN_REFUSED,
    Fault(
        "a key that is not there",
        "key-missing",
        lambda _bed: lambda: None,
        tables=dev_gw(identity_files=["/nowhere/id"]),
        cured=dev_gw(identity_files=["{folder}/id_ed25519"]),
        says="/nowhere/id",
    ),
    Fault(
        "an encrypted key, and no agent",
        "key-encrypted",
        _encrypted_key,
        tables=dev_gw(identity_files=["{folder}/encrypted"]),
        cured=dev_gw(identity_files=["{folder}/id_ed25519"]),
        says="ssh-add",
    ),
    Fault(
        "a key that others may read",
        "key-open",
        _open_key,
        tables=dev_gw(identity_files=["{folder}/open"]),
        outcome="WARN",
        run_in="host",
    ),
    Fault(
        "more keys than sshd has patience for",
        "too-many-keys",
        _many_keys,
        tables=dev_gw(identity_files=["{folder}/wrong1", "{folder}/wrong2", "{folder}/id_ed25519"]),
        cured=dev_gw(identity_files=["{folder}/id_ed25519"]),
    ),
    Fault(
        "a key on a disk that does not answer",
        "doctor-timeout",
        _key_on_a_dead_disk,
        tables=dev_gw(identity_files=["{folder}/dead"]),
        cured=dev_gw(identity_files=["{folder}/id_ed25519"]),
        says="5 s",
    ),
    Fault(
        "an unknown host key",
        "host-key-unknown",
        _unknown_host_key,
        tables=dev_gw(**OURS),
        run_in="host",
    ),
    Fault(
        "a changed host key",
        "host-key-changed",
        _changed_host_key,
        tables=dev_gw(**OURS),
        run_in="host",
    ),
)
