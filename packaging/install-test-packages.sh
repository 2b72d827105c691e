#!/bin/sh
# install-test-packages.sh: what `make test` and `make demo` need, on Debian and Ubuntu.
#
# Does nothing, quickly, where all of it is there. No package starts a daemon, now or at the next
# boot: the test bed runs its own copies in namespaces of its own. Needs root, or sudo.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
list=$here/apt-packages.txt
cache=${HOSTNFSD_CACHE:-$here/../.cache}
policy=/usr/sbin/policy-rc.d

die() {
    printf 'install-test-packages: %s\n' "$*" >&2
    exit 1
}

words() { sed -e 's/#.*//' "$list" | tr -s ' \t' '\n\n' | grep -v '^$' | grep -e "$1" | sed -e "s/$1//"; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

missing=''
# shellcheck disable=SC2013  # words, not lines, are meant
for package in $(sed -e 's/#.*//' "$list" | grep -v '^unpack:'); do
    command -v dpkg-query >/dev/null || die "needs Debian or Ubuntu (apt); install by hand what $list names"
    installed "$package" || missing="$missing $package"
done

unpack=''
for entry in $(words '^unpack:'); do
    package=${entry%@*}
    case $entry in
        *@*) [ "$(dpkg --print-architecture)" = "${entry#*@}" ] || continue ;;
    esac
    [ -e "$cache/$package/.complete" ] || unpack="$unpack $package"
done

[ -n "$missing$unpack" ] || exit 0

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "needs root or sudo to install:$missing$unpack"
    as_root='sudo'
fi

# A list of packages that is missing or a week old is fetched again; one that cannot name all of
# what is needed, too.
fetch_lists() { $as_root apt-get -qq update || die 'apt-get update failed: see above'; }
known() { [ -n "$(apt-cache policy "$1" 2>/dev/null | grep 'Candidate: [^(]')" ]; }
for package in $missing $unpack; do
    known "$package" || { fetch_lists; break; }
done
for package in $missing $unpack; do
    known "$package" || die "this distribution has no package $package"
done

if [ -n "$missing" ]; then
    printf 'installing:%s\n' "$missing"
    ours=''
    if [ ! -e "$policy" ]; then
        ours=$policy
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 755 "$policy"
        # shellcheck disable=SC2064  # the name is known now
        trap "$as_root rm -f '$ours'" EXIT
        trap 'exit 130' INT TERM HUP
    fi
    install() {
        # shellcheck disable=SC2086  # a list of words
        $as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
            apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 $missing >"$1" 2>&1
    }
    log=$(mktemp)
    # A list that is out of date names files that are gone: once more with a fresh one.
    install "$log" || { fetch_lists; install "$log"; } || { cat "$log" >&2; die 'apt-get install failed'; }
    rm -f "$log"
    if [ -d /run/systemd/system ]; then
        for package in $missing; do
            for unit in $(dpkg-query -L "$package" | sed -n 's,.*/systemd/system/\([^/@]*\.\(service\|socket\)\)$,\1,p'); do
                $as_root systemctl -q disable "$unit" 2>/dev/null || true
            done
        done
    fi
fi

for package in $unpack; do
    printf 'unpacking: %s\n' "$package"
    mkdir -p "$cache"
    target=$(CDPATH='' cd -- "$cache" && pwd)/$package
    scratch=$(mktemp -d)
    (cd "$scratch" && apt-get -qq download "$package") ||
        { fetch_lists; (cd "$scratch" && apt-get -qq download "$package"); } ||
        die "cannot download $package"
    rm -rf "$target"
    dpkg-deb -x "$scratch"/*.deb "$target"
    rm -rf "$scratch"
    : >"$target/.complete"
done
