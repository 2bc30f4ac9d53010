#!/bin/sh
# {{ header }}
#
# usage: sh rollout.sh [--yes] [--dry-run] [--from-step ID | --back ID]
#
#   --yes           does not ask before each step
#   --dry-run       prints the steps and their commands, and runs none
#   --from-step ID  begins with this step; those before it are done
#   --back ID       undoes this step, and runs no other
#
# It reaches the world by three commands, which the environment may replace:
#   LBGEN_ON       (ssh)                    called as: $LBGEN_ON NODE COMMAND
#   LBGEN_COPY     (rsync -rlt --delete)    called as: $LBGEN_COPY FOLDER NODE; the folder goes to /var/lib/lbgen/next
#   LBGEN_KUBECTL  (kubectl)
# LBGEN_BUNDLE is the bundle, where it is not in {{ bundle }} below the current directory.
set -eu

bundle=${LBGEN_BUNDLE:-{{ bundle }}}
soak={{ soak }}
claim={{ claim }}

# What runs on a node, which knows its name as $me.
on_node=$(cat <<'NODE'
set -eu
next=/var/lib/lbgen/next
prev=/var/lib/lbgen/prev
drain=/run/lbgen/drain
kept_drain=/etc/tmpfiles.d/lbgen-drain.conf
conf=etc/keepalived/keepalived.conf
fail() {
    echo "$me: $*" >&2
    exit 1
}

systemd() { [ -d /run/systemd/system ]; }

# Whether files are as they should be: DIGEST:PATH...
verify() {
    for file in "$@"; do
        found=$(sha256sum "/${file#*:}" 2>/dev/null | cut -d ' ' -f 1)
        if [ "$found" != "${file%%:*}" ]; then
            fail "/${file#*:} is not the file that this rollout was planned from: somebody has edited it, or another bundle runs"
        fi
    done
    if [ "$(cat "$drain" 2>/dev/null || echo 0)" != 0 ]; then fail "the node is drained: $drain"; fi
    if ! alive; then fail "keepalived is not running"; fi
}

# One rollout at a time: the folder is made by the first.
claim() {
    mkdir -p /var/lib/lbgen
    if mkdir /var/lib/lbgen/rollout 2>/dev/null; then
        # What an earlier rollout had kept is not the way back of this one.
        rm -rf "$prev"
    elif [ "$(cat /var/lib/lbgen/rollout/id)" != "$1" ]; then
        fail "another rollout is under way: go on with it, or release the nodes with its script: --back and the id of its first step"
    fi
    echo "$1" >/var/lib/lbgen/rollout/id
}

release() { rm -rf /var/lib/lbgen/rollout "$next"; }

# The same, but not what another rollout has claimed.
give_up() {
    if [ "$(cat /var/lib/lbgen/rollout/id 2>/dev/null)" = "$1" ]; then release; fi
}

# The test names the scripts where they will be; they are beside it yet.
config_test() {
    sed "s|/usr/local/|$next/usr/local/|g" "$next/$conf" >"$next/test.conf"
    keepalived -t -f "$next/test.conf" || { code=$?; rm -f "$next/test.conf"; exit "$code"; }
    rm -f "$next/test.conf"
}

# Keeps what stands before the rollout, all of it or nothing: a step that is run again finds it kept.
keep() {
    if [ -e "$prev" ]; then return 0; fi
    rm -rf "$prev.new"
    mkdir -p "$prev.new"
    for file in $(cd "$next" && find . -type f | cut -c 2-) "$@"; do
        if [ -e "$file" ]; then
            mkdir -p "$prev.new$(dirname "$file")"
            cp -p "$file" "$prev.new$file"
        fi
    done
    mv "$prev.new" "$prev"
}

# Keeps what stands, and puts a file in its place by a rename. Arguments are files that are no longer produced.
install() {
    keep "$@"
    for file in $(cd "$next" && find . -type f | cut -c 2-); do
        mode=0644
        if [ -x "$next$file" ]; then mode=0755; fi
        mkdir -p "$(dirname "$file")"
        cp "$next$file" "$file.lbgen-new"
        chmod "$mode" "$file.lbgen-new"
        mv -f "$file.lbgen-new" "$file"
    done
    for file in "$@"; do rm -f "$file"; done
    settings
}

# What an install of this rollout had taken the place of.
restore() {
    if [ ! -e "$prev" ]; then return 0; fi
    # Which of the files are new is known only while they are staged.
    if [ ! -e "$next" ]; then fail "the rollout is finished: render the revision that ran before, and roll that out"; fi
    for file in $(cd "$next" && find . -type f | cut -c 2-); do
        if [ ! -e "$prev$file" ]; then rm -f "$file"; fi
    done
    for file in $(cd "$prev" && find . -type f | cut -c 2-); do
        cp -p "$prev$file" "$file.lbgen-new"
        mv -f "$file.lbgen-new" "$file"
    done
    settings
}

settings() {
    mkdir -p /run/lbgen
    if systemd; then
        systemctl daemon-reload
        if [ -e /etc/systemd/system/lbgen-policy-routing.service ]; then
            systemctl enable --quiet lbgen-policy-routing
        fi
    fi
    if [ -e /etc/sysctl.d/90-lbgen.conf ]; then sysctl -q -p /etc/sysctl.d/90-lbgen.conf; fi
    # A script that holds the rules has them in place before keepalived lets go of its own.
    if grep -qx mode=static /usr/local/sbin/lbgen-policy-routing 2>/dev/null; then routing; fi
}

routing() {
    if [ -x /usr/local/sbin/lbgen-policy-routing ]; then /usr/local/sbin/lbgen-policy-routing up; fi
}

# How often keepalived has said since then that it has its configuration. Its VRRP process starts with the first instance.
settled() {
    journalctl -q -u keepalived --no-pager -o cat --since "$1" 2>/dev/null |
        grep -cE 'Reload complete|Starting VRRP child process' || true
}

reload() {
    if systemd; then
        since=$(date '+%Y-%m-%d %H:%M:%S')
        seen=$(settled "$since")
        systemctl reload keepalived
        tries=0
        until [ "$(settled "$since")" -gt "$seen" ]; do
            tries=$((tries + 1))
            if [ "$tries" -gt 100 ]; then fail "keepalived does not say that it has reloaded: journalctl -u keepalived"; fi
            sleep 0.1
        done
    else
        kill -HUP "$(cat /run/keepalived.pid)"
        sleep 0.5
    fi
    routing
}

start() {
    routing
    if systemd; then systemctl enable --quiet --now keepalived; else keepalived; fi
}

# Not at the next boot either.
stop() {
    if systemd; then
        systemctl disable --quiet --now keepalived
    elif [ -e /run/keepalived.pid ]; then
        kill "$(cat /run/keepalived.pid)"
        while [ -e /run/keepalived.pid ]; do sleep 0.05; done
    fi
}

restart() {
    stop
    start
}

# Also after a reboot, until it is taken back.
drain() {
    mkdir -p /run/lbgen /etc/tmpfiles.d
    echo "f $drain 0644 - - - 1" >"$kept_drain"
    echo 1 >"$drain"
}

undrain() {
    rm -f "$kept_drain"
    echo 0 >"$drain"
}

remove() { rm -f "$@"; }

# Rules as FAMILY,ADDRESS,TABLE,PRIORITY.
rules() {
    verb=$1
    shift
    for rule in "$@"; do
        # shellcheck disable=SC2046 # four words
        set -- $(echo "$rule" | tr , ' ')
        ip "$1" rule "$verb" from "$2" lookup "$3" priority "$4" || echo "no rule to $verb: from $2 lookup $3" >&2
    done
}
drop_rules() { rules del "$@"; }
put_rules() { rules add "$@"; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }

alive() { kill -0 "$(cat /run/keepalived.pid)" 2>/dev/null; }

# With the others: says that the connection stands, and waits for the word.
reload_on_word() {
    echo ready
    read -r _
    reload
}

addresses() { ip -o addr show | awk '{ sub(/\/.*/, "", $4); print $4 }'; }

NODE
)

