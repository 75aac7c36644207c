#!/bin/sh
# Slurm epilog: reports processes of a job's user that still hold registrations when the job is over, into the system's log
# and never as a failure. The agent deregisters every process that ends, so what is left is a process that did not end;
# its slots stay taken until it does. Runs as root (slurm.conf):
#
#     Epilog=/etc/slurm/epilog.d/*
#
#     journalctl -t mpib-epilog
set -eu

# A failure here would drain the node.
trap 'exit 0' EXIT

set -- "MPIB_UID=$SLURM_JOB_UID"
[ -z "${SLURM_JOB_START_TIME:-}" ] || set -- "$@" "--since=@$SLURM_JOB_START_TIME"

# Registered more often than deregistered, and not known to have ended.
journalctl --quiet --boot --unit=mpib-agent --output=json --output-fields=MPIB_EVENT,MPIB_PID "$@" |
    awk '
        match($0, /"MPIB_EVENT":"[^"]*/) { event = substr($0, RSTART + 14, RLENGTH - 14) }
        match($0, /"MPIB_PID":"[^"]*/) { pid = substr($0, RSTART + 12, RLENGTH - 12) }
        event == "registered" { held[pid]++ }
        event == "deregistered" { held[pid]-- }
        event ~ /^process-ended/ { delete held[pid] }
        END { for (pid in held) if (held[pid] > 0) print pid }' |
    while read -r pid; do
        # A process that Slurm has in another job of this user's is at work.
        case $(cat "/proc/$pid/cgroup" 2>/dev/null) in
            *"/job_${SLURM_JOB_ID:-?}/"*) ;;
            */job_[0-9]*) continue ;;
        esac
        # A pid may be used again: it counts while it is this user's.
        if [ "$(stat -c %u "/proc/$pid" 2>/dev/null)" = "$SLURM_JOB_UID" ]; then
            logger -t mpib-epilog -p daemon.warning \
                "job ${SLURM_JOB_ID:-?} is over, and pid $pid ($(cat "/proc/$pid/comm")) of uid $SLURM_JOB_UID still holds slots: kill $pid"
        fi
    done
