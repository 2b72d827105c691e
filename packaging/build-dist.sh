#!/bin/sh
# build-dist.sh [FOLDER]: every artefact of a release into FOLDER (default: dist), which is emptied
# of them: wheel, sdist, Homebrew formula and, where Debian's tools are, the .deb.
#
# PYTHON names an interpreter with hostnfsd, `build`, `twine` and `uv`; default: this checkout's .venv.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${1:-$root/dist}
python=${PYTHON:-$root/.venv/bin/python}
scratch=$(mktemp -d)
log=$scratch/log
trap 'rm -rf "$scratch"' EXIT

quietly() {
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
}

mkdir -p "$target"
rm -f "$target"/hostnfsd[-_.]*

# The wheel is built of the sdist: what the sdist lacks would be missed here.
quietly "$python" -m build --outdir "$target" "$root"
quietly "$python" -m twine check --strict "$target"/hostnfsd-*

# The formula: what the lock has, and where it is published.
quietly "$python" -m uv pip compile --universal --python-version 3.11 --no-header \
    --constraint "$root/packaging/requirements.lock" --output-file "$scratch/pylock.toml" "$root/pyproject.toml"
"$python" "$root/packaging/homebrew/formula.py" "$target"/hostnfsd-*.tar.gz "$scratch/pylock.toml" \
    >"$target/hostnfsd.rb"

if command -v dpkg-buildpackage >/dev/null && command -v dh_virtualenv >/dev/null; then
    "$root/packaging/build-deb.sh" "$target"/hostnfsd-*.tar.gz "$target"/hostnfsd-*.whl "$target"
    # Lintian minds whoever is root, and says so.
    quietly lintian --allow-root --fail-on error,warning "$target"/hostnfsd_*.deb
else
    echo 'no .deb: it is built on Debian, with the packages that packaging/apt-packages.txt names' >&2
    [ -z "${CI:-}" ]
fi
ls "$target"
