#!/usr/bin/env bash
# Runs a Ray node, and starts it again whenever it ends, until this script is stopped (Ctrl-C, kill).
#
#   cluster/node.sh --head                        # the head
#   cluster/node.sh --address=HEAD:6379           # a worker, on another machine
#
# The arguments are those of `ray start`. A node that was cut off for 15 s is declared dead, and its Ray then ends.
# Without the loop it would not come back. Nothing starts without a token.
set -u

export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
# The head checks each node every second, waits 2 s for the answer, and gives a node up after 5 failures: 15 s in all.
# With Ray's defaults it takes 65 s.
export RAY_health_check_period_ms=1000
export RAY_health_check_timeout_ms=2000
export RAY_health_check_failure_threshold=5

ray get-auth-token > /dev/null || exit 2

stop_node() {
    kill -TERM "$node" 2> /dev/null
    wait "$node"
    exit 0
}
trap stop_node INT TERM HUP

while true; do
    # Port 0 gives the agent that starts jobs any free port. With the usual port, which another Ray may use, a head would
    # take no jobs.
    ray start --block --dashboard-agent-listen-port=0 "$@" &
    node=$!
    wait "$node"
    echo "node.sh: the node ended ($?) and starts again in 5 s" >&2
    sleep 5 &
    node=$!
    wait "$node"
done
