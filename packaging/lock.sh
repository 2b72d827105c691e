#!/bin/sh
# lock.sh: writes packaging/requirements.lock: of everything that hostnfsd needs, on every system,
# the newest version that fits, with the hashes of its files. The .deb and the formula are made of it.
set -eu

cd "$(dirname -- "$0")/.."
.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
    --no-header pyproject.toml -o packaging/requirements.lock
