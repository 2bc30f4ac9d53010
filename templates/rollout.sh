#!/bin/sh
# {{ header }}
{% if revision %}
# Commit {{ revision }}.
{% endif %}
#
# usage: sh rollout.sh [--yes] [--dry-run] [--from-step ID | --back ID] [--until ID] [--down NODE,...] [--take-over WHO]
#                      [--confirm-within SECONDS] [--parallel N] [--accept-holders]
#        sh rollout.sh --follow NODE
#
#   --yes             does not ask before each step
#   --dry-run         prints the steps and their commands, and runs none
#   --from-step ID    begins with this step; those before it are done
#   --until ID        ends after this step
#   --back ID         undoes this step, and runs no other
#   --down NODE,...   goes on without nodes that died on the way
#   --confirm-within SECONDS  lets a node undo its part of a step by itself, where it hears nothing of this script for so long
#   --parallel N      connects to so many nodes at one time (32); what has to happen at one moment is not bound by it
#   --take-over WHO   takes over the claim of somebody who does not go on, such as anna@desk:/home/anna/front-end
#   --follow NODE     says which addresses a node has, and each that comes or goes, until standard input ends; does nothing else
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
# From where it is run: two clones of one person are two.
case $0 in */*) home=${0%/*} ;; *) home=. ;; esac
home=$(cd "$home" && pwd -P | tr -c 'A-Za-z0-9._/\n-' _)
me="$(id -un)@$(uname -n):$home since $(date '+%Y-%m-%d %H:%M')"
# A connection that is dead ends: nobody waits for it.
ssh='ssh -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3'
list='{{ list }}'
first_step='{{ first_step }}'
nodes='{{ nodes | join(" ") }}'
vips='{{ vips | join(" ") }}'

on_node=$(cat <<'NODE'
{{ node_program }}
NODE
)

{% include "rollout/nodes.sh" %}

{% include "rollout/pods.sh" %}

{% include "rollout/files.sh" %}

{% include "rollout/moment.sh" %}

{% include "rollout/cluster.sh" %}

{% include "rollout/visit.sh" %}

{% include "rollout/holders.sh" %}

{% include "rollout/options.sh" %}

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

# The first step takes over by itself, once it has found every node as it should be.
if [ "$dry_run" = no ] && [ -n "$take_over" ] && [ -n "$claim" ] && [ "${from_step:-$first_step}$back" != "$first_step" ]; then
    # shellcheck disable=SC2086 # names of nodes
    for_each take_over_one $nodes
fi
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
