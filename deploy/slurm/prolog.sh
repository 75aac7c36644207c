#!/bin/sh
# Slurm prolog: a job starts on a node only where the MPIB agent serves; other nodes are drained with the reason. Runs as root
# before the job's first step (slurm.conf):
#
#     install -D -m 0755 prolog.sh /etc/slurm/prolog.d/mpib.sh
#
#     Prolog=/etc/slurm/prolog.d/*
#     PrologFlags=Alloc                                  # on all nodes of a job, when it is allocated
#     SchedulerParameters=nohold_on_prolog_fail          # the job is queued again, and not held
#
# Back in service: mend what `sinfo -R` says, then scontrol update nodename=NODE state=resume
set -eu

drain() {
    # Slurm keeps this reason: it sets its own, "Prolog error", only where the node is not drained yet.
    scontrol update nodename="$SLURMD_NODENAME" state=drain reason="mpib-agent: $1" || :
    echo "mpib-agent: $1" >&2
    exit 1
}

# An agent that is being restarted is back within a second. One that hangs is killed by systemd's watchdog after 20. Of a
# systemd that hangs systemctl would wait for an answer 90 s.
tries=5
until state=$(timeout 4 systemctl is-active mpib-agent.service); do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || drain "the service is ${state:-unknown: systemd does not answer}; journalctl -u mpib-agent -p err -b"
    sleep 1
done

[ -S /tmp/mpib/agent.sock ] || drain 'no socket at /tmp/mpib/agent.sock; systemctl restart mpib-agent.socket'

# Magic, number of slots, size: what the plugin looks at.
region=$(stat -c %s /tmp/mpib/hints && od -A n -t x4 -N 8 /tmp/mpib/hints) || drain 'no region at /tmp/mpib/hints; systemctl restart mpib-agent'
[ "$region" = "4112
 4d504948 00000100" ] || drain 'the file at /tmp/mpib/hints is no hint region; systemctl restart mpib-agent'