# Runs words on a node.
# What to connect to, where that is not the node's name.
host() {
    case $1 in
{% for host in hosts %}
    {{ host.node }}) echo {{ host.host }} ;;
{% endfor %}
    *) echo "$1" ;;
    esac
}

on() {
    node=$1
    shift
    words=
    for word in "$@"; do words="$words '$word'"; done
    ${LBGEN_ON:-ssh} "$(host "$node")" "me='$node'
$on_node
$words"
}

kubectl_() { ${LBGEN_KUBECTL:-kubectl} "$@"; }

for_each() {
    action=$1
    shift
    for node_name in "$@"; do on "$node_name" "$action"; done
}

claim() { for node_name in "$@"; do on "$node_name" claim "$claim"; done; }
release() { for_each release "$@"; }
give_up() { for node_name in "$@"; do on "$node_name" give_up "$claim"; done; }
config_test() { for_each config_test "$@"; }
reload() { for_each reload "$@"; }
restart() { for_each restart "$@"; }
start() { for_each start "$@"; }
stop() { for_each stop "$@"; }
drain() { for_each drain "$@"; }
undrain() { for_each undrain "$@"; }
restore() { for_each restore "$@"; }
pause() { sleep "$1"; }

copy() {
    if [ -n "${LBGEN_COPY:-}" ]; then
        $LBGEN_COPY "$bundle/nodes/$1" "$(host "$1")"
    else
        on "$1" mkdir -p /var/lib/lbgen/next
        rsync -rlt --delete "$bundle/nodes/$1/" "$(host "$1"):/var/lib/lbgen/next/"
    fi
}

with_words() {
    action=$1 node_name=$2
    shift 2
    on "$node_name" "$action" "$@"
}

verify() { with_words verify "$@"; }
install() { with_words install "$@"; }
remove() { with_words remove "$@"; }
drop_rules() { with_words drop_rules "$@"; }
put_rules() { with_words put_rules "$@"; }

