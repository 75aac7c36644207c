#!/bin/sh
# Installs the MPIB Transport Agent under systemd, upgrades it, or takes it away again; see --help.
set -eu
umask 022
# What an operator's shell may have, or lack.
unset CDPATH
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

usage() {
    cat <<'END'
Usage: install.sh [--prebuilt FILE] [--no-start]         build, install or upgrade, and start
       install.sh --build-only FILE [--runtime RUNTIME]  build the agent as FILE, and nothing else
       install.sh --stage DIRECTORY --prebuilt FILE [--package NAME]
                                                         lay all files out below DIRECTORY, or those of one Debian
                                                         package, and nothing else
       install.sh --uninstall [--purge]                  stop, and remove what was installed

  --prebuilt FILE    install this binary instead of building one (needs neither the .NET SDK nor gcc); further programs
                     lie beside it. In an unpacked tarball it is found by itself
  --no-start         enable the units, and leave starting to the next boot or to systemctl
  --build-only FILE  needs no root; the result goes to other machines with --prebuilt
  --runtime RUNTIME  linux-x64 or linux-arm64; x86-64 builds for both
  --purge            remove the hint region, the user mpib and edited settings as well

Without gcc and clang it builds for the installed .NET runtime instead, and says so.
Can be run again at any time: what is up to date stays, an edited /etc/mpib/agent.conf stays, the agent is restarted
only when something has changed, and jobs go on reading the same hint region. What goes where is listed in "files".
END
}

here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(dirname "$here")

# Beside what is listed in "files":
share=/usr/share/mpib-agent
documents=/usr/share/doc/mpib-agent
service=mpib-agent.service
sockets='mpib-agent.socket mpib-control.socket'
exporter='mpib-exporter.service mpib-exporter.socket'
jit_settings=/usr/lib/systemd/system/mpib-agent.service.d/jit.conf
# What was installed and no agent was restarted for yet; after a boot none runs that is older.
pending=/run/mpib-agent.pending

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

# shellcheck source-path=SCRIPTDIR
. "$here/take-over.sh"

# Calls FUNCTION KIND SOURCE DESTINATION for each file of the list, with a program's project as its source.
each_listed() { # FUNCTION
    while read -r kind source destination; do
        case $kind in
            '' | '#'*) continue ;;
            package) listed_package=$source && continue ;;
        esac
        [ "${package:-$listed_package}" = "$listed_package" ] || continue
        case $kind in
            program)
                "$1" program "$source_tree/$source" "$destination"
                continue
                ;;
        esac
        for file in "$source_tree"/$source; do
            case $destination in
                */) "$1" "$kind" "$file" "$destination${file##*/}" ;;
                *) "$1" "$kind" "$file" "$destination" ;;
            esac
        done
    done <"$here/files"
}

# --- Building -------------------------------------------------------------------------------------------------------

build() { # sets built
    [ -d "$source_tree/src/MpibAgent" ] || fail "there is nothing to build in $source_tree: expected a checkout; an unpacked tarball has the programs at its top"
    case $(uname -m) in
        x86_64) native=linux-x64 ;;
        aarch64) native=linux-arm64 ;;
        *) fail "expected an x86_64 or aarch64 machine, got $(uname -m)" ;;
    esac
    runtime=${runtime:-$native}
    set -- -p:PublishAot=true
    by_jit=no
    missing=''
    command -v dotnet >/dev/null || missing="$missing dotnet-sdk-10.0"
    case $native:$runtime in
        linux-x64:linux-x64 | linux-arm64:linux-arm64)
            if ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
                # Only where it is installed in the same breath: elsewhere there may be no runtime, and the unit's sandbox has to know.
                if [ $mode = install ] && [ -z "$missing" ]; then
                    by_jit=yes
                    set -- -p:PublishSingleFile=true --self-contained false
                    say 'no gcc or clang here: building for the installed .NET runtime, with more memory, a slower start and a weaker sandbox; for the native agent run: apt-get install -y gcc libc6-dev, and this again'
                else
                    missing="$missing gcc libc6-dev"
                fi
            fi
            ;;
        linux-x64:linux-arm64)
            command -v clang >/dev/null || missing="$missing clang"
            command -v ld.lld >/dev/null || missing="$missing lld"
            command -v aarch64-linux-gnu-gcc >/dev/null || missing="$missing gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
            set -- "$@" -p:LinkerFlavor=lld -p:ObjCopyName=aarch64-linux-gnu-objcopy
            ;;
        *) fail "cannot build for $runtime on $native; expected linux-x64 or linux-arm64, and x86-64 to build for the other" ;;
    esac
    [ -z "$missing" ] || fail "to build the agent, the .NET 10 SDK and a compiler are needed; run: apt-get install -y$missing
  (dotnet-sdk-10.0 may need your distribution's or Microsoft's package feed.)
  Or build elsewhere with: install.sh --build-only FILE, and here: install.sh --prebuilt FILE"

    # Everything that comes into being goes here: the source tree may be another user's.
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 1' HUP INT TERM
    say "building for $runtime; this takes a minute"
    publish_words=$*
    each_listed publish
    built=$scratch/out/mpib-agent
}

