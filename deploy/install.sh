#!/bin/sh
# Installs the MPIB Transport Agent under systemd, upgrades it, or takes it away again; see --help.
set -eu
umask 022

usage() {
    cat <<'END'
Usage: install.sh [--prebuilt FILE] [--no-start]     build, install or upgrade, and start
       install.sh --build-only FILE                  build the agent as FILE and mpibctl beside it, and nothing else
       install.sh --uninstall [--purge]              stop, and remove what was installed

  --prebuilt FILE    install this binary, and the mpibctl beside it, instead of building (needs neither the .NET SDK nor gcc)
  --no-start         enable the units, and leave starting to the next boot or to systemctl
  --build-only FILE  needs no root; the result goes to other machines with --prebuilt
  --purge            remove the hint region, the user mpib and edited settings as well

Can be run again at any time: what is up to date stays, an edited /etc/mpib/agent.conf stays, the agent is restarted
only when something has changed, and jobs go on reading the same hint region.
END
}

here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(dirname "$here")

binary=/usr/sbin/mpib-agent
tool=/usr/bin/mpibctl
unit_directory=/usr/lib/systemd/system
sysusers=/usr/lib/sysusers.d/mpib-agent.conf
tmpfiles=/usr/lib/tmpfiles.d/mpib-agent.conf
settings=/etc/mpib/agent.conf
share=/usr/share/mpib-agent
documents=/usr/share/doc/mpib-agent
region_directory=/tmp/mpib
run_directory=/run/mpib
service=mpib-agent.service
sockets='mpib-agent.socket mpib-control.socket'

say() { printf 'install.sh: %s\n' "$*"; }
fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}
fail_usage() {
    printf 'install.sh: %s\n' "$*" >&2
    usage >&2
    exit 2
}

# --- Building -------------------------------------------------------------------------------------------------------

build() { # sets built
    missing=''
    command -v dotnet >/dev/null || missing="$missing dotnet-sdk-10.0"
    command -v gcc >/dev/null || command -v clang >/dev/null || missing="$missing gcc libc6-dev"
    [ -z "$missing" ] || fail "to build the agent, the .NET 10 SDK and gcc are needed; run: apt-get install -y$missing
  (dotnet-sdk-10.0 may need your distribution's or Microsoft's package feed.)
  Or build elsewhere with: install.sh --build-only FILE, and here: install.sh --prebuilt FILE"

    case $(uname -m) in
        x86_64) runtime=linux-x64 ;;
        aarch64) runtime=linux-arm64 ;;
        *) fail "expected an x86_64 or aarch64 machine, got $(uname -m)" ;;
    esac

    # Everything that comes into being goes here: the source tree may be another user's.
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' HUP INT TERM
    say "building for $runtime; this takes a minute"
    for project in MpibAgent mpibctl; do
        (cd "$source_tree" && dotnet publish "src/$project" --configuration Release --runtime "$runtime" \
            -p:PublishAot=true --artifacts-path "$scratch/artifacts" --output "$scratch/out" --disable-build-servers) \
            >"$scratch/log" 2>&1 || {
            cat "$scratch/log" >&2
            fail 'the build failed'
        }
    done
    built=$scratch/out/mpib-agent
}

# --- Installing -----------------------------------------------------------------------------------------------------

# Files appear whole or not at all, a running binary's too, by rename.
put() { # MODE SOURCE DESTINATION
    cp "$2" "$3.new"
    chmod "$1" "$3.new"
    mv -f "$3.new" "$3"
}

# Sets changed=yes when it did something.
install_file() { # MODE SOURCE DESTINATION
    if ! cmp -s "$2" "$3"; then
        mkdir -p "$(dirname "$3")"
        put "$1" "$2" "$3"
        say "installed $3"
        changed=yes
    fi
}

# The copy in $share tells an edited file from one that is as some version shipped it.
install_settings() {
    if [ ! -e "$settings" ] || cmp -s "$settings" "$share/agent.conf"; then
        install_file 0644 "$here/agent.conf" "$settings"
    elif ! cmp -s "$here/agent.conf" "$settings" && ! cmp -s "$here/agent.conf" "$share/agent.conf"; then
        put 0644 "$here/agent.conf" "$settings.new"
        say "kept your $settings; this version's is beside it as agent.conf.new"
    fi
    install_file 0644 "$here/agent.conf" "$share/agent.conf"
}

