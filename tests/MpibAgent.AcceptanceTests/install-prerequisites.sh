#!/bin/sh
# Installs what these tests need beside the .NET SDK: systemd in a container, gcc for the agent and its test clients, ip and tc for the rails.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends \
    curl dbus gcc iproute2 libc6-dev lintian mandoc mount passwd python3-minimal shellcheck systemd systemd-container systemd-sysv util-linux xxd
