# What both ways of installing, install.sh and the Debian package, do with files that an earlier agent has left in
# directories where others may have been first. Sourced by the one, put into the other's scripts. It takes fail().
# shellcheck shell=sh

# Of a stranger's directory nothing is taken over.
check_region() {
    if [ -h /tmp/mpib ] || { [ -e /tmp/mpib ] && [ ! -d /tmp/mpib ]; }; then
        fail '/tmp/mpib is not a directory; remove it and run this again'
    fi
    [ -d /tmp/mpib ] || return 0
    owner=$(stat -c %U /tmp/mpib)
    case $owner in
        root | mpib) ;;
        *) fail "/tmp/mpib belongs to $owner, not to root or mpib; remove it when no job runs, and run this again" ;;
    esac
}

# An agent that root ran where there was no user mpib, such as a DaemonSet's, has left things of root's. Links are not
# followed, and the directories come last (with tmpfiles.d): while they are root's, nobody can put other files in place.
adopt_files() {
    for directory in /tmp/mpib /run/mpib; do
        [ "$(stat -c %U "$directory" 2>/dev/null)" != root ] ||
            find "$directory" -mindepth 1 -maxdepth 1 -user root -links 1 \( -type f -o -type s -o -type p \) \
                -exec chown --no-dereference mpib:mpib {} +
    done
}
