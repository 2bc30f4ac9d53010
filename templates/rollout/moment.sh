# Waits for a file, as long as its folder and this script are there.
appears() {
    until [ -e "$1" ]; do
        [ -d "${1%/*}" ] && kill -0 $$ 2>/dev/null || return 1
        sleep 0.02
    done
}

# Opens a connection to a node, on which one thing is done at a word: FOLDER ACTION NODE [OPPOSITE]
# The opposite follows, unless a second word says that the action stays.
connect() {
    {
        if appears "$1/$3.go"; then
            echo go
            if [ -n "${4:-}" ] && appears "$1/end" && [ "$(cat "$1/end")" = stays ]; then echo stays; fi
        fi
    } | {
        on "$3" on_word "$2" ${4:+"$4"} && code=0 || code=$?
        echo over
        exit "$code"
    } >"$1/$3" &
    waiting="$waiting $!"
}

# Waits until every connection stands: FOLDER NODE...
connected() {
    folder=$1
    shift
    for node_name in "$@"; do
        tries=0
        until is_down "$node_name" || grep -q ready "$folder/$node_name" 2>/dev/null; do
            tries=$((tries + 1))
            if [ "$tries" -gt 600 ] || grep -q 'refused\|over' "$folder/$node_name" 2>/dev/null; then
                echo "$node_name does not answer or refuses; nothing was changed" >&2
                # shellcheck disable=SC2086 # a list of numbers
                kill $waiting 2>/dev/null
                rm -rf "$folder"
                return 1
            fi
            sleep 0.1
        done
    done
}

# Waits for every connection to end: whether all went well.
finished() {
    status=0
    for process in $waiting; do wait "$process" || status=1; done
    return "$status"
}

# One thing on several nodes at one moment: ACTION NODE...
together() {
    action=$1
    shift
    folder=$(mktemp -d)
    waiting=
    for node_name in "$@"; do connect "$folder" "$action" "$node_name"; done
    connected "$folder" "$@" || return 1
    for node_name in "$@"; do : >"$folder/$node_name.go"; done
    status=0
    finished || status=1
    rm -rf "$folder"
    return "$status"
}

# Guards a step on the nodes that it changes, until `end_guards`: NODE:FUNCTION,FUNCTION...
guards=
start_guards() {
    guards=$(mktemp -d)
    guarding=
    for pair in "$@"; do
        node_name=${pair%%:*}
        if is_down "$node_name"; then continue; fi
        functions=$(echo "${pair#*:}" | tr , ' ')
        # shellcheck disable=SC2086 # a list of functions
        {
            while [ -d "$guards" ] && [ ! -e "$guards/end" ] && kill -0 $$ 2>/dev/null; do
                echo alive
                sleep 1
            done
            if [ -e "$guards/end" ]; then echo stays; fi
        } | on "$node_name" guard "$confirm_within" $functions >"$guards/$node_name" &
        guarding="$guarding $node_name:$!"
    done
    for pair in $guarding; do
        tries=0
        until grep -q guarded "$guards/${pair%%:*}" 2>/dev/null; do
            tries=$((tries + 1))
            if [ "$tries" -gt 600 ] || ! kill -0 "${pair#*:}" 2>/dev/null; then
                echo "${pair%%:*} cannot be guarded; nothing was changed" >&2
                touch "$guards/end"
                return 1
            fi
            sleep 0.1
        done
    done
}

# What was done stays. A node that has undone it by itself in the meantime makes the step fail.
end_guards() {
    if [ -z "$guards" ]; then return 0; fi
    touch "$guards/end"
    status=0
    for pair in $guarding; do
        wait "${pair#*:}" || true
        if ! grep -q confirmed "$guards/${pair%%:*}"; then
            echo "${pair%%:*} does not confirm: after $confirm_within s without a word of this rollout it undoes its part of the step" >&2
            status=1
        fi
    done
    rm -rf "$guards"
    guards=
    return "$status"
}

opposite() {
    case $1 in
    undrain) echo drain ;;
    start) echo stop ;;
    *) echo ;;
    esac
}

# Two halves, the second some seconds after the first: SECONDS 'ACTION:NODE ...' 'ACTION:NODE ...'
# Where the second does not happen, the nodes of the first take it back, also when this script dies in between.
hand_over() {
    folder=$(mktemp -d)
    both=
    waiting=
    for pair in $2; do
        connect "$folder" "${pair%%:*}" "${pair#*:}" "$(opposite "${pair%%:*}")"
        both="$both ${pair#*:}"
    done
    first=$waiting
    for pair in $3; do
        connect "$folder" "${pair%%:*}" "${pair#*:}"
        both="$both ${pair#*:}"
    done
    # shellcheck disable=SC2086 # names of nodes
    connected "$folder" $both || return 1
    for pair in $2; do : >"$folder/${pair#*:}.go"; done
    sleep "$1"
    for pair in $3; do : >"$folder/${pair#*:}.go"; done
    status=0
    waiting=${waiting#"$first"}
    finished || status=1
    end=stays
    for pair in $3; do
        if ! is_down "${pair#*:}" && ! grep -q acted "$folder/${pair#*:}"; then end=fails; fi
    done
    echo "$end" >"$folder/ends"
    mv "$folder/ends" "$folder/end"
    waiting=$first
    finished || status=1
    rm -rf "$folder"
    if [ "$end" = fails ]; then
        echo "the second half of the handover failed; the first is taken back" >&2
        return 1
    fi
    return "$status"
}
