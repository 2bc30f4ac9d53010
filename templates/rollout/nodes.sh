# What to connect to, where that is not the node's name.
host() {
    case $1 in
{% for host in hosts %}
    {{ host.node }}) echo {{ host.host }} ;;
{% endfor %}
    *) echo "$1" ;;
    esac
}

is_down() {
    case ",$down," in *",$1,"*) return 0 ;; *) return 1 ;; esac
}

# Runs words on a node that lives.
on() {
    if is_down "$1"; then return 0; fi
    node=$1
    shift
    words=
    for word in "$@"; do
        case $word in *\'*) word=$(printf '%s\n' "$word" | sed "s/'/'\\\\''/g") ;; esac
        words="$words '$word'"
    done
    program="me='$node' claim_id='$claim' claimant='${me%% *}' run='$run'
$on_node
$words"
    # What is started there does not hold this script's lock.
    if is_by_pod "$node"; then
        in_pod "$node" "$program" 8<&-
    else
        ${LBGEN_ON:-$ssh} "$(host "$node")" "$program" 8<&-
    fi || {
        code=$?
        # As ssh says it (ssh(1), EXIT STATUS).
        if [ "$code" = 255 ]; then echo "the connection to $node failed or was lost" >&2; fi
        return "$code"
    }
}

kubectl_() { ${LBGEN_KUBECTL:-kubectl} "$@"; }

# Several things at one time, a few of them, each a command as one word; all are waited for.
at_once() {
    all_well=0 processes='' count=0
    for command in "$@"; do
        eval "$command" &
        processes="$processes $!" count=$((count + 1))
        if [ "$count" = "$parallel" ]; then collect; fi
    done
    collect
    return "$all_well"
}

collect() {
    for process in $processes; do wait "$process" || all_well=1; done
    processes='' count=0
}

# One command with each node as its last word, at one time; it depends on no other node: 'COMMAND' NODE...
for_each() {
    command=$1
    shift
    for node_name in "$@"; do
        shift
        set -- "$@" "$command '$node_name'"
    done
    at_once "$@"
}

# A function of the node's program without words: FUNCTION NODE
ask() { on "$2" "$1"; }

# Lines below a title.
say_lines() {
    for line in "$@"; do printf '  %s\n' "$line"; done
}

act_on_each() {
    action=$1
    shift
    for node_name in "$@"; do on "$node_name" act "$action"; done
}

fresh() { for_each 'ask fresh' "$@"; }
config_test() { act_on_each config_test "$@"; }

take_over_one() { on "$1" take_over "$claim" "$me" "$take_over"; }
claim_one() { on "$1" claim "$claim" "$me" "$take_over"; }
# Of two rollouts that begin at one moment the first node decides.
claim() {
    claim_one "$1"
    shift
    for_each claim_one "$@"
}

give_up_one() { on "$1" give_up "$claim"; }
give_up() { for_each give_up_one "$@"; }
release() { give_up "$@"; }

reload() { act_on_each reload "$@"; }
restart() { act_on_each restart "$@"; }
start() { act_on_each start "$@"; }
stop() { act_on_each stop "$@"; }
drain() { act_on_each drain "$@"; }
undrain() { act_on_each undrain "$@"; }
restore() { act_on_each restore "$@"; }
pause() { sleep "$1"; }
