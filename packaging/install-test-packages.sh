#!/bin/sh
# install-test-packages.sh [demo]: what `make test` or `make demo` needs, on Debian and Ubuntu.
#
# Does nothing, quickly, where all of it is there. No package starts a daemon, now or at the next
# boot: the test bed runs its own in namespaces. Needs root or sudo.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
list=$here/apt-packages.txt
cache=${HOSTNFSD_CACHE:-$here/../.cache}
policy=/usr/sbin/policy-rc.d
purpose=${1:-tests}

die() {
    printf 'install-test-packages: %s\n' "$*" >&2
    exit 1
}

command -v dpkg-query >/dev/null || die "needs Debian or Ubuntu; elsewhere install by hand what $list names"

# -- what is missing ---------------------------------------------------------------------------
to_install=''
to_unpack=''
while read -r entry; do
    name=${entry#unpack:}
    name=${name%@*}
    case $entry in
        '' | '#'*) continue ;;
        '[tests]') if [ "$purpose" = tests ]; then continue; else break; fi ;;
        *@*) [ "$(dpkg --print-architecture)" = "${entry#*@}" ] || continue ;;
    esac
    case $entry in
        unpack:*) [ -e "$cache/$name/.complete" ] || to_unpack="$to_unpack $name" ;;
        *)
            status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null || true)
            [ "$status" = 'ii ' ] || to_install="$to_install $name"
            ;;
    esac
done <"$list"

python_missing=''
"$here/find-python.sh" >/dev/null || python_missing=yes

# nfs-ganesha finds file systems by it; only a machine that has never booted has none.
mtab_missing=''
[ -e /etc/mtab ] || mtab_missing=yes

[ -n "$to_install$to_unpack$python_missing$mtab_missing" ] || exit 0

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "needs root or sudo to install:$to_install$to_unpack"
    as_root=sudo
fi

# -- how to install ----------------------------------------------------------------------------
known() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'; }

fetch_lists() { $as_root apt-get -qq update || die 'apt-get update failed: see above'; }

keep_daemons_from_starting() {
    [ ! -e "$policy" ] || return 0 # the machine has a policy of its own
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
}

apt_install() {
    # shellcheck disable=SC2086  # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
        apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 $1 >"$log" 2>&1
}

install_packages() {
    printf 'installing:%s\n' "$1"
    keep_daemons_from_starting
    log=$(mktemp)
    # A list that is out of date names files that are gone: once more with a fresh one.
    apt_install "$1" || { fetch_lists && apt_install "$1"; } || {
        cat "$log" >&2
        die 'apt-get install failed: see above'
    }
    rm -f "$log"
    [ -d /run/systemd/system ] || return 0
    for package in $1; do
        dpkg-query -L "$package" | sed -n 's,.*/systemd/system/\([^/@]*\.service\|[^/@]*\.socket\)$,\1,p' |
            while read -r unit; do $as_root systemctl -q disable "$unit" 2>/dev/null || true; done
    done
}

unpack_package() {
    printf 'unpacking: %s\n' "$1"
    scratch=$(mktemp -d)
    get() { (cd "$scratch" && apt-get -qq -o APT::Sandbox::User=root download "$1"); }
    get "$1" || { fetch_lists && get "$1"; } || die "cannot download $1: see above"
    rm -rf "${cache:?}/$1"
    mkdir -p "$cache/$1"
    dpkg-deb -x "$scratch"/*.deb "$cache/$1"
    rm -rf "$scratch"
    : >"$cache/$1/.complete"
}

# -- do it -------------------------------------------------------------------------------------
[ -z "$mtab_missing" ] || $as_root ln -s ../proc/self/mounts /etc/mtab

for package in $to_install $to_unpack; do
    known "$package" || {
        fetch_lists
        break
    }
done
for package in $to_install $to_unpack; do
    known "$package" || die "this distribution has no package $package (Ubuntu: is \"universe\" enabled?)"
done
[ -z "$to_install" ] || install_packages "$to_install"
for package in $to_unpack; do
    unpack_package "$package"
done

# The distribution's python3 may be too old; some have a newer one beside it.
if ! "$here/find-python.sh" >/dev/null; then
    for minor in 14 13 12 11; do
        known "python3.$minor-venv" || continue
        install_packages " python3.$minor-venv"
        break
    done
    "$here/find-python.sh" >/dev/null ||
        die 'no Python >= 3.11 in this distribution: install one, and name it with PYTHON=…'
fi
