#!/bin/sh
# build-deb.sh SDIST WHEEL FOLDER: makes FOLDER/hostnfsd_VERSION_ARCH.deb of the two, on Debian.
#
# The wheel is what the package installs; the sdist has what else it ships. Python packages that it
# needs are fetched as packaging/requirements.lock names them.
set -eu

sdist=$(realpath "$1")
wheel=$(realpath "$2")
target=$(realpath "$3")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The system's own tools: a Python of pyenv's or of a virtual environment would end up in the package.
unset PYENV_VERSION PYTHONDONTWRITEBYTECODE VIRTUAL_ENV PYTHONPATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

tar -xzf "$sdist" -C "$scratch"
tree=$(echo "$scratch"/*/)
cp "$wheel" "$tree"
cp -r "$tree/packaging/debian" "$tree/debian"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$sdist")}
export SOURCE_DATE_EPOCH
log=$scratch/log
# A compiler, which Debian expects of every builder, is not needed.
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign --no-check-builddeps >"$log" 2>&1) || {
    cat "$log" >&2
    exit 1
}
cp "$scratch"/*.deb "$target"
