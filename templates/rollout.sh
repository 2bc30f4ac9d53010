#!/bin/sh
# {{ header }}
{% if revision %}
# Commit {{ revision }}.
{% endif %}
#
# usage: sh rollout.sh [--yes] [--dry-run] [--from-step ID | --back ID] [--until ID] [--down NODE,...] [--take-over WHO]
#                      [--confirm-within SECONDS] [--parallel N] [--accept-holders]
#
#   --yes             does not ask before each step
#   --dry-run         prints the steps and their commands, and runs none
#   --from-step ID    begins with this step; those before it are done
#   --until ID        ends after this step
#   --back ID         undoes this step, and runs no other
#   --down NODE,...   goes on without nodes that died on the way
#   --confirm-within SECONDS  lets a node undo its part of a step by itself, where it hears nothing of this script for so long
#   --parallel N      connects to so many nodes at one time (32); what has to happen at one moment is not bound by it
#   --take-over WHO   takes over the claim of somebody who does not go on, such as anna@desk
#   --accept-holders  goes on where a VIP is on another node than planned, as long as one node holds it
#
# It reaches the world by three commands, which the environment may replace:
#   LBGEN_ON       (ssh)                    called as: $LBGEN_ON NODE COMMAND
#   LBGEN_COPY     (rsync -rlt --delete)    called as: $LBGEN_COPY FOLDER NODE; the folder goes to /var/lib/lbgen/next
#   LBGEN_KUBECTL  (kubectl)
# LBGEN_BUNDLE is the bundle, where it is not in {{ bundle }} below the current directory.
set -eu

bundle=${LBGEN_BUNDLE:-{{ bundle }}}
soak={{ soak }}
# Empty where nothing is claimed.
claim={{ claim }}
# This run of the script: nodes end what an earlier one has left to undo itself.
run=$(date +%s).$$
list='{{ list }}'
nodes='{{ nodes | join(" ") }}'
vips='{{ vips | join(" ") }}'

on_node=$(cat <<'NODE'
{{ node_program }}
NODE
)

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
    # What is started there does not hold this script's lock.
    ${LBGEN_ON:-ssh} "$(host "$node")" "me='$node' claim_id='$claim' run='$run'
$on_node
$words" 8<&-
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
release() { for_each 'ask release' "$@"; }
config_test() { act_on_each config_test "$@"; }

claim_one() { on "$1" claim "$claim" "$me" "$take_over"; }
# Of two rollouts that begin at one moment the first node decides.
claim() {
    claim_one "$1"
    shift
    for_each claim_one "$@"
}

give_up_one() { on "$1" give_up "$claim"; }
give_up() { for_each give_up_one "$@"; }

reload() { act_on_each reload "$@"; }
restart() { act_on_each restart "$@"; }
start() { act_on_each start "$@"; }
stop() { act_on_each stop "$@"; }
drain() { act_on_each drain "$@"; }
undrain() { act_on_each undrain "$@"; }
restore() { act_on_each restore "$@"; }
pause() { sleep "$1"; }

digest() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# DIGEST  PATH of each file that the bundle lists.
listed() { sed -n 's/^{"path":"\(.*\)","mode":"[0-7]*","sha256":"\([0-9a-f]*\)"},*$/\2  \1/p' "$bundle/bundle.json"; }

# The bundle is the one that was planned with: every file that bundle.json lists, with its digest, and nothing else.
unchanged() {
    if [ -z "$list" ]; then return 0; fi
    listing=$(mktemp)
    listed >"$listing"
    wrong=$(
        cd "$bundle"
        case $(digest <bundle.json) in "$list "*) ;; *) echo "bundle.json" ;; esac
        digest -c "$listing" 2>/dev/null | sed -n 's/: FAILED.*//p'
        # A name that begins with a dot, a link, a folder with nothing in it.
        sed 's/^[0-9a-f]*  //' "$listing" | sort >"$listing.paths"
        for folder in nodes kubernetes; do
            if [ -d "$folder" ]; then find "$folder" ! -type d -o -type d -empty; fi
        done | sort | comm -23 - "$listing.paths"
    )
    rm -f "$listing" "$listing.paths"
    if [ -n "$wrong" ]; then
        echo "$bundle is not the bundle that this rollout was planned with; nothing was copied:" >&2
        echo "$wrong" | sed 's/^/  /' >&2
{% if revision %}
        echo "it was planned from commit {{ revision }}: check that out, or plan again" >&2
{% endif %}
        return 1
    fi
    list=
}

