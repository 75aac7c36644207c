#!/usr/bin/env bash
# Runs the unit and interop tests, and the programs that they start, as arm64 programs under qemu-user, on an x86-64 Debian machine. Takes about a quarter of an hour.
# It shows that structs, constants, calls and native code are right on arm64; it does not exercise arm64's memory order, since the emulator runs on x86.
#   sudo apt-get install qemu-user qemu-user-binfmt clang lld gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross
#   sudo tests/arm64.sh
#   sudo tests/arm64.sh -namespace MpibAgent.Tests.Registration      # or another choice of the tests
# Tests that start programs of this machine's own architecture as peers work too: peers are processes, whatever they are made of.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
    echo 'arm64.sh: this kernel does not start arm64 programs; run: systemctl restart systemd-binfmt' >&2
    echo '  (without systemd: mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; cat /usr/lib/binfmt.d/qemu-aarch64.conf >/proc/sys/fs/binfmt_misc/register)' >&2
    exit 1
fi

work=$(mktemp -d)
chmod 0755 "$work" # programs of other users, too
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root" "$work/lists" "$work/lists/partial" "$work/cache"

# The test runner hashes names with OpenSSL, and the agent signs with it: arm64's, fetched without making this machine multi-architecture.
apt=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
apt-get "${apt[@]}" -qq update
(cd "$work" && apt-get "${apt[@]}" -qq download libssl3)
dpkg -x "$work"/libssl3_*.deb "$work/ssl"
cp -r /usr/aarch64-linux-gnu/lib "$root/lib"
cp "$work"/ssl/usr/lib/aarch64-linux-gnu/*.so* "$root/lib/"

# The programs as they are shipped, native: a runtime that compiles at each start takes an emulator for ever.
dotnet publish tests/MpibAgent.Tests -c Release -r linux-arm64 --self-contained --artifacts-path "$work/artifacts" -o "$work/out" -v quiet
deploy/install.sh --build-only "$work/out/mpib-agent" --runtime linux-arm64

# Not under emulation. qemu-user 7.2 does not pass a message on that has descriptors and no payload, and says it did; it knows neither SO_PASSRIGHTS nor what
# comes with SO_RXQ_OVFL; what is started without the environment does not find arm64's libraries; and policy-replay is not shipped.
tests=MpibAgent.Tests
export QEMU_LD_PREFIX=$root DOTNET_EnableWriteXorExecute=0
"$work/out/MpibAgent.Tests" -noColor "$@" \
    -method- $tests.Logging.JournaldSinkTests.An_entry_too_large_for_a_datagram_arrives_as_a_sealed_file \
    -method- $tests.Exporter.ScrapeTests.Descriptors_sent_along_are_refused_since_their_close_may_wait \
    -method- $tests.Telemetry.TelemetryListenerTests.Good_reports_that_the_kernel_dropped_are_told \
    -method- $tests.Exporter.ListenTests.Who_is_connected_keeps_it_from_ending \
    -method- $tests.Exporter.ListenTests.It_serves_at_a_socket_of_systemds_and_ends_when_nobody_asks \
    -method- $tests.Exporter.ListenTests.Beside_a_socket_unit_an_address_is_refused \
    -class- $tests.Simulator.ReplayProgramTests