install_documents() {
    mkdir -p "$documents/doc/pictures"
    for document in "$source_tree"/README.md "$source_tree"/doc/*.md "$source_tree"/doc/pictures/*.svg; do
        [ ! -e "$document" ] || put 0644 "$document" "$documents/${document#"$source_tree/"}"
    done
}

# The agent does without it, and is not restarted for it.
install_tool() {
    new=$(dirname "$prebuilt")/mpibctl
    if [ -f "$new" ] && ! cmp -s "$new" "$tool"; then
        put 0755 "$new" "$tool"
        say "installed $tool"
    fi
}

# Of a stranger's directory nothing is taken over.
check_region() {
    if [ -h "$region_directory" ] || { [ -e "$region_directory" ] && [ ! -d "$region_directory" ]; }; then
        fail "$region_directory is not a directory; remove it and run this again"
    fi
    [ -d "$region_directory" ] || return 0
    owner=$(stat -c %U "$region_directory")
    case $owner in
        root | mpib) ;;
        *) fail "$region_directory belongs to $owner, not to root or mpib; remove it and run this again" ;;
    esac
}

# An agent that root ran before there was a user mpib has left things of root's. Links are not followed, and the
# directories come last (with tmpfiles.d): while they are root's, nobody can put other files in place.
adopt_files() {
    for directory in "$region_directory" "$run_directory"; do
        [ ! -d "$directory" ] ||
            find "$directory" -mindepth 1 -maxdepth 1 -user root -links 1 \( -type f -o -type s -o -type p \) \
                -exec chown --no-dereference mpib:mpib {} +
    done
}

install_all() {
    [ "$(id -u)" = 0 ] || fail 'expected to be run by root; run: sudo install.sh'
    command -v systemctl >/dev/null || fail 'systemd is not installed here'

    check_region

    if [ -z "$prebuilt" ]; then
        build
        prebuilt=$built
    fi
    # Before anything is replaced: a binary of another architecture, or no binary, is no agent.
    put 0755 "$prebuilt" "$binary.candidate"
    "$binary.candidate" --version >/dev/null || {
        rm -f "$binary.candidate"
        fail "$prebuilt does not run here"
    }
    install_documents

    changed=no
    sockets_changed=no
    install_file 0755 "$binary.candidate" "$binary"
    rm -f "$binary.candidate"
    install_tool
    install_file 0644 "$source_tree/$service" "$unit_directory/$service"
    for socket in $sockets; do
        cmp -s "$here/$socket" "$unit_directory/$socket" || sockets_changed=yes
        install_file 0644 "$here/$socket" "$unit_directory/$socket"
    done
    install_file 0644 "$here/mpib-agent.sysusers" "$sysusers"
    install_file 0644 "$here/mpib-agent.tmpfiles" "$tmpfiles"
    install_settings

    systemd-sysusers mpib-agent.conf
    adopt_files
    systemd-tmpfiles --create mpib-agent.conf

    if [ ! -d /run/systemd/system ]; then
        systemctl enable --quiet $service
        say 'installed and enabled; systemd does not run here, so nothing was started'
        return
    fi
    systemctl daemon-reload
    systemctl enable --quiet $service
    if [ "$start" = no ]; then
        say "installed and enabled; start it with: systemctl start mpib-agent"
        return
    fi
    start_agent
}

start_agent() {
    if ! systemctl is-active --quiet $service; then
        action='start'
        set -- $service
    elif [ $sockets_changed = yes ]; then
        # The sockets close for a moment. They take the service along, down and up again.
        action='restart'
        # shellcheck disable=SC2086 # two units
        set -- $sockets $service
    elif [ $changed = yes ]; then
        # The sockets stay open: what is asked meanwhile waits for the new agent.
        action='restart'
        set -- $service
    else
        say 'nothing has changed; the agent goes on running'
        return
    fi
    if ! systemctl "$action" "$@"; then
        journalctl --no-pager --lines=20 --unit=$service >&2 || :
        fail "the agent did not start; see above, or: systemctl status mpib-agent"
    fi
    say "running: $(systemctl show --property=StatusText --value $service)"
}

# --- Uninstalling ---------------------------------------------------------------------------------------------------

uninstall() {
    [ "$(id -u)" = 0 ] || fail 'expected to be run by root; run: sudo install.sh --uninstall'
    if [ -e "$unit_directory/$service" ]; then
        if [ -d /run/systemd/system ]; then
            # All at once: either would start the other.
            # shellcheck disable=SC2086 # two units
            systemctl stop $service $sockets
            # shellcheck disable=SC2086
            systemctl reset-failed $service $sockets 2>/dev/null || :
        fi
        # shellcheck disable=SC2086
        systemctl disable --quiet $service $sockets
    fi
    rm -f "$binary" "$tool" "$unit_directory/$service" "$sysusers" "$tmpfiles" "$settings.new"
    for socket in $sockets; do
        rm -f "$unit_directory/$socket"
    done
    [ ! -d /run/systemd/system ] || systemctl daemon-reload

    if [ "$purge" = yes ] || cmp -s "$settings" "$share/agent.conf"; then
        rm -f "$settings"
    fi
    rm -rf "$share" "$documents" "$run_directory"
    [ ! -d /etc/mpib ] || rmdir --ignore-fail-on-non-empty /etc/mpib

    [ -h "$region_directory" ] || rm -f "$region_directory/agent.sock" "$region_directory/agent.lock"
    if [ "$purge" = yes ]; then
        rm -rf "$region_directory"
        ! getent passwd mpib >/dev/null || userdel mpib
        ! getent group mpib >/dev/null || groupdel mpib
    fi

    say 'uninstalled'
    [ ! -e "$settings" ] || say "left: $settings, which was edited"
    [ ! -e "$region_directory" ] || say "left: $region_directory, which running jobs have mapped, and its user mpib (--purge removes them)"
    for unit in "$service" $sockets; do
        [ ! -e "/etc/systemd/system/$unit.d" ] || say "left: /etc/systemd/system/$unit.d, which this script did not make"
    done
}

# --- The command line -----------------------------------------------------------------------------------------------

mode=install prebuilt='' start=yes purge=no
while [ $# -gt 0 ]; do
    case $1 in
        --prebuilt | --build-only)
            [ $# -gt 1 ] || fail_usage "$1: expected a file"
            if [ "$1" = --prebuilt ]; then prebuilt=$2; else mode=build output=$2; fi
            shift
            ;;
        --no-start) start=no ;;
        --uninstall) mode=uninstall ;;
        --purge) purge=yes ;;
        --help)
            usage
            exit
            ;;
        *) fail_usage "$1: there is no such option" ;;
    esac
    shift
done
[ $purge = no ] || [ $mode = uninstall ] || fail_usage '--purge goes with --uninstall'

case $mode in
    build)
        build
        put 0755 "$built" "$output"
        put 0755 "$(dirname "$built")/mpibctl" "$(dirname "$output")/mpibctl"
        say "built $output and $(dirname "$output")/mpibctl"
        ;;
    install) install_all ;;
    uninstall) uninstall ;;
esac
