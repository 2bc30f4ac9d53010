# What a rollout runs on a node, which knows its name as $me, and who runs it as $claimant; where keepalived runs in a pod of a
# DaemonSet, this runs beside it, in the container `guard`.
set -eu
next=/var/lib/lbgen/next
prev=/var/lib/lbgen/prev
verified=/var/lib/lbgen/verified
drain=/run/lbgen/drain
drained=/var/lib/lbgen/drained
kept_drain=/etc/tmpfiles.d/lbgen-drain.conf
conf=etc/keepalived/keepalived.conf
routing_script=/usr/local/sbin/lbgen-policy-routing
# The node's own, for which the image of pods has a program in the place of the script.
own_routing_script=/etc/lbgen/policy-routing
loaded_program=/usr/local/libexec/lbgen/loaded
# The program of pods, which the image has alone.
pod_program=/usr/local/libexec/lbgen/pod
fail() {
    echo "$me: $*" >&2
    exit 1
}

systemd() { [ -d /run/systemd/system ]; }

{% include "node/pod.sh" %}

# Whether files are as they should be: DIGEST:PATH...
verify() {
    for file in "$@"; do
        found=$(sha256sum "/${file#*:}" 2>/dev/null | cut -d ' ' -f 1)
        if [ "$found" != "${file%%:*}" ]; then
            by=$(claimed_by)
            if [ -d /var/lib/lbgen/rollout ]; then by=", and a rollout is under way here, by $by"; else by=; fi
            fail "/${file#*:} is not the file that this rollout was planned from: somebody has edited it, or another bundle runs$by"
        fi
    done
    if [ "$(cat "$drain" 2>/dev/null || echo 0)" != 0 ]; then fail "the node is drained: $drain"; fi
    if ! alive; then fail "keepalived is not running"; fi
    if tells && ! (inside "$loaded_program" --check) >/dev/null 2>&1; then
        fail "keepalived has something else loaded than its file says: reload it, and ask lbgen status"
    fi
    mkdir -p /var/lib/lbgen
    for file in "$@"; do echo "$file"; done >"$verified"
}

# Fails where a file is no longer the one that the rollout began with.
unedited() {
    if [ ! -e "$verified" ]; then return 0; fi
    while read -r file; do
        found=$(sha256sum "/${file#*:}" 2>/dev/null | cut -d ' ' -f 1)
        if [ "$found" != "${file%%:*}" ]; then
            fail "somebody has edited /${file#*:} since the rollout began: put back what was deployed, or undo the rollout and plan again"
        fi
    done <"$verified"
}

# A node that joins runs nothing yet: what it runs would be stopped or overwritten unseen.
fresh() {
    if alive; then
        fail "keepalived runs here already, and this rollout takes the node for a new one: plan from what runs (--from-rev REV, or --from DIR with collected files)"
    fi
}

{% include "node/claim.sh" %}

# Whether what was staged is what the bundle lists, and nothing else: DIGEST:PATH...
staged() {
    for file in "$@"; do
        found=$(sha256sum "$next/${file#*:}" 2>/dev/null | cut -d ' ' -f 1)
        if [ "$found" != "${file%%:*}" ]; then fail "/${file#*:} did not arrive as the bundle has it"; fi
    done
    for file in $(cd "$next" && find . ! -type d | cut -c 3-); do
        case " $* " in
        *":$file "*) ;;
        *) fail "$next/$file is not in the bundle's list" ;;
        esac
    done
}

# The test names the scripts where they will be; they are beside it yet. The folder of the drain file has to be there,
# and without a file the test of 2.2.7 finds nothing wrong.
config_test() {
    mkdir -p /run/lbgen
    if [ ! -s "$next/$conf" ]; then fail "there is no /$conf in $next: copy the files again"; fi
    for folder in usr/local etc/lbgen; do
        if [ -d "$next/$folder" ]; then echo "s|/$folder/|$next/$folder/|g"; fi
    done | sed -f - "$next/$conf" >"$next/test.conf"
    code=0
    (inside keepalived -t -f "$next/test.conf") || code=$?
    rm -f "$next/test.conf"
    return "$code"
}

