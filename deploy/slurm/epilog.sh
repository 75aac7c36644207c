#!/bin/sh
# Slurm epilog: reports processes of a job's user that still hold registrations when the job is over, into the system's log
# and never as a failure. The agent deregisters every process that ends, so what is left is a process that did not end;
# its slots stay taken until it does. Runs as root (slurm.conf):
#
#     install -D -m 0755 epilog.sh /etc/slurm/epilog.d/mpib.sh
#
#     Epilog=/etc/slurm/epilog.d/*
#
#     journalctl -t mpib-epilog
set -eu

# A failure here would drain the node.
trap 'exit 0' EXIT

set -- "MPIB_UID=$SLURM_JOB_UID"
[ -z "${SLURM_JOB_START_TIME:-}" ] || set -- "$@" "--since=@$SLURM_JOB_START_TIME"

# Processes with a connection that was registered (once more where it moves to another flow) and not deregistered, and that are not known to have ended.
journalctl --quiet --boot --unit=mpib-agent --output=json --output-fields=MPIB_EVENT,MPIB_PID,MPIB_CONN_ID "$@" |
    awk '
        function field(name) { return match($0, "\"" name "\":\"[^\"]*") ? substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4) : "" }
        { event = field("MPIB_EVENT"); pid = field("MPIB_PID"); connection = pid " " field("MPIB_CONN_ID") }
        event == "registered" && !(connection in held) { held[connection]; count[pid]++ }
        event == "deregistered" && connection in held { delete held[connection]; count[pid]-- }
        event ~ /^process-ended/ { for (c in held) if (index(c, pid " ") == 1) delete held[c]; delete count[pid] }
        END { for (pid in count) if (count[pid] > 0) print pid }' |
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
