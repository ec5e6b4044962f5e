#!/usr/bin/env bash
# A Ray node that stays: whenever it ends, it is started again, until this script is told to end (Ctrl-C, kill).
#
#   cluster/node.sh --head                        # the head
#   cluster/node.sh --address=HEAD:6379           # a worker, on another machine
#
# All arguments are those of `ray start`. A node that was cut off for 15 s is declared dead, and its own Ray ends then:
# without the loop it would not come back. Nothing starts without a token.
set -u

export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0
# The head asks each node every second, waits 2 s for an answer, and gives a node up after 5 failures. Ray's own: 65 s.
export RAY_health_check_period_ms=1000
export RAY_health_check_timeout_ms=2000
export RAY_health_check_failure_threshold=5

ray get-auth-token > /dev/null || exit 2

ended() {
    kill -TERM "$node" 2> /dev/null
    wait "$node"
    exit 0
}
trap ended INT TERM HUP

while true; do
    # Any free port for the agent that starts jobs: where another Ray has the usual one, a head would take no jobs.
    ray start --block --dashboard-agent-listen-port=0 "$@" &
    node=$!
    wait "$node"
    echo "node.sh: the node ended ($?), and starts again in 5 s" >&2
    sleep 5 &
    node=$!
    wait "$node"
done
