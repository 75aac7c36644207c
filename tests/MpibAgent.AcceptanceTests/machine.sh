#!/bin/sh
# Boots a systemd of its own in a container whose files are this machine's own, under a layer that is thrown away,
# and ends with its standard input, so with the process that started it, however that one ends. Started as
#
#     unshare --mount --propagation private --pid --fork --kill-child --mount-proc sh machine.sh NAME
#
# so that nothing outlives it: the end of this script, process 1 of a pid namespace, ends everything in the
# container, and the end of the last of them takes the mounts along. No file of this machine is written.
# The container's console is the standard output.
set -eu

name=$1

# A control group of its own: two containers in one group would end each other's services.
v1=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)
v2=$(sed -n 's/^0:://p' /proc/self/cgroup)
set -- ${v1:+"/sys/fs/cgroup/systemd$v1"}
if [ -n "$v1" ] && [ -d /sys/fs/cgroup/unified ]; then
    set -- "$@" "/sys/fs/cgroup/unified$v2"
elif [ -z "$v1" ]; then
    set -- "/sys/fs/cgroup$v2"
fi
# And one below which systemd can limit the memory of services.
memory=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
if [ -w "$memory/cgroup.procs" ]; then
    set -- "$@" "$memory"
fi
for parent; do
    mkdir "$parent/$name"
    echo $$ >"$parent/$name/cgroup.procs"
done

# /run is where everything lives: nspawn wants to write there, and a layer must not lie in the layer below it.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/nspawn /run/machine/upper /run/machine/work /run/machine/root
root=/run/machine/root
mount -t overlay overlay -o lowerdir=/,upperdir=/run/machine/upper,workdir=/run/machine/work "$root"

# A new machine: an identity of its own, nothing of what this machine runs (databases, timers, mounts), and no trace
# of an agent that may be installed here.
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
rm -rf "$root/etc/fstab" "$root/etc/systemd/system" "$root/etc/cron.d" "$root/var/log/journal" \
    "$root/etc/mpib" "$root/usr/sbin/mpib-agent" "$root/usr/sbin/mpib-exporter" "$root/usr/bin/mpibctl" "$root"/usr/lib/systemd/system/mpib-* \
    "$root"/usr/lib/sysusers.d/mpib-* "$root"/usr/lib/tmpfiles.d/mpib-* "$root"/usr/lib/systemd/catalog/mpib-* \
    "$root"/usr/share/man/man?/mpib-* "$root"/usr/share/*/mpib-agent "$root/usr/share/bash-completion/completions/mpib-agent"
# Images of containers have one that keeps packages from starting services.
rm -f "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/etc/systemd/system"

# What makes units of disks, terminals and scripts of old is run at every reload of systemd, and finds none of them here.
mkdir -p "$root/etc/systemd/system-generators"
for generator in "$root"/usr/lib/systemd/system-generators/*; do
    ln -sf /dev/null "$root/etc/systemd/system-generators/${generator##*/}"
done

# Nor does anybody search the manual: mandb(8) would read all of it anew for every package that comes or goes.
rm -f "$root/var/lib/man-db/auto-update"

# A test that logs a flood must not take the lines from the one that comes after it.
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/tests.conf"

# Once more each time that the machine reboots (133).
boot() {
    until systemd-nspawn --directory="$root" --register=no --keep-unit --private-network --boot --machine="$name" \
        --console=read-only </dev/null; do
        [ $? = 133 ] || break
    done
}
boot &
boot=$!

# Nobody writes to the standard input: it ends when the starting process does, or wants this to end.
cat >/dev/null

# What the kernel does not take along with this process: the control groups, empty once the container is gone.
read -r nspawn _ <"/proc/$boot/task/$boot/children" || :
kill -KILL "$boot"
if [ -n "$nspawn" ]; then
    read -r init _ <"/proc/$nspawn/task/$nspawn/children" || :
    kill -KILL "${init:-$nspawn}" "$nspawn" || :
fi
for parent; do
    echo $$ >"$parent/cgroup.procs"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        find "$parent/$name" -depth -type d -exec rmdir {} + 2>/dev/null && break
        sleep 0.1
    done
done
