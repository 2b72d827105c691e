"""SSH keys as files, made by ssh-keygen: what people have."""

import subprocess
from pathlib import Path


def make_key(path: Path, passphrase: str = "") -> str:
    """Make an Ed25519 key pair at ``path`` and ``path.pub``; returns the public line."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path.with_name(f"{path.name}.pub").read_text().strip()