copy() {
    unchanged
    if is_down "$1"; then return 0; fi
    on "$1" act mkdir -p /var/lib/lbgen/next
    if [ -n "${LBGEN_COPY:-}" ]; then
        $LBGEN_COPY "$bundle/nodes/$1" "$(host "$1")"
    else
        rsync -rlt --delete "$bundle/nodes/$1/" "$(host "$1"):/var/lib/lbgen/next/"
    fi
    # shellcheck disable=SC2046 # digests and paths
    on "$1" act staged $(listed | sed -n "s|^\([0-9a-f]*\)  nodes/$(echo "$1" | sed 's/\./\\./g')/|\1:|p")
}

# A function of the node's program with words: FUNCTION NODE WORD...
with_words() {
    action=$1 node_name=$2
    shift 2
    # shellcheck disable=SC2086 # `act` may stand before it
    on "$node_name" $action "$@"
}

verify() { with_words verify "$@"; }
leave() { with_words leave "$@"; }
install() { with_words 'act install' "$@"; }
drop_rules() { with_words 'act drop_rules' "$@"; }
put_rules() { with_words 'act put_rules' "$@"; }

# Waits for a file, as long as this script lives.
appears() {
    until [ -e "$1" ]; do
        kill -0 $$ 2>/dev/null || return 1
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
    } | on "$3" on_word "$2" ${4:+"$4"} >"$1/$3" &
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
            if [ "$tries" -gt 600 ] || grep -q refused "$folder/$node_name" 2>/dev/null; then
                echo "$node_name does not answer or refuses; nothing was changed" >&2
                # shellcheck disable=SC2086 # a list of numbers
                kill $waiting 2>/dev/null
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
            while [ ! -e "$guards/end" ] && kill -0 $$ 2>/dev/null; do
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
            echo "${pair%%:*} heard nothing for $confirm_within s and has undone its part of the step" >&2
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

apply() {
    unchanged
    kubectl_ apply -k "$bundle/kubernetes"
    if [ -e "$bundle/kubernetes/load-balancer-status" ]; then
        sh "$bundle/kubernetes/load-balancer-status"
    fi
}

apply_files() {
    unchanged
    for file in "$@"; do kubectl_ apply -f "$bundle/$file"; done
}

# The lines of an object's conditions that are not as they must be before VIPs lead to it. KIND NAMESPACE NAME
unready() {
    case $1 in
    httproutes.*)
        wanted='Accepted=True ResolvedRefs=True'
        lines='{range .status.parents[*]}{.parentRef.name}{range .conditions[*]} {.type}={.status}{end}{"\n"}{end}'
        ;;
    *)
        wanted='Accepted=True Programmed=True'
        lines='{.kind}{range .status.conditions[*]} {.type}={.status}{end}{"\n"}{range .status.listeners[*]}{.name}{range .conditions[*]} {.type}={.status}{end}{"\n"}{end}'
        ;;
    esac
    found=$(kubectl_ get "$1" "$3" --namespace "$2" --output "jsonpath=$lines") || found=
    [ -n "$found" ] || echo "no conditions yet"
    echo "$found" | while read -r line; do
        for word in $wanted; do
            case " ${line:-$wanted} " in
            *" $word "*) ;;
            *)
                echo "$line"
                break
                ;;
            esac
        done
    done
}