publish() { # KIND PROJECT DESTINATION
    [ "$1" = program ] && [ -d "$2" ] || return 0
    # shellcheck disable=SC2086 # options
    (cd "$source_tree" && dotnet publish "$2" --configuration Release --runtime "$runtime" $publish_words \
        --artifacts-path "$scratch/artifacts" --output "$scratch/out" --disable-build-servers) \
        </dev/null >"$scratch/log" 2>&1 || {
        cat "$scratch/log" >&2
        fail 'the build failed'
    }
}

# The agent as FILE, and further programs beside it.
keep_built() { # KIND PROJECT DESTINATION
    [ "$1" = program ] || return 0
    if [ "${3##*/}" = mpib-agent ]; then
        put 0755 "$built" "$output"
        say "built $output"
    elif [ -e "$(dirname "$built")/${3##*/}" ]; then
        put 0755 "$(dirname "$built")/${3##*/}" "$(dirname "$output")/${3##*/}"
        say "built $(dirname "$output")/${3##*/}"
    fi
}

# What dpkg has installed is dpkg's: without its files the package could be neither upgraded nor removed.
check_packages() {
    packages=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' mpib-agent mpib-exporter 2>/dev/null |
        sed -nE '/^(not-installed|config-files) /!s/.* / /p' | tr -d '\n') || :
    [ -z "$packages" ] || fail "the Debian package is installed here; upgrade it with apt, or: apt remove$packages"
}

# --- Installing -----------------------------------------------------------------------------------------------------

# Files appear whole or not at all, a running binary's too, by rename.
put() { # MODE SOURCE DESTINATION
    if ! cp "$2" "$3.new" || ! chmod "$1" "$3.new" || ! mv -f "$3.new" "$3"; then
        rm -f "$3.new"
        exit 1
    fi
}

mode_of() { # KIND
    case $1 in
        program | script) echo 0755 ;;
        *) echo 0644 ;;
    esac
}

# Sets changed=yes when it did something, and leaves word of it for a run after this one, should this end before a running agent is restarted.
install_file() { # MODE SOURCE DESTINATION
    if ! cmp -s "$2" "$3"; then
        [ ! -d /run/systemd/system ] || ! systemctl is-active --quiet $service || echo "$3" >>$pending
        mkdir -p "$(dirname "$3")"
        put "$1" "$2" "$3"
        say "installed $3"
        changed=yes
    fi
}

# The copy in $share tells an edited file from one that is as some version shipped it.
install_settings() { # SOURCE DESTINATION
    shipped=$share/${2##*/}
    if [ ! -e "$2" ] || cmp -s "$2" "$shipped"; then
        install_file 0644 "$1" "$2"
    elif ! cmp -s "$1" "$2" && ! cmp -s "$1" "$shipped"; then
        put 0644 "$1" "$2.new"
        say "kept your $2; this version's is beside it as ${2##*/}.new"
    fi
    install_file 0644 "$1" "$shipped"
}

# Where a program was built or put; nothing for one that is not there.
program() { # DESTINATION
    if [ "${1##*/}" = mpib-agent ]; then
        printf %s "$prebuilt"
    elif [ -e "$(dirname "$prebuilt")/${1##*/}" ]; then
        printf %s "$(dirname "$prebuilt")/${1##*/}"
    fi
}

# Before anything is replaced: a binary of another architecture, or no binary, is no agent.
try_program() { # KIND PROJECT DESTINATION
    [ "$1" = program ] && [ -n "$(program "$3")" ] || return 0
    put 0755 "$(program "$3")" "$3.candidate"
    # As the service has it: no variable says where a runtime may lie.
    env -i "$3.candidate" --version >/dev/null || fail "$(program "$3") does not run here"
}

drop_candidate() { # KIND SOURCE DESTINATION
    rm -f "$3.candidate"
}

install_listed() { # KIND SOURCE DESTINATION
    case $1 in
        program)
            [ -e "$3.candidate" ] || return 0
            install_file 0755 "$3.candidate" "$3"
            rm -f "$3.candidate"
            ;;
        socket)
            cmp -s "$2" "$3" || sockets_changed=yes
            install_file 0644 "$2" "$3"
            ;;
        settings) install_settings "$2" "$3" ;;
        document | script)
            [ -e "$2" ] || return 0
            mkdir -p "$(dirname "$3")"
            cmp -s "$2" "$3" || put "$(mode_of "$1")" "$2" "$3"
            ;;
        *) install_file 0644 "$2" "$3" ;;
    esac
}

