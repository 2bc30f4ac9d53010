# Whether this runs in the image of pods, and so in a pod.
in_image() { [ -x "$pod_program" ]; }

# What pods and hosts of this node agree on: the form in which keepalived may be started, and whether it is stopped.
kept_form=/var/lib/lbgen/form
stopped=/var/lib/lbgen/stopped
# One for each form: its pods were made before their turn.
held=/var/lib/lbgen/held
manifest=/etc/kubernetes/manifests/lbgen-keepalived.yaml

# The form that the files of this node are for.
installed_form() {
    if [ -e "$manifest" ]; then
        echo static_pod
    elif [ -e "$own_routing_script" ]; then
        echo daemonset
    else
        echo host
    fi
}

form=$(installed_form)
if [ -s "$kept_form" ]; then form=$(cat "$kept_form"); fi

# The process beside keepalived in this node's pod; nothing without one. With a word: of a pod that was made from the manifest as
# the node has it now.
guard_process() {
    made_from=
    if [ -n "${1:-}" ]; then
        made_from=$(sed -n '/name: LBGEN_POD$/{n;s/.*value: //p;q;}' "$manifest" 2>/dev/null || true)
    fi
    for file in $(grep -lsazxF guard /proc/[0-9]*/cmdline); do
        process=${file%/cmdline}
        if ! grep -qsazxF "LBGEN_FORM=$form" "$process/environ"; then continue; fi
        if [ -n "$made_from" ] && ! grep -qsazxF "LBGEN_POD=$made_from" "$process/environ"; then continue; fi
        echo "${process#/proc/}"
        return
    done
}

# Runs a program where keepalived runs: here, or in its pod, which the host enters.
inside() {
    if [ "$form" = host ] || in_image; then
        "$@"
        return
    fi
    process=$(guard_process)
    if [ -z "$process" ]; then fail "there is no pod of keepalived on this node: ask the kubelet"; fi
    nsenter --target "$process" --mount --pid --root --wd -- "$@"
}

# Whether keepalived can be asked what it has loaded.
tells() { [ -e /etc/lbgen/expected ] && (inside test -x "$loaded_program") 2>/dev/null; }

routes() { (inside test -x "$routing_script") 2>/dev/null; }

# What comes on standard input is what will be installed.
receive() {
    rm -rf "$next"
    mkdir -p "$next"
    tar -C "$next" -xf -
}

# The kubelet makes a pod within seconds of its file or its DaemonSet; an image that is new here takes longer.
pod_start() {
    limit=$(($(date +%s) + 180))
    until { in_image || [ -n "$(guard_process new)" ]; } && alive; do
        if [ "$(date +%s)" -ge "$limit" ]; then
            fail "keepalived does not run in its pod: kubectl --namespace lbgen-system describe pods --selector lbgen.dev/node=$me"
        fi
        sleep 0.1
    done
}

# The pod stays, and starts it no more.
pod_stop() {
    mkdir -p /var/lib/lbgen
    : >"$stopped"
    if ! alive; then return 0; fi
    inside sh -c 'process=$(cat /run/keepalived.pid); kill "$process"; while kill -0 "$process" 2>/dev/null; do sleep 0.05; done'
}
