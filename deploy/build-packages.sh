#!/bin/sh
# Builds the Debian packages and a tarball of the agent; see --help. Needs what install.sh needs to build, binutils and dpkg.
set -eu
umask 022
unset CDPATH

usage() {
    cat <<'END'
Usage: build-packages.sh [--prebuilt FILE] [--runtime RUNTIME] [--version VERSION] DIRECTORY

Writes into DIRECTORY mpib-agent_VERSION_ARCHITECTURE.deb, mpib-exporter_VERSION_ARCHITECTURE.deb (an HTTP port for
Prometheus, for who wants one), and mpib-agent-VERSION-RUNTIME.tar.gz, which has all of it. They hold native code and
need no .NET. In the tarball deploy/install.sh installs, upgrades and uninstalls.

  --prebuilt FILE    pack this agent, and the programs beside it, instead of building them
  --runtime RUNTIME  linux-x64 or linux-arm64; x86-64 builds for both
  --version VERSION  of the packages, in place of that of src/Directory.Build.props; what the programs say of themselves
                     (--version, status, metrics) is the latter
END
}

fail() {
    printf 'build-packages.sh: %s\n' "$*" >&2
    exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(dirname "$here")
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' "$source_tree/src/Directory.Build.props")
prebuilt='' output=''
case $(uname -m) in
    aarch64) runtime=linux-arm64 ;;
    *) runtime=linux-x64 ;;
esac
while [ $# -gt 0 ]; do
    case $1 in
        --prebuilt | --runtime | --version) [ $# -gt 1 ] || fail "$1: expected a value; see --help" ;;
    esac
    case $1 in
        --prebuilt) prebuilt=$2 && shift ;;
        --runtime) runtime=$2 && shift ;;
        --version) version=$2 && shift ;;
        --help) usage && exit ;;
        -*) fail "$1: there is no such option; see --help" ;;
        *) output=$1 ;;
    esac
    shift
done
[ -n "$output" ] || fail 'expected a directory for the packages; see --help'
case $runtime in
    linux-x64) architecture=amd64 ;;
    linux-arm64) architecture=arm64 ;;
    *) fail "expected linux-x64 or linux-arm64, got $runtime" ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# The same sources make the same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$source_tree" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

if [ -z "$prebuilt" ]; then
    mkdir "$scratch/built"
    prebuilt=$scratch/built/mpib-agent
    "$here/install.sh" --build-only "$prebuilt" --runtime "$runtime"
fi

# --- The Debian packages --------------------------------------------------------------------------------------------

pack() { # NAME, DIRECTORY of what is its own
    root=$scratch/$1
    "$here/install.sh" --stage "$root" --package "$1" --prebuilt "$prebuilt"
    documents=$root/usr/share/doc/$1
    mkdir -p "$documents"
    cp "$here/debian/copyright" "$documents/"
    cat >"$documents/changelog" <<END
$1 ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' "$2/control")  $(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END
    cp "$source_tree/CHANGELOG.md" "$documents/"
    gzip -9n "$documents/changelog" "$root"/usr/share/man/man*/*
    if [ -e "$2/lintian-overrides" ]; then
        mkdir -p "$root/usr/share/lintian/overrides"
        cp "$2/lintian-overrides" "$root/usr/share/lintian/overrides/$1"
    fi
    find "$root/usr/share" -type f ! -name '*.sh' -exec chmod 0644 {} +

    # What the programs need of the system: nothing but glibc, and of that the newest symbol that they use.
    programs=$(cd "$scratch" && find "$1/usr/sbin" "$1/usr/bin" -type f 2>/dev/null) || :
    [ -n "$programs" ] || fail "there is no program for $1 beside $prebuilt"
    # shellcheck disable=SC2086 # paths of ours, below $scratch, whose own may have blanks
    needed=$(cd "$scratch" && LC_ALL=C readelf --dynamic $programs | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|libdl|libpthread|librt|ld-linux-.*)\.so') || :
    [ -z "$needed" ] || fail "the programs need $needed, and debian/control does not say so"
    # shellcheck disable=SC2086
    glibc=$(cd "$scratch" && LC_ALL=C readelf --version-info $programs | grep -o 'GLIBC_2\.[0-9.]*' | sort --version-sort --unique | tail -n 1)

    mkdir "$root/DEBIAN"
    [ ! -d "$root/etc" ] || (cd "$root" && find etc -type f -printf '/%p\n') >"$root/DEBIAN/conffiles"
    (cd "$root" && find usr -type f -print0 | LC_ALL=C sort --zero-terminated | xargs --null md5sum) >"$root/DEBIAN/md5sums"
    sed -e "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@GLIBC@/${glibc#GLIBC_}/" \
        -e "s/@SIZE@/$(du --apparent-size --block-size=1024 --summarize "$root" | cut -f 1)/" \
        "$2/control" >"$root/DEBIAN/control"
    for script in preinst postinst prerm postrm; do
        [ -e "$2/$script" ] || continue
        sed -e "/@TAKE_OVER@/{r $here/take-over.sh" -e 'd}' "$2/$script" >"$root/DEBIAN/$script"
        chmod 0755 "$root/DEBIAN/$script"
    done
    dpkg-deb -Zxz --root-owner-group --build "$root" "$output/$1_${version}_$architecture.deb"
    all_programs="${all_programs:-} $programs"
}

mkdir -p "$output"
pack mpib-agent "$here/debian"
pack mpib-exporter "$here/debian/mpib-exporter"

# --- The tarball: of this tree what install.sh needs, and the programs ----------------------------------------------

name=mpib-agent-$version-$runtime
tree=$scratch/$name
mkdir "$tree"
# shellcheck disable=SC2046 # patterns of the list
(cd "$source_tree" && cp --parents $(awk '$1 ~ /^(file|socket|settings|document|script)$/ { print $2 }' deploy/files) \
    deploy/files deploy/install.sh deploy/take-over.sh CHANGELOG.md "$tree")
for program in $all_programs; do
    cp "$scratch/$program" "$tree/"
done
cat >"$tree/INSTALL" <<'END'
sudo deploy/install.sh                 installs, or upgrades what is installed, and starts the agent; jobs keep their region
sudo deploy/install.sh --uninstall     takes it away again; --purge with settings and region
deploy/install.sh --help               says the rest

What goes where is listed in deploy/files. systemd 249 or later is needed, and no .NET. README.md goes on from here.
END
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --directory="$scratch" "$name" |
    gzip -9n >"$output/$name.tar.gz"
printf 'build-packages.sh: built %s\n' "$output/$name.tar.gz"