install_all() {
    [ "$(id -u)" = 0 ] || fail 'expected to be run by root; run: sudo install.sh'
    command -v systemctl >/dev/null || fail 'systemd is not installed here'

    check_packages
    check_region

    if [ -z "$prebuilt" ]; then
        build
        prebuilt=$built
    fi
    # What does not get to its place is not left: a full disk would have it for ever.
    trap 'each_listed drop_candidate; rm -rf "${scratch:-}"' EXIT
    trap 'exit 1' HUP INT TERM
    each_listed try_program

    changed=no
    sockets_changed=no
    # Unless somebody has restarted it since.
    if [ -e $pending ] && [ "$(stat -c %.6Y $pending | tr -dc 0-9)" -gt "$(date -d "$(systemctl show --timestamp=us+utc --value -p ExecMainStartTimestamp $service)" +%s%6N)" ]; then
        changed=yes
        ! grep -q '\.socket$' $pending || sockets_changed=yes
    fi
    each_listed install_listed
    if [ "$by_jit" = yes ]; then
        install_file 0644 "$here/jit.conf" $jit_settings
    elif [ -e $jit_settings ]; then
        drop_jit_settings
        changed=yes
    fi

    systemd-sysusers mpib-agent.conf
    adopt_files
    systemd-tmpfiles --create mpib-agent.conf
    [ $changed = no ] || journalctl --update-catalog

    if [ ! -d /run/systemd/system ]; then
        systemctl enable --quiet $service
        say 'installed and enabled; systemd does not run here, so nothing was started'
        return
    fi
    systemctl daemon-reload
    case $(systemctl is-enabled $service) in
        masked*)
            say "installed; $service is masked, so it is not started; where it runs, the version before goes on"
            return
            ;;
    esac
    systemctl enable --quiet $service
    # Where it is in use.
    # shellcheck disable=SC2086 # two units
    [ $changed = no ] || systemctl try-restart $exporter
    if [ "$start" = no ]; then
        say "installed and enabled; start it with: systemctl $(! systemctl is-active --quiet $service || echo re)start mpib-agent"
        return
    fi
    start_agent
    rm -f $pending
}

drop_jit_settings() {
    rm -f $jit_settings
    [ ! -d "${jit_settings%/*}" ] || rmdir --ignore-fail-on-non-empty "${jit_settings%/*}"
}

stage_listed() { # KIND SOURCE DESTINATION
    if [ "$1" = program ]; then
        set -- "$1" "$(program "$3")" "$3"
        [ -n "$2" ] || return 0
    fi
    mkdir -p "$directory$(dirname "$3")"
    put "$(mode_of "$1")" "$2" "$directory$3"
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
    # An agent that serves goes on, rather than one come that ends at once and closes the sockets. As its user: what root can read, it may not.
    if [ "$action" = restart ] && [ -e /etc/mpib/agent.conf ] && ! runuser -u mpib -- /usr/sbin/mpib-agent --check-config /etc/mpib/agent.conf >/dev/null; then
        fail 'not restarted, the agent before goes on: mend /etc/mpib/agent.conf, and run this again'
    fi
    if ! systemctl "$action" "$@"; then
        journalctl --no-pager --lines=20 --unit=$service >&2 || :
        fail "the agent did not start; see above, or: systemctl status mpib-agent"
    fi
    say "running: $(systemctl show --property=StatusText --value $service)"
}