# One at a time: a command of a script that was killed may still be at work.
alone() {
    mkdir -p /run/lbgen
    exec 9>/run/lbgen/rollout.lock
    flock 9
}

# Keeps what stands before the rollout, all of it or nothing: a step that is run again finds it kept.
keep() {
    if [ -e "$prev" ]; then return 0; fi
    unedited
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
    alone
    # From here on the files may be for another form than the one that runs.
    echo "$form" >"$kept_form"
    keep "$@"
    for file in $(cd "$next" && find . -type f | cut -c 2-); do
        mode=0644
        if [ -x "$next$file" ]; then mode=0755; fi
        mkdir -p "$(dirname "$file")"
        # The kubelet reads every manifest whose name does not begin with a dot.
        new=$(dirname "$file")/.$(basename "$file").lbgen-new
        cp "$next$file" "$new"
        chmod "$mode" "$new"
        mv -f "$new" "$file"
    done
    for file in "$@"; do rm -f "$file"; done
    settings
}

# Which of the files are new is known only while they are staged.
restorable() {
    if [ -e "$prev" ] && [ ! -e "$next" ]; then
        fail "the rollout is finished: render the revision that ran before, and roll that out"
    fi
}

# What an install of this rollout had taken the place of.
restore() {
    alone
    # Nothing was installed here; what is loaded again has to be what was.
    if [ ! -e "$prev" ]; then
        unedited
        return 0
    fi
    restorable
    # What holds rules that nothing held before takes them along.
    if [ ! -e "$prev$routing_script" ] && [ ! -e "$prev$own_routing_script" ]; then routing_down; fi
    for file in $(cd "$next" && find . -type f | cut -c 2-); do
        if [ ! -e "$prev$file" ]; then rm -f "$file"; fi
    done
    for file in $(cd "$prev" && find . -type f | cut -c 2-); do
        new=$(dirname "$file")/.$(basename "$file").lbgen-new
        cp -p "$prev$file" "$new"
        mv -f "$new" "$file"
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
        if [ -e /etc/systemd/system/lbgen-metrics.timer ]; then
            systemctl enable --quiet --now lbgen-metrics.timer
        else
            metrics_down
        fi
    fi
    if ! in_image && [ -e /etc/sysctl.d/90-lbgen.conf ]; then sysctl -q -p /etc/sysctl.d/90-lbgen.conf; fi
    # A script that holds the rules has them in place before keepalived lets go of its own.
    if grep -qsx mode=static "$routing_script" "$own_routing_script"; then routing; fi
}

# Its file may be gone already. Metrics that nobody writes any more would be served for ever.
metrics_down() {
    systemctl stop --quiet lbgen-metrics.timer lbgen-metrics.service 2>/dev/null || true
    rm -f /etc/systemd/system/timers.target.wants/lbgen-metrics.timer
    if [ -e /run/lbgen/metrics.file ]; then rm -f "$(cat /run/lbgen/metrics.file)" /run/lbgen/metrics.file; fi
}

routing() {
    if routes; then inside "$routing_script" up; fi
}

routing_down() {
    if routes; then inside "$routing_script" down; fi
}

# Waits until keepalived has loaded what was installed, by its own data and not by what it says. Of files that lbgen did not
# write nothing is known: there it gets the time that a reload takes.
loaded() {
    if ! tells; then
        sleep 2
        if ! alive; then fail "keepalived is not running any more: journalctl -u keepalived"; fi
        return 0
    fi
    limit=$(($(date +%s) + 20))
    until differs=$(inside "$loaded_program" --check 2>&1); do
        if [ "$(date +%s)" -ge "$limit" ]; then
            echo "$differs" | head -n 12 >&2
            fail "keepalived has not loaded its new configuration (< is expected, > is loaded): journalctl -u keepalived"
        fi
        sleep 0.2
    done
}

reload_signal() {
    if [ "$form" != host ]; then
        inside sh -c 'kill -HUP "$(cat /run/keepalived.pid)"'
    elif systemd; then
        systemctl reload keepalived
    else
        kill -HUP "$(cat /run/keepalived.pid)"
    fi
}

