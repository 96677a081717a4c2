#!/bin/sh
# Makes a root the whole world of a command: private mounts, /proc, /dev, /run and /tmp, no control groups, its own name.
# In fresh mount, pid and uts namespaces: tests/bare/enter.sh ROOT COMMAND...
set -eu
root=$1
shift
mount --make-rprivate /
cd "$root"
mount -t proc proc proc
mount -t tmpfs -o mode=0755 dev dev
for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=0755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mount -t sysfs -o ro sysfs sys
hostname bare
mkdir -p .outside
pivot_root . .outside
cd /
umount -l .outside
rmdir .outside
exec "$@"
