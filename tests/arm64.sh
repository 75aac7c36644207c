#!/usr/bin/env bash
# Runs the unit and interop tests as an arm64 program under qemu-user, on an x86-64 Debian machine. Takes about two minutes. It shows that structs,
# constants and calls are right on arm64; it does not exercise arm64's memory order, since the emulator runs on x86.
#   sudo apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross
# Tests that start programs of this machine's own architecture as peers work too: peers are processes, whatever they are made of.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root" "$work/lists" "$work/lists/partial" "$work/cache"

# The test runner hashes names with OpenSSL: arm64's, fetched without making this machine multi-architecture.
apt=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
apt-get "${apt[@]}" -qq update
(cd "$work" && apt-get "${apt[@]}" -qq download libssl3)
dpkg -x "$work"/libssl3_*.deb "$work/ssl"
cp -r /usr/aarch64-linux-gnu/lib "$root/lib"
cp "$work"/ssl/usr/lib/aarch64-linux-gnu/*.so* "$root/lib/"

dotnet publish tests/MpibAgent.Tests -c Release -r linux-arm64 --self-contained --artifacts-path "$work/artifacts" -o "$work/out" -v quiet

# Not under emulation: qemu-user 7.2 does not pass a message on that has descriptors and no payload, and says it did.
DOTNET_EnableWriteXorExecute=0 qemu-aarch64 -L "$root" "$work/out/MpibAgent.Tests" -noColor \
    -method- 'MpibAgent.Tests.Logging.JournaldSinkTests.An_entry_too_large_for_a_datagram_arrives_as_a_sealed_file'
