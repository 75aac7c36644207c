#!/usr/bin/env bash
# Runs tests with the kernel and the systemd of other distributions, each in a machine of its own under qemu: jammy and noble (Ubuntu 22.04 and 24.04),
# bookworm and trixie (Debian 12 and 13). As root, on an x86-64 Debian machine with the SDK. Without KVM everything takes some ten times as long.
#   sudo apt-get install mmdebstrap qemu-system-x86       # Ubuntu's keys: its package ubuntu-keyring, or UBUNTU_KEYRING=FILE
#   sudo tests/distributions.sh jammy trixie              # what goes by kernel and systemd most
#   sudo tests/distributions.sh noble -- -class MpibAgent.AcceptanceTests.BootTests       # a choice of the acceptance tests
# ACCELERATOR=kvm where there is one. In so slow a machine a test may run out of its time; all else that fails is a finding.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
keyring=${UBUNTU_KEYRING:-/usr/share/keyrings/ubuntu-archive-keyring.gpg}

names=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    names+=("$1")
    shift
done
[ $# = 0 ] || shift
if [ ${#names[@]} = 0 ]; then
    sed -n '2,7s/^# \{0,1\}//p' tests/distributions.sh
    exit 2
fi

case " ${names[*]} " in
    *' jammy '* | *' noble '*)
        if [ ! -r "$keyring" ]; then
            echo "distributions.sh: Ubuntu's keys are not in $keyring; take them from Ubuntu's package ubuntu-keyring, and name the file in UBUNTU_KEYRING" >&2
            exit 1
        fi
        ;;
esac

if [ $# = 0 ]; then
    for class in Boot Control Hardening Journal OperatorsDay ProcessesOverRestart Restart Stop Upgrade Watchdog WithoutSocketUnits; do
        set -- "$@" -class "MpibAgent.AcceptanceTests.${class}Tests"
    done
fi

tests=$*

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build tests/MpibAgent.AcceptanceTests -v quiet
mkdir "$work/built"
deploy/install.sh --build-only "$work/built/mpib-agent"

# What the acceptance tests need, and a kernel.
packages=$(sed -n 's/^    curl /curl /p' tests/MpibAgent.AcceptanceTests/install-prerequisites.sh | tr ' ' ,),kmod,udev,initramfs-tools

make_root() {
    case $1 in
        jammy | noble)
            # 9p is among the extra modules of the one, and of the other's own.
            mmdebstrap --quiet --variant=important --keyring="$keyring" --include="$packages,linux-image-virtual,?name(^linux-modules-extra-.*-generic\$),?name(^libicu..\$)" \
                "$1" "$2" "deb [signed-by=$keyring] http://archive.ubuntu.com/ubuntu $1 main universe" ;;
        *) mmdebstrap --quiet --variant=important --include="$packages,linux-image-amd64,?name(^libicu..\$)" "$1" "$2" ;;
    esac
}

# The machine has this one's files at /host, for the SDK and the checkout, and runs the tests as soon as it is up.
add_job() {
    echo '/dev/vda / ext4 defaults 0 1' >"$1/etc/fstab"
    mkdir -p "$1/etc/systemd/system/multi-user.target.wants"
    ln -s ../job.service "$1/etc/systemd/system/multi-user.target.wants/job.service"
    cat >"$1/etc/systemd/system/job.service" <<END
[Unit]
After=multi-user.target
DefaultDependencies=no

[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/bash /job
ExecStopPost=systemctl poweroff
StandardOutput=tty
TTYPath=/dev/ttyS1
END
    cat >"$1/job" <<END
modprobe -a 9p 9pnet_virtio overlay
mkdir -p /host /layer "$checkout" /usr/share/dotnet
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,ro,cache=loose host /host
mount -t tmpfs tmpfs /layer
mkdir /layer/upper /layer/work
mount -t overlay -o "lowerdir=/host$checkout,upperdir=/layer/upper,workdir=/layer/work" overlay "$checkout"
mount --bind "/host$(dirname "$(readlink -f "$(command -v dotnet)")")" /usr/share/dotnet
ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet
cp -r "/host$work/built" /built
export MPIB_PREBUILT=/built/mpib-agent MPIB_REQUIRE_ACCEPTANCE=1 HOME=/root
uname -r
systemctl --version | head -n 1
"$checkout/tests/MpibAgent.AcceptanceTests/bin/Debug/net10.0/MpibAgent.AcceptanceTests" -noColor -reporter verbose $tests
END
}

status=0
for name in "${names[@]}"; do
    echo "== $name"
    root=$work/$name
    make_root "$name" "$root"
    add_job "$root"
    kernel=$(find "$root/boot" -name 'vmlinuz-*' | sort -V | tail -n 1)
    truncate -s 8G "$work/$name.img"
    mke2fs -q -t ext4 -d "$root" "$work/$name.img"
    qemu-system-x86_64 -accel "${ACCELERATOR:-tcg,thread=multi}" -cpu max -smp "$(nproc)" -m 6000 -display none -monitor none -nic none -no-reboot \
        -serial file:"$work/$name.console" -serial file:"$work/$name.log" -drive file="$work/$name.img,format=raw,if=virtio,cache=unsafe" \
        -virtfs local,path=/,mount_tag=host,security_model=none,multidevs=remap,readonly=on \
        -kernel "$kernel" -initrd "${kernel/vmlinuz/initrd.img}" -append 'root=/dev/vda rw console=ttyS0' </dev/null
    tr -d '\r' <"$work/$name.log" | grep -v -E '\[(STARTING|FINISHED)\]' || echo "it did not come to the tests"
    grep -q 'Total: [1-9].*Errors: 0, Failed: 0' "$work/$name.log" || status=1
    rm -rf "$root" "$work/$name.img"
done
exit $status