# --- Uninstalling ---------------------------------------------------------------------------------------------------

remove_listed() { # KIND SOURCE DESTINATION
    case $1 in
        settings)
            settings=$3
            rm -f "$3.new"
            if [ "$purge" = yes ] || cmp -s "$3" "$share/${3##*/}"; then
                rm -f "$3"
            fi
            ;;
        *) rm -f "$3" ;;
    esac
}

uninstall() {
    [ "$(id -u)" = 0 ] || fail 'expected to be run by root; run: sudo install.sh --uninstall'
    check_packages
    # An earlier version, or an install that was cut short, has not all of them.
    units=''
    for unit in $service $sockets $exporter; do
        [ ! -e "/usr/lib/systemd/system/$unit" ] || units="$units $unit"
    done
    if [ -n "$units" ]; then
        if [ -d /run/systemd/system ]; then
            # All at once: either would start the other.
            systemctl daemon-reload
            # shellcheck disable=SC2086 # units
            systemctl stop $units
            # shellcheck disable=SC2086
            systemctl reset-failed $units 2>/dev/null || :
        fi
        # shellcheck disable=SC2086
        systemctl disable --quiet $units
    fi
    each_listed remove_listed
    drop_jit_settings
    journalctl --update-catalog
    [ ! -d /run/systemd/system ] || systemctl daemon-reload

    rm -rf "$share" "$documents" $pending
    rm -f /run/mpib/control
    [ ! -d /etc/mpib ] || rmdir --ignore-fail-on-non-empty /etc/mpib

    [ -h /tmp/mpib ] || rm -f /tmp/mpib/agent.sock /tmp/mpib/agent.lock
    if [ "$purge" = yes ]; then
        rm -rf /tmp/mpib /run/mpib || say 'left: what could not be removed of /tmp/mpib and /run/mpib'
        # Refused while a process runs as this user, or it is another's first group. Its members stay what they are.
        ! getent passwd mpib >/dev/null || userdel mpib || say 'left: user mpib'
        case $(getent group mpib) in
            '') ;;
            *:) groupdel mpib || say 'left: group mpib' ;;
            *) say 'left: group mpib, which has members' ;;
        esac
    fi

    say 'uninstalled'
    [ ! -e "$settings" ] || say "left: $settings, which was edited"
    [ "$purge" = yes ] || [ ! -e /tmp/mpib ] || say "left: /tmp/mpib, which running jobs have mapped, /run/mpib and their user mpib (--purge removes them)"
    set -- /etc/mpib/*
    for unit in "$service" $sockets $exporter; do
        set -- "$@" "/etc/systemd/system/$unit" "/etc/systemd/system/$unit.d"
    done
    for other; do
        [ ! -e "$other" ] || [ "$other" = "$settings" ] || say "left: $other, which this script did not make"
    done
}

# --- The command line -----------------------------------------------------------------------------------------------

mode=install prebuilt='' runtime='' package='' start=yes purge=no by_jit=no
# In a checkout such a file is what --build-only left, who knows when.
[ -d "$source_tree/src/MpibAgent" ] || [ ! -f "$source_tree/mpib-agent" ] || prebuilt=$source_tree/mpib-agent
while [ $# -gt 0 ]; do
    case $1 in
        --prebuilt | --build-only | --stage | --package | --runtime)
            [ $# -gt 1 ] || fail_usage "$1: expected a value"
            case $1 in
                --prebuilt) prebuilt=$2 ;;
                --build-only) mode=build output=$2 ;;
                --stage) mode=stage directory=$2 ;;
                --package) package=$2 ;;
                --runtime) runtime=$2 ;;
            esac
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
[ -z "$package" ] || [ $mode = stage ] || fail_usage '--package goes with --stage'

case $mode in
    build)
        # Before a minute's work, not after it.
        if [ -d "$output" ] || [ ! -d "$(dirname "$output")" ]; then
            fail "--build-only $output: expected a file in a directory that exists"
        fi
        build
        each_listed keep_built
        ;;
    stage)
        [ -n "$prebuilt" ] || fail_usage '--stage goes with --prebuilt'
        each_listed stage_listed
        ;;
    install) install_all ;;
    uninstall) uninstall ;;
esac