reload() {
    reload_signal
    loaded
    routing
}

start() {
    form=$(installed_form)
    # Pods start keepalived where this is their form, and nothing has stopped it.
    mkdir -p /var/lib/lbgen
    echo "$form" >"$kept_form"
    rm -f "$stopped" "$held.$form"
    if [ "$form" != host ]; then
        pod_start
    else
        routing
        if systemd; then systemctl enable --quiet --now keepalived; else keepalived; fi
    fi
    loaded
}

# Not at the next boot either.
stop() {
    if [ "$form" != host ]; then
        pod_stop
    elif systemd; then
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
    mkdir -p /run/lbgen /var/lib/lbgen
    : >"$drained"
    if ! in_image; then
        mkdir -p /etc/tmpfiles.d
        echo "f $drain 0644 - - - 1" >"$kept_drain"
    fi
    echo 1 >"$drain"
}

undrain() {
    rm -f "$kept_drain" "$drained"
    echo 0 >"$drain"
}

# A node that is no part of the fleet any more keeps nothing of it, the claim neither: PATH...
leave() {
    if [ -d /var/lib/lbgen/rollout ]; then mine; fi
    routing_down
    if systemd; then
        systemctl disable --quiet lbgen-policy-routing 2>/dev/null || true
        metrics_down
    fi
    rm -f "$kept_drain" "$@"
    if systemd; then systemctl daemon-reload; fi
    if in_image; then
        # The folders are the pod's mounts. It stays stopped, until its DaemonSet is deleted.
        find /run/lbgen /etc/lbgen /var/lib/lbgen -mindepth 1 ! -path "$stopped" -delete
    else
        rm -rf /run/lbgen /etc/lbgen /usr/local/libexec/lbgen /var/lib/lbgen
    fi
}

# Checks that do not pass now.
failing() {
    if tells; then inside "$loaded_program" --failing; fi
}

# Why VIPs may be elsewhere.
why() {
    if [ "$(cat "$drain" 2>/dev/null || echo 0)" != 0 ]; then echo "$me is drained"; fi
    if ! alive; then echo "keepalived is not running on $me"; fi
    for check in $(failing 2>/dev/null); do echo "the check $check fails on $me"; done
}

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

# Whether a shutdown is still to come.
shutting_down() { [ -e /run/systemd/shutdown/scheduled ]; }

alive() { (inside sh -c 'kill -0 "$(cat /run/keepalived.pid)"') 2>/dev/null; }

# Says that the connection stands, waits for the word, and proves afterwards what was done: ACTION [OPPOSITE]
# The opposite follows where no second word comes: the other half of a handover failed, or the rollout's script died.
on_word() {
    if ! (mine); then
        echo refused
        exit 1
    fi
    overtake
    echo ready
    read -r _
    case $1 in
    reload) reload_signal ;;
    *) "$1" ;;
    esac
    echo acted
    if [ "$1" = reload ]; then
        loaded
        routing
    fi
    if [ -n "${2:-}" ] && ! read -r _; then "$2"; fi
}

# Undoes what a step does where the script that does it is not heard of for a while: SECONDS FUNCTION...
# Each line that it says is a sign of life; `stays` ends the guard. What undoes the step does not hang on the connection.
guard() {
    seconds=$1
    shift
    mine
    overtake
    mkdir -p /run/lbgen
    heard=/run/lbgen/guard.${run:-}.$$
    : >"$heard"
    (
        trap '' HUP TERM
        while [ -e "$heard" ] && [ $(($(date +%s) - $(date -r "$heard" +%s))) -lt "$seconds" ]; do sleep 1; done
        # Of `stays` and the end of the time, one comes first.
        if mv "$heard" /run/lbgen/undone 2>/dev/null; then
            mine
            for function in "$@"; do "$function"; done
        fi
    ) </dev/null >/dev/null 2>&1 &
    echo guarded
    while read -r word; do
        if [ "$word" = stays ]; then
            if mv "$heard" /run/lbgen/confirmed 2>/dev/null; then echo confirmed; fi
            return 0
        fi
        touch -c "$heard"
    done
}

{% include "node/seen.sh" %}
