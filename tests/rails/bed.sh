#!/usr/bin/env bash
# A bed of two rails: two network namespaces, BED-s (sender) and BED-r (receiver), joined by two veth pairs that are called sout and
# sup on either side, each shaped with tbf. Nothing outside these two namespaces is touched.
#
#     bed.sh up BED SOUT_MBIT SUP_MBIT       makes it; leaves nothing behind when it fails
#     bed.sh shape BED sout|sup MBIT         the rail's rate from now on, in both directions
#     bed.sh rail BED sout|sup up|down       plugs and unplugs the cable: the receiver's end goes, the sender's loses its carrier
#     bed.sh hold BED SOUT_MBIT SUP_MBIT     makes it, says ready, and takes it away when its standard input ends, so with whoever has it
#     bed.sh down BED                        ends what still runs in it and takes it away; fine when there is none
#
# The addresses are 10.77.0.1 (sender) and 10.77.0.2 to .9 (receiver, one per flow) on sout, 10.78.0.* alike on sup.
set -euo pipefail

# Bytes of the largest packet: two segments of GSO.
readonly MTU=9000 SEGMENTS=2
readonly LARGEST=$((SEGMENTS * (MTU + 14)))
# What a sender may have outstanding fits in the queue, so that the shaper delays and never drops.
readonly QUEUE=$((4 << 20))
readonly ADDRESSES=8

fail() {
    echo "bed.sh: $1" >&2
    exit 1
}

is_rail() { [ "$1" = sout ] || [ "$1" = sup ] || fail "expected a rail, sout or sup; got '$1'"; }

is_rate() { [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] || fail "expected a rate of 1 to 99999 Mbit/s, got '$1'"; }

# tbf VERB BED RAIL MBIT
tbf() {
    local bucket=$(($4 * 1250)) side # 10 ms of the rate
    [ "$bucket" -ge "$LARGEST" ] || bucket=$LARGEST # one that holds less than a packet blocks
    for side in s r; do
        tc -n "$2-$side" qdisc "$1" dev "$3" root tbf rate "$4mbit" burst "$bucket" limit "$QUEUE" ||
            fail "the kernel refuses tbf on $3: it needs CONFIG_NET_SCH_TBF (modprobe sch_tbf)"
    done
}

# BED SIDE: the limits of TCP, in this namespace alone. The congestion control is the sockets' own choice.
settle() {
    # A retransmission waits for a second at most once a rail is back; older kernels have neither of the last two.
    # shellcheck disable=SC2016 # it is the inner shell that expands
    ip netns exec "$1-$2" bash -euc '
        for setting; do
            file=/proc/sys/net/ipv4/${setting%=*}
            [ ! -e "$file" ] || echo "${setting#*=}" >"$file"
        done' settle tcp_no_metrics_save=1 tcp_slow_start_after_idle=0 tcp_retries2=60 tcp_rto_min_us=50000 tcp_rto_max_ms=1000
}

up() {
    local bed=$1 rail net side i
    is_rate "$2"
    is_rate "$3"
    for side in s r; do
        [ ! -e "/run/netns/$bed-$side" ] || fail "there is a bed '$bed' already"
    done
    trap 'down "$bed_name"' EXIT
    ip netns add "$bed-s"
    ip netns add "$bed-r"
    for rail in sout sup; do
        [ "$rail" = sout ] && net=10.77.0 || net=10.78.0
        ip link add "$rail" netns "$bed-s" mtu "$MTU" type veth peer name "$rail" netns "$bed-r" mtu "$MTU"
        for side in s r; do
            ip -n "$bed-$side" link set "$rail" gso_max_segs "$SEGMENTS"
        done
        ip -n "$bed-s" address add "$net.1/24" dev "$rail"
        for ((i = 0; i < ADDRESSES; i++)); do
            ip -n "$bed-r" address add "$net.$((2 + i))/24" dev "$rail"
        done
        for side in s r; do
            ip -n "$bed-$side" link set "$rail" up
        done
    done
    for side in s r; do
        ip -n "$bed-$side" link set lo up
        settle "$bed" "$side"
    done
    tbf add "$bed" sout "$2"
    tbf add "$bed" sup "$3"
}

hold() {
    up "$@"
    echo ready
    cat >/dev/null
}

down() {
    local side pids
    for side in s r; do
        [ -e "/run/netns/$1-$side" ] || continue
        pids=$(ip netns pids "$1-$side")
        # shellcheck disable=SC2086 # one word each
        [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
        ip netns delete "$1-$side"
    done
}

[ $# -ge 2 ] || fail "expected up, hold, down, shape or rail, and the name of a bed"
[[ $2 =~ ^[a-z0-9]{1,32}$ ]] || fail "expected a name of lower-case letters and digits, got '$2'"
readonly bed_name=$2
case "$1/$#" in
    up/4)
        up "$2" "$3" "$4"
        trap - EXIT
        ;;
    hold/4) hold "$2" "$3" "$4" ;;
    down/2) down "$2" ;;
    shape/4)
        is_rail "$3"
        is_rate "$4"
        tbf change "$2" "$3" "$4"
        ;;
    rail/4)
        is_rail "$3"
        [ "$4" = up ] || [ "$4" = down ] || fail "expected up or down, got '$4'"
        ip -n "$2-r" link set "$3" "$4"
        ;;
    *) fail "do not know '$1' with $(($# - 1)) arguments" ;;
esac