# Every connection is open before the first reload.
reload_together() {
    together=$(mktemp -d)
    waiting=
    for node_name in "$@"; do
        {
            while [ ! -e "$together/go" ]; do sleep 0.02; done
            echo go
        } | on "$node_name" reload_on_word >"$together/$node_name" &
        waiting="$waiting $!"
    done
    for node_name in "$@"; do
        tries=0
        until grep -q ready "$together/$node_name" 2>/dev/null; do
            tries=$((tries + 1))
            if [ "$tries" -gt 600 ]; then
                echo "$node_name does not answer; nothing was reloaded" >&2
                # shellcheck disable=SC2086 # a list of numbers
                kill $waiting
                exit 1
            fi
            sleep 0.1
        done
    done
    touch "$together/go"
    status=0
    for process in $waiting; do wait "$process" || status=1; done
    rm -rf "$together"
    return "$status"
}

apply() {
    kubectl_ apply -k "$bundle/kubernetes"
    if [ -e "$bundle/kubernetes/load-balancer-status" ]; then
        sh "$bundle/kubernetes/load-balancer-status"
    fi
}

apply_files() {
    for file in "$@"; do kubectl_ apply -f "$bundle/$file"; done
}

# The listeners must be there before VIPs lead to them. NAMESPACE GATEWAY LISTENERSET...
await_gateway() {
    home=$1 gateway=$2
    shift 2
    set -- "gateways.gateway.networking.k8s.io/$gateway" "$@"
    for object in "$@"; do
        kubectl_ wait --for=condition=Programmed --timeout=120s --namespace "$home" "$object"
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

# The node's own command; a reboot takes the connection with it.
visit() {
    boot=$(on "$1" boot_id)
    status=0
    ${LBGEN_ON:-ssh} "$(host "$1")" {{ visit }} || status=$?
    sleep 5
    if [ "$status" != 0 ] && [ "$(on "$1" boot_id 2>/dev/null)" = "$boot" ]; then
        echo "$1: the command failed: exit status $status" >&2
        return 1
    fi
    limit=$(($(date +%s) + 900))
    until on "$1" alive 2>/dev/null; do
        if [ "$(date +%s)" -ge "$limit" ]; then
            echo "$1: keepalived is not running 15 minutes after the command" >&2
            return 1
        fi
        sleep 2
    done
}

# Waits until nodes hold what they should: SECONDS 'NODE...' ADDRESS=NODE...
await() {
    limit=$(($(date +%s) + $1))
    nodes=$2
    shift 2
    while :; do
        wrong=
        for node_name in $nodes; do
            here=" $(on "$node_name" addresses | tr '\n' ' ') "
            for pair in "$@"; do
                vip=${pair%%=*} holder=${pair#*=}
                case $here in
                *" $vip "*) if [ "$holder" != "$node_name" ]; then wrong="$wrong $vip is on $node_name;"; fi ;;
                *) if [ "$holder" = "$node_name" ]; then wrong="$wrong $vip is not on $node_name;"; fi ;;
                esac
            done
        done
        if [ -z "$wrong" ]; then return 0; fi
        if [ "$(date +%s)" -ge "$limit" ]; then
            echo "not as it should be:$wrong" >&2
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

yes=no dry_run=no from_step='' back=''
while [ $# -gt 0 ]; do
    case $1 in
    --yes) yes=yes ;;
    --dry-run) dry_run=yes ;;
    --from-step | --back)
        if [ -z "${2:-}" ]; then
            echo "$1 needs the id of a step" >&2
            exit 2
        fi
        if [ "$1" = --back ]; then back=$2; else from_step=$2; fi
        shift
        ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done
if [ -n "$from_step" ] && [ -n "$back" ]; then
    echo "--from-step and --back cannot be used together" >&2
    exit 2
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
    if [ "$dry_run" = no ] && agreed; then eval "$commands"; fi
    exit 0
}

# Asks, runs a step, checks what must hold then. ID TITLE NUMBER
step() {
    if [ "$back" = "$1" ]; then go_back "$@"; fi
    if [ -n "$back" ]; then return 0; fi
    if [ -n "$from_step" ] && [ "$from_step" != "$1" ]; then return 0; fi
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
    (set -e; "do_$3"; "check_$3"; watch "check_$3")
    status=$?
    set -e
    if [ "$status" != 0 ]; then
        printf '\n%s failed. Once the cause is fixed, go on with --from-step %s\n' "$1" "$1" >&2
        if [ -n "$("back_$3")" ]; then
            printf 'The way back is --back %s, which runs:\n' "$1" >&2
            "back_$3" >&2
        else
            echo 'The way back is to render the revision that ran before, and to roll that out.' >&2
        fi
        exit 1
    fi
}
{% for step in steps %}

about_{{ loop.index }}() {
    cat <<'END'
{% for line in step.about %}
  {{ line }}
{% endfor %}
END
}
do_{{ loop.index }}() {
{% for command in step.commands %}
    {{ command }}
{% endfor %}
}
check_{{ loop.index }}() {
    {{ step.check }}
}
back_{{ loop.index }}() {
    cat <<'END'
{% for command in step.back %}
  {{ command }}
{% endfor %}
END
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
{% for node in left_out %}
echo {{ node }}' was down and has its old files: before keepalived starts there, bring it the new ones'
{% endfor %}
echo "done"
