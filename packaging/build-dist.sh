#!/bin/sh
# build-dist.sh [FOLDER]: every artefact of a release into FOLDER (default: dist), which is emptied
# of them: wheel, sdist and, where Debian's tools are, the .deb.
#
# PYTHON names an interpreter with `build` and `twine`; default: this checkout's .venv.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${1:-$root/dist}
python=${PYTHON:-$root/.venv/bin/python}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

quietly() {
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
}

mkdir -p "$target"
rm -f "$target"/hostnfsd[-_]*

# The wheel is built of the sdist: what the sdist lacks would be missed here.
quietly "$python" -m build --outdir "$target" "$root"
quietly "$python" -m twine check --strict "$target"/hostnfsd-*

if command -v dpkg-buildpackage >/dev/null && command -v dh_virtualenv >/dev/null; then
    "$root/packaging/build-deb.sh" "$target"/hostnfsd-*.tar.gz "$target"/hostnfsd-*.whl "$target"
    # Lintian minds whoever is root, and says so.
    quietly lintian --allow-root --fail-on error,warning "$target"/hostnfsd_*.deb
else
    echo 'no .deb: it is built on Debian, with the packages that packaging/apt-packages.txt names' >&2
    [ -z "${CI:-}" ]
fi
ls "$target"
