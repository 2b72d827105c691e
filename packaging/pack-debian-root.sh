#!/bin/sh
# pack-debian-root.sh SUITE: a small Debian with systemd, in .cache/SUITE.tar.
#
# The service's tests boot it beside this machine's own systemd, which is older. Does nothing where
# the file is there. Needs root or sudo, and mmdebstrap (packaging/install-test-packages.sh).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
suite=${1:?usage: pack-debian-root.sh SUITE}
cache=${HOSTNFSD_CACHE:-$here/../.cache}
# What the service and its tests use; python3 for the libraries that any Python wants.
include=dbus,iproute2,mount,passwd,procps,python3,systemd,systemd-sysv,util-linux

[ ! -e "$cache/$suite.tar" ] || exit 0
printf 'packing a root of: %s\n' "$suite"
as_root=''
[ "$(id -u)" -eq 0 ] || as_root=sudo
mkdir -p "$cache"
part=$cache/.$suite.$$.tar
trap '$as_root rm -f "$part"' EXIT
trap 'exit 130' INT TERM HUP
pack() {
    $as_root rm -f "$part"
    $as_root mmdebstrap --quiet --variant=minbase --include="$include" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' "$suite" "$part"
}
# A mirror may hiccup; what is wrong for good is wrong twice.
pack || pack || {
    echo "pack-debian-root: cannot make a root of $suite: see above" >&2
    exit 1
}
mv "$part" "$cache/$suite.tar" # whole, or not there
