#!/bin/sh
# Process 1 of the kernel client. Its root is the machine's own, read-only, through hostfs.
# Started by tests/bed/kernel.py with its settings on the kernel's command line; never by hand.
# shellcheck disable=SC2154  # bed_*: set from the command line
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
[ "$$" = 1 ] || exit 1
mount -t proc proc /proc
grep -q 'User Mode Linux' /proc/cpuinfo || { echo 'this is no User Mode Linux'; exit 1; }
# shellcheck disable=SC2013  # words are meant
for word in $(cat /proc/cmdline); do
    case $word in bed_*=*) eval "$word" ;; esac
done
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt
mkdir -p /dev/pts /dev/shm /run/mount /mnt/nfs /mnt/nfs2 /mnt/share
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t hostfs -o "$bed_share" none /mnt/share
modprobe -d "$bed_modules" -a ipv6 sunrpc nfs nfsv3 nfsv4 || echo "modprobe failed: $?"
ip link set lo up
ip address add "$bed_address" dev vec0
ip link set vec0 up
ip address add "$bed_address_v6" dev vec0 nodad
exec sh "$bed_agent" /dev/ttyS0
