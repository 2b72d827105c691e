#!/bin/bash
# verify.sh [--yes] [--dry-run] [--program HOSTNFSD]: what of hostnfsd holds on a real Mac.
#
# Brings up the system's nfsd with a scratch export, an sshd of its own on loopback as the gateway and
# hostnfsd between them; mounts with mount_nfs on the forwarded ports; installs the launchd agent and
# removes it. Puts back /etc/exports byte for byte, in whatever way it ends. Prints a table of the
# facts that hostnfsd relies on, and exits 1 if one did not hold.
#
# Bash 3.2, which is what macOS has. ETC, SHARED and SSHD name others than /etc, /Users/Shared and
# /usr/sbin/sshd, for its own test.
# shellcheck disable=SC2317  # functions are called by trap, and by their names
set -u

yes='' dry='' program=hostnfsd
while [ $# -gt 0 ]; do
    case $1 in
        --yes) yes=yes ;;
        --dry-run) dry=yes ;;
        --program)
            program=$2
            shift
            ;;
        *)
            echo "usage: verify.sh [--yes] [--dry-run] [--program HOSTNFSD]" >&2
            exit 64
            ;;
    esac
    shift
done
program=$(command -v "$program") || {
    echo 'verify.sh: no such program: name it with --program' >&2
    exit 66
}
case $program in
    /*) ;;
    *) program=$PWD/$program ;;
esac

etc=${ETC:-/etc}
exports=$etc/exports
python=${PYTHON:-python3}
ssh_port=12022 rpcbind_port=12111 nfs_port=12049 mountd_port=12048
agent=io.github.hostnfsd
log=$HOME/Library/Logs/hostnfsd.log

cat <<PLAN
This will, on this Mac:
  export a scratch folder below /Users/Shared to this machine itself: one line more in $exports
  have nfsd read it: sudo nfsd update, or enable (sudo asks for your password)
  run an sshd of its own on 127.0.0.1:$ssh_port, with keys of its own
  run hostnfsd between them, mount with mount_nfs on ports $nfs_port and $mountd_port, read and write
  install hostnfsd's launchd agent with that configuration, end it once, and uninstall it
  put $exports back byte for byte, and nfsd as it was
PLAN
[ -z "$dry" ] || exit 0
if [ -z "$yes" ]; then
    printf 'Go on? [y/N] '
    read -r answer
    [ "$answer" = y ] || exit 1
fi
[ "$(uname)" = Darwin ] || {
    echo 'verify.sh: this is no Mac' >&2
    exit 69
}
if launchctl print "gui/$(id -u)/$agent" >/dev/null 2>&1; then
    echo "verify.sh: an agent $agent is installed already: hostnfsd uninstall, and install it again afterwards" >&2
    exit 75
fi

# -- what is there, and how it comes back --------------------------------------------------------
scratch=$(mktemp -d /tmp/hostnfsd-verify.XXXXXX) || exit 73
share=$(mktemp -d "${SHARED:-/Users/Shared}/hostnfsd-verify.XXXXXX") || exit 73
mounted=$scratch/mnt
sshd_pid='' daemon_pid='' table=$scratch/table failed=0
: >"$table"

put_back() { # by rename: nfsd exits when its exports file vanishes
    if [ -e "$scratch/kept" ]; then
        sudo cp -p "$scratch/kept" "$exports.hostnfsd-verify" && sudo mv "$exports.hostnfsd-verify" "$exports"
        cmp -s "$scratch/kept" "$exports"
    else
        sudo rm -f "$exports"
    fi
}

restore() {
    trap - EXIT INT TERM
    sudo umount -f "$mounted" 2>/dev/null
    [ -z "$daemon_pid" ] || kill "$daemon_pid" 2>/dev/null
    "$program" uninstall >/dev/null 2>&1
    [ -z "$sshd_pid" ] || kill "$sshd_pid" 2>/dev/null
    [ -n "$enabled" ] || sudo nfsd disable
    put_back || echo "verify.sh: $exports differs; the original is $scratch/kept" >&2
    [ -z "$enabled" ] || sudo nfsd update
    if [ -e "$log.verify" ]; then
        [ ! -e "$log" ] || cat "$log" >>"$log.verify"
        mv "$log.verify" "$log"
    fi
    rm -rf "$share"
    if [ ! -e "$scratch/kept" ] || cmp -s "$scratch/kept" "$exports"; then
        rm -rf "$scratch"
    fi
}

case $(nfsd status 2>/dev/null) in
    # Its exit status has meant two things over time.
    *'service is enabled'*) enabled=yes ;;
    *) enabled='' ;;
esac
[ ! -e "$exports" ] || sudo cp -p "$exports" "$scratch/kept" || exit 73
trap restore EXIT
trap 'exit 130' INT TERM

# -- the table -------------------------------------------------------------------------------------
fact() { # SENTENCE COMMAND…: whether the command succeeds
    local sentence=$1 told
    shift
    if told=$("$@" 2>&1); then
        printf 'held     %s\n' "$sentence" >>"$table"
    else
        failed=1
        printf 'NOT HELD %s\n' "$sentence" >>"$table"
        printf '%s\n' "$told" | head -5 | sed 's/^/           /' >>"$table"
    fi
}

await() { # SECONDS COMMAND…
    local left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 1
    done
}

# -- host, gateway, hostnfsd -----------------------------------------------------------------------
echo 'told through the tunnel' >"$share/told"
{
    [ ! -e "$exports" ] || cat "$exports"
    echo "$share -mapall=$(id -u):$(id -g) localhost"
} >"$scratch/exports"
fact 'nfsd checkexports accepts the export' sudo nfsd -F "$scratch/exports" checkexports
sudo cp "$scratch/exports" "$exports.hostnfsd-verify" && sudo mv "$exports.hostnfsd-verify" "$exports"
if [ -n "$enabled" ]; then sudo nfsd update; else sudo nfsd enable; fi

registered() { rpcinfo -p 127.0.0.1 | awk -v program="$1" -v version="$2" '$1 == program && $2 == version && $3 == "tcp"' | grep -q .; }
await 20 registered 100003 3
fact 'nfsd registers NFS version 3 over TCP' registered 100003 3
fact 'nfsd registers mountd version 3 over TCP' registered 100005 3
not_registered() { ! registered "$@"; }
fact 'nfsd has no NFS version 4' not_registered 100003 4

ssh-keygen -q -t ed25519 -N '' -f "$scratch/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$scratch/id"
cp "$scratch/id.pub" "$scratch/authorized_keys"
cat >"$scratch/sshd_config" <<SSHD
Port $ssh_port
ListenAddress 127.0.0.1
HostKey $scratch/host_key
AuthorizedKeysFile $scratch/authorized_keys
PidFile none
UsePAM no
StrictModes no
GatewayPorts clientspecified
AllowTcpForwarding yes
SSHD
"${SSHD:-/usr/sbin/sshd}" -D -e -f "$scratch/sshd_config" 2>"$scratch/sshd.log" &
sshd_pid=$!

cat >"$scratch/hostnfsd.toml" <<TOML
[gateway.verify]
host = "127.0.0.1"
port = $ssh_port
user = "$(id -un)"
identity_files = ["$scratch/id"]
known_hosts = "$scratch/known_hosts"
host_key_policy = "accept-new"
ssh_config = "none"
listen = "127.0.0.1"
client_address = "127.0.0.1"
[services]
rpcbind = $rpcbind_port
nfs = $nfs_port
mountd = $mountd_port
nlockmgr = false
status = false
rquotad = false
TOML
configured() { "$program" --config "$scratch/hostnfsd.toml" "$@"; }
fact 'hostnfsd check finds the configuration and the exports good' configured check
"$program" --config "$scratch/hostnfsd.toml" run >"$scratch/hostnfsd.log" 2>&1 &
daemon_pid=$!
await 60 configured status
fact 'all services are served through the tunnel within a minute' configured status

# -- a client --------------------------------------------------------------------------------------
mkdir "$mounted"
options=vers=3,tcp,port=$nfs_port,mountport=$mountd_port,nolocks,soft,timeo=50,retrans=2
fact 'mount_nfs mounts on the forwarded ports' \
    sudo mount_nfs -o "$options" "127.0.0.1:$share" "$mounted"
fact 'what the host wrote is read through the tunnel' cmp "$share/told" "$mounted/told"
fact 'what a client writes arrives on the host' \
    sh -c "echo back >'$mounted/back' && cmp '$mounted/back' '$share/back'"
counted() { nfsstat -f JSON -e | "$python" -c 'import json, sys; sys.exit(not any(path.endswith(sys.argv[1]) and row["Read Bytes"] and row["Write Bytes"] for path, row in json.load(sys.stdin)["Exported Directory Info"].items()))' "$share"; }
fact 'nfsstat tells what clients read and wrote there' counted
kept_awake() { holder=$(pgrep -P "$daemon_pid" -x caffeinate) && pmset -g assertions | grep -q 'caffeinate.*PreventUserIdleSystemSleep'; }
await 15 kept_awake
fact 'a client that works keeps this Mac awake, by caffeinate' kept_awake
fact 'it is unmounted' sudo umount "$mounted"

# -- launchd ---------------------------------------------------------------------------------------
kill "$daemon_pid" && wait "$daemon_pid"
fact 'SIGTERM ends the daemon with status 0' test $? = 0
let_go() { ! kill -0 "$holder"; }
fact 'and caffeinate with it' let_go
daemon_pid=''
planned() { configured install --dry-run | sed -n 's/^    //p' | sed -n '/<?xml/,/<\/plist>/p' | plutil -lint -; }
fact 'plutil accepts the property list' planned
fact 'hostnfsd install loads the agent' configured install
running() { launchctl print "gui/$(id -u)/$agent" | grep -q 'state = running'; }
await 20 running
fact 'launchd runs it' running
await 60 configured status
fact 'it serves as an agent, too' configured status
fact 'launchctl kill SIGHUP reloads it' launchctl kill SIGHUP "gui/$(id -u)/$agent"
reloaded() { grep -q config_reloaded "$log"; }
await 10 reloaded
fact 'its log tells of the reload' reloaded
mv "$log" "$log.verify" && launchctl kill SIGHUP "gui/$(id -u)/$agent"
await 10 test -s "$log"
fact 'a log that was renamed is followed' test -s "$log"
launchctl kill SIGKILL "gui/$(id -u)/$agent"
await 30 running
fact 'launchd starts it anew after SIGKILL' running
fact 'hostnfsd uninstall removes it' configured uninstall

# -- what the code takes for granted ---------------------------------------------------------------
fact 'the clocks differ by the time asleep (CLOCK_UPTIME_RAW)' \
    "$python" -c 'import time; time.clock_gettime(time.CLOCK_UPTIME_RAW)'
fact 'a descriptor knows its path (F_GETPATH)' \
    "$python" -c 'import fcntl, tempfile; f = tempfile.NamedTemporaryFile(); assert f.name.encode() in fcntl.fcntl(f, fcntl.F_GETPATH, bytes(1024))'
fact 'an ordinary user may bind a port below 1024 at all addresses' \
    "$python" -c 'import socket; socket.socket().bind(("", 1011))'
fact 'and not at 127.0.0.1 alone' \
    sh -c "! $python -c 'import socket; socket.socket().bind((\"127.0.0.1\", 1012))'"

echo
echo "macOS $(sw_vers -productVersion) ($(sw_vers -buildVersion), $(uname -m)), $(date -u +%Y-%m-%d), $("$program" --version)"
cat "$table"
exit "$failed"
