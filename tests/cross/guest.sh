#!/bin/sh
# The first process of a machine that runs tests and goes: what `list` names, a command a line behind its name (run.sh arm64-16k).
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts none /dev/pts
ifconfig lo up
dmesg -n 1
ulimit -n 1024

echo "Linux $(uname -r) on $(uname -m), pages of $(sed -n 's/^KernelPageSize: *//p' /proc/self/smaps | head -n 1)"
passed=0
failed=0
cd /tmp || exit
while read -r name command; do
    began=$(cut -d . -f 1 /proc/uptime)
    if timeout -s KILL 2400 sh -c "$command" >/log 2>&1; then
        passed=$((passed + 1))
        verdict=ok
    else
        failed=$((failed + 1))
        verdict=FAILED
    fi
    echo "$name $verdict ($(($(cut -d . -f 1 /proc/uptime) - began)) s)"
    [ $verdict = ok ] || sed 's/^/    | /' /log
done </list
echo "in the machine: $passed passed, $failed failed"
poweroff -f