# The listeners and routes must be there before VIPs lead to them: two minutes for all. KIND/NAMESPACE/NAME...
await_gateway() {
    tries=60
    for object in "$@"; do
        kind=${object%%/*} name=${object##*/}
        home=${object#*/}
        home=${home%/*}
        while left=$(unready "$kind" "$home" "$name") && [ -n "$left" ]; do
            tries=$((tries - 1))
            if [ "$tries" -le 0 ]; then
                echo "$object is not ready:" >&2
                echo "$left" >&2
                return 1
            fi
            sleep 2
        done
    done
}

delete() {
    if [ -n "$2" ]; then set -- "$1" "$3" --namespace "$2"; else set -- "$1" "$3"; fi
    kubectl_ delete "$@" --ignore-not-found
}

free_health_port() {
    kubectl_ patch service "$2" --namespace "$1" --type merge \
        --patch '{"spec":{"externalTrafficPolicy":"Cluster","healthCheckNodePort":null}}'
}

# The node's own command; a reboot takes the connection with it, or comes some time after it.
visit() {
    boot=$(on "$1" boot_id)
    before=$(on "$1" failing)
    status=0
    ${LBGEN_ON:-ssh} "$(host "$1")" {{ visit }} 8<&- || status=$?
    limit=$(($(date +%s) + 900))
    sleep 5
    while on "$1" shutting_down 2>/dev/null; do sleep 2; done
    if [ "$status" != 0 ] && [ "$(on "$1" boot_id 2>/dev/null)" = "$boot" ]; then
        echo "$1: the command failed: exit status $status" >&2
        return 1
    fi
    until on "$1" alive 2>/dev/null; do
        if [ "$(date +%s)" -ge "$limit" ]; then
            echo "$1: keepalived is not running 15 minutes after the command" >&2
            return 1
        fi
        sleep 2
    done
    # VIPs come back to a node whose checks pass again.
    while :; do
        bad=
        for check in $(on "$1" failing); do
            case " $before " in *" $check "*) ;; *) bad="$bad $check" ;; esac
        done
        if [ -z "$bad" ]; then return 0; fi
        if [ "$(date +%s)" -ge "$limit" ]; then
            echo "$1: checks that passed before the command fail after it:$bad" >&2
            return 1
        fi
        sleep 2
    done
}

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

usage() { awk 'NR > 3 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

yes=no dry_run=no accept=no from_step='' end_step='' back='' down='' confirm_within='' parallel=32 take_over=
me="$(id -un)@$(uname -n) since $(date '+%Y-%m-%d %H:%M')"
while [ $# -gt 0 ]; do
    case $1 in
    --yes) yes=yes ;;
    --dry-run) dry_run=yes ;;
    --accept-holders) accept=yes ;;
    --from-step | --until | --back | --down | --confirm-within | --parallel | --take-over)
        if [ -z "${2:-}" ]; then
            echo "$1 needs a value" >&2
            exit 2
        fi
        case $1 in
        --back) back=$2 ;;
        --down) down=$2 ;;
        --confirm-within) confirm_within=$2 ;;
        --parallel) parallel=$2 ;;
        --take-over) take_over=$2 ;;
        --until) end_step=$2 ;;
        *) from_step=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *)
        echo "unknown option: $1" >&2
        usage >&2
        exit 2
        ;;
    esac
    shift
done
if [ -n "$from_step" ] && [ -n "$back" ]; then
    echo "--from-step and --back cannot be used together" >&2
    exit 2
fi

for node_name in $(echo "$down" | tr , ' '); do
    case " $nodes " in
    *" $node_name "*) ;;
    *)
        echo "there is no node $node_name in this rollout" >&2
        exit 2
        ;;
    esac
done
case $confirm_within$parallel in
*[!0-9]*)
    echo "--confirm-within and --parallel take numbers" >&2
    exit 2
    ;;
esac

# The same script a second time would take what the first has staged.
if [ "$dry_run" = no ] && command -v flock >/dev/null 2>&1 && [ -r "$0" ]; then
    exec 8<"$0"
    # Where lbgen runs it, a step of before may be at its end; and a step whose lbgen has died before it began is not done.
    if [ -n "${LBGEN_PARENT:-}" ]; then
        flock -w 900 8
        kill -0 "$LBGEN_PARENT" || exit 2
    elif ! flock -n 8; then
        echo "this script is running already" >&2
        exit 2
    fi
fi

agreed() {
    if [ "$yes" = yes ]; then return 0; fi
    printf 'continue? [y/N] '
    read -r answer
    case $answer in y | Y | yes) return 0 ;; *) return 1 ;; esac
}

# Asks, and undoes a step. ID TITLE NUMBER
go_back() {
    commands=$("back_$3")
    if [ -z "$commands" ]; then
        echo "$1 cannot be undone by itself: render the revision that ran before, and roll that out" >&2
        exit 1
    fi
    printf '\nundo %s: %s\n%s\n' "$1" "$2" "$commands"
    if [ "$dry_run" = no ] && agreed; then
        # Nothing is stopped for files that do not come back.
        # shellcheck disable=SC2046 # names of nodes
        for_each 'ask restorable' $(echo "$commands" | sed -n 's/^ *restore //p')
        eval "$commands"
    fi
    exit 0
}

# The options that undo the steps before, the last first.
undoes=

# Asks, runs a step, checks what must hold then. ID TITLE NUMBER
step() {
    if [ "$back" = "$1" ]; then go_back "$@"; fi
    if [ -n "$back" ]; then return 0; fi
    if [ -n "$from_step" ] && [ "$from_step" != "$1" ]; then
        if [ -n "$("back_$3")" ]; then undoes="--back $1${undoes:+, }$undoes"; fi
        return 0
    fi
    from_step=
    printf '\n%s: %s\n' "$1" "$2"
    "about_$3"
    if [ "$dry_run" = yes ]; then return 0; fi
    if ! agreed; then
        echo "stopped before $1; go on with --from-step $1"
        exit 1
    fi
    set +e
    # Not in a list of `&&`: there a shell ignores -e.
    (
        set -e
        if [ -n "$confirm_within" ]; then "guard_$3"; fi
        set +e
        (set -e; "do_$3"; "check_$3"; watch "check_$3")
        status=$?
        end_guards || status=1
        exit "$status"
    )
    status=$?
    set -e
    if [ "$status" != 0 ]; then
        printf '\n%s failed. Once the cause is fixed, go on with --from-step %s\n' "$1" "$1" >&2
        if [ -n "$("back_$3")" ]; then
            printf 'The way back is --back %s, which runs:\n' "$1" >&2
            "back_$3" >&2
        else
            echo "It cannot be undone by itself: render the revision that ran before, and roll that out${undoes:+; or give up, and undo the steps before it: $undoes}" >&2
        fi
        exit 1
    fi
    if [ -n "$("back_$3")" ]; then undoes="--back $1${undoes:+, }$undoes"; fi
    if [ "$end_step" = "$1" ]; then exit 0; fi
}
{% for step in steps %}

about_{{ loop.index }}() {
    say_lines{% for line in step.about %} \
        {{ line }}{% endfor %}

}
do_{{ loop.index }}() {
{% for command in step.commands %}
    {{ command }}
{% endfor %}
}
check_{{ loop.index }}() {
    {{ step.check }}
}
guard_{{ loop.index }}() {
    {% if step.guard %}start_guards {{ step.guard }}{% else %}:{% endif %}

}
back_{{ loop.index }}() {
    say_lines{% for command in step.back %} \
        {{ command }}{% endfor %}

}
{% endfor %}

{% for step in steps %}
step {{ step.id }} {{ step.title }} {{ loop.index }}
{% endfor %}
if [ -n "$from_step$back" ]; then
    echo "there is no step $from_step$back" >&2
    exit 2
fi
echo
for node_name in $(echo "$down" | tr , ' '); do
    echo "$node_name died on the way and keeps what it had: before keepalived starts there, bring it the new files"
done
{% for node in left_out %}
echo {{ node }}' was down and has its old files: before keepalived starts there, bring it the new ones'
{% endfor %}
if [ "$dry_run" = yes ]; then
    echo "dry run: nothing was done"
    exit 0
fi
echo "done"
{% if revision %}
echo "what runs now: git tag -f deployed/{{ datacenter }} {{ revision }}"
{% endif %}
