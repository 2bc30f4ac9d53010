# VIP@NODE for each VIP of this rollout that a node has.
held() {
    if is_down "$1"; then return 0; fi
    here=" $(on "$1" addresses | tr '\n' ' ') "
    for vip in $vips; do
        case $here in *" $vip "*) echo "$vip@$1" ;; esac
    done
}

# The same of several nodes, in one line that begins and ends with a space: NODE...
held_by() {
    # A node that does not answer holds nothing, as far as anybody sees.
    echo " $(for_each held "$@" | sort | tr '\n' ' ') "
}

# Whether one of the nodes that may hold an address is there: where all are dead, it may be anywhere, and what no node
# of those asked should hold may have been on a dead one. NODE|NODE...
lives() {
    for wanted_node in $(echo "$1" | tr '|' ' '); do
        if ! is_down "$wanted_node"; then return 0; fi
    done
    [ -z "$1$down" ]
}

# Prints what is not as it should be: 'NODE...' ADDRESS=NODE|NODE...
# Each node that is asked holds just what it should; an address is on one of its nodes, `none` is on none of those asked.
differs() {
    # shellcheck disable=SC2086 # names of nodes
    seen=$(held_by $1)
    shift
    for place in $seen; do
        vip=${place%@*} node_name=${place##*@} wanted=
        for pair in "$@"; do
            if [ "${pair%%=*}" = "$vip" ]; then wanted=${pair#*=}; fi
        done
        case "|$wanted|" in
        *"|$node_name|"* | '|any|') ;;
        *) if lives "$wanted"; then echo "$vip is on $node_name"; fi ;;
        esac
    done
    for pair in "$@"; do
        vip=${pair%%=*} wanted=${pair#*=} count=0
        for place in $seen; do
            if [ "${place%@*}" = "$vip" ]; then count=$((count + 1)); fi
        done
        case $wanted in
        any | none) continue ;;
        esac
        if [ "$count" = 0 ] && lives "$wanted"; then echo "$vip is not on $wanted"; fi
        if [ "$count" -gt 1 ]; then echo "$vip is on $count nodes"; fi
    done
}

# Prints addresses that are not on just one node: ADDRESS=...
apart() {
    # shellcheck disable=SC2086 # names of nodes
    seen=$(held_by $nodes)
    for pair in "$@"; do
        vip=${pair%%=*} count=0
        for place in $seen; do
            if [ "${place%@*}" = "$vip" ]; then count=$((count + 1)); fi
        done
        case ${pair#*=} in
        any | none) continue ;;
        esac
        if [ "$count" != 1 ]; then echo "$vip is on $count nodes"; fi
    done
}

# Waits until nodes hold what they should: SECONDS 'NODE...' ADDRESS=NODE...
await() {
    limit=$(($(date +%s) + $1))
    shift
    while :; do
        if [ "$accept" = yes ]; then
            asked=$1
            shift
            wrong=$(apart "$@")
            set -- "$asked" "$@"
        else
            wrong=$(differs "$@")
        fi
        if [ -z "$wrong" ]; then return 0; fi
        if [ "$(date +%s)" -ge "$limit" ]; then
            echo "not as it should be:" >&2
            echo "$wrong" >&2
            for node_name in $1; do on "$node_name" why >&2 || echo "$node_name does not answer" >&2; done
            if [ "$accept" = no ]; then
                echo "where that is as you want it, --accept-holders goes on with what is" >&2
            fi
            return 1
        fi
        sleep 0.2
    done
}

# Asks again and again for a while what must hold after a step.
watch() {
    until=$(($(date +%s) + soak))
    while [ "$(date +%s)" -lt "$until" ]; do
        sleep 1
        "$1"
    done
}
