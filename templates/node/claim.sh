# One rollout at a time: the folder is made by the first. ID WHO [WHOM], where WHOM has left a claim that nobody goes on with.
claim() {
    mkdir -p /var/lib/lbgen
    if mkdir /var/lib/lbgen/rollout 2>/dev/null; then
        # What an earlier rollout had kept is not the way back of this one.
        rm -rf "$prev"
    else
        id=$(cat /var/lib/lbgen/rollout/id 2>/dev/null || true)
        by=$(claimed_by)
        if [ "${by%% *}" != "${3:-}" ]; then
            if [ "$id" != "$1" ]; then
                fail "another rollout is under way, by $by: finish or undo that one first; if nobody goes on with it, --take-over ${by%% *}"
            elif [ "${by%% *}" != "${2%% *}" ]; then
                fail "this rollout is under way already, by $by; if nobody goes on with it there, --take-over ${by%% *}"
            fi
        elif [ "$id" != "$1" ]; then
            rm -rf "$prev" "$next"
        fi
    fi
    echo "$1" >/var/lib/lbgen/rollout/id
    echo "$2" >/var/lib/lbgen/rollout/by
}

claimed_by() { cat /var/lib/lbgen/rollout/by 2>/dev/null || echo somebody; }

# Goes on with what somebody else has begun: ID WHO WHOM
take_over() {
    by=$(claimed_by)
    if [ "$(cat /var/lib/lbgen/rollout/id 2>/dev/null)" = "$1" ] && [ "${by%% *}" = "$3" ]; then
        echo "$2" >/var/lib/lbgen/rollout/by
    fi
}

# Whether the node is this rollout's to change; one that claims nothing changes what nobody has claimed.
mine() {
    id=$(cat /var/lib/lbgen/rollout/id 2>/dev/null || true)
    by=$(claimed_by)
    if [ "$id" = "${claim_id:-}" ]; then
        if [ -z "$id" ] || [ "${by%% *}" = "${claimant:-}" ]; then return 0; fi
        fail "this rollout is under way already, by $by; nothing was changed; if nobody goes on with it there, --take-over ${by%% *}"
    fi
    if [ -n "$id" ]; then fail "another rollout has claimed this node, by $by; nothing was changed"; fi
    fail "this rollout has not claimed the node, or the claim was given up; begin with its first step"
}

# What is done or undone now is not undone by the guard of an earlier run.
overtake() {
    for heard in /run/lbgen/guard.*; do
        case $heard in
        */guard."${run:-}".*) ;;
        *) rm -f "$heard" ;;
        esac
    done
}

# Does what changes the node: FUNCTION...
act() {
    mine
    overtake
    doing=$1
    # Not every program says where it fails.
    trap '[ "$?" = 0 ] || echo "$me: $doing failed" >&2' EXIT
    "$@"
}

release() { rm -rf /var/lib/lbgen/rollout "$next" "$verified" "$held".*; }

# The same, but not what another rollout, or somebody else, has claimed: ID
give_up() {
    by=$(claimed_by)
    if [ "$(cat /var/lib/lbgen/rollout/id 2>/dev/null)" = "$1" ] && [ "${by%% *}" = "${claimant:-}" ]; then
        release
    elif [ -d /var/lib/lbgen/rollout ]; then
        echo "$me stays claimed, by $by; if nobody goes on with it there, --take-over ${by%% *}" >&2
    fi
}
