# Nodes that are reached by the container beside keepalived, through the API server.
by_pod='{{ by_pod | join(" ") }}'
pods={{ namespace }}

is_by_pod() {
    case " $by_pod " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

# A shell in the pod of a node: NODE PROGRAM
in_pod() {
    kubectl_ exec --stdin --namespace "$pods" "daemonset/keepalived-$1" --container guard -- sh -c "$2"
}

# A pod that is made while this stands starts no keepalived: NODE...
hold_pods() {
    kubectl_ apply -f "$bundle/kubernetes/keepalived/namespace.yaml"
    for node_name in "$@"; do
        printf '%s\n' 'apiVersion: v1' 'kind: ConfigMap' "metadata: { name: keepalived-hold-$node_name, namespace: $pods }" 'data: { held: "yes" }' |
            kubectl_ apply -f -
    done
}

release_pods() {
    for node_name in "$@"; do
        if is_down "$node_name"; then continue; fi
        kubectl_ delete configmap "keepalived-hold-$node_name" --namespace "$pods" --ignore-not-found
    done
}

# Three minutes for all of them, an image that is new to a node included: NODE...
await_pods() {
    limit=$(($(date +%s) + 180))
    for node_name in "$@"; do
        until is_down "$node_name" || in_pod "$node_name" : </dev/null 2>/dev/null; do
            if [ "$(date +%s)" -ge "$limit" ]; then
                echo "the pod of keepalived on $node_name does not run: kubectl --namespace $pods describe daemonset keepalived-$node_name" >&2
                return 1
            fi
            sleep 1
        done
    done
}

# Another pod, as its DaemonSet makes it now; nobody starts keepalived in the old one: NODE...
recreate() {
    for node_name in "$@"; do
        if is_down "$node_name"; then continue; fi
        on "$node_name" act stop
        kubectl_ delete pods --namespace "$pods" --selector "app.kubernetes.io/name=keepalived,lbgen.dev/node=$node_name"
        await_pods "$node_name"
        on "$node_name" act start
    done
}

# ConfigMaps that a pod was made from are needed when the kubelet starts it again; the others are not.
delete_unused_files() {
    used=$(kubectl_ get pods,daemonsets --namespace "$pods" --output 'jsonpath={range .items[*]}{.spec.volumes[*].configMap.name} {.spec.template.spec.volumes[*].configMap.name} {end}')
    kubectl_ get configmaps --namespace "$pods" --selector 'app.kubernetes.io/name=keepalived,app.kubernetes.io/part-of={{ datacenter }}' --output name |
        while read -r found; do
            case " $used " in
            *" ${found#*/} "*) ;;
            *) kubectl_ delete "$found" --namespace "$pods" --ignore-not-found </dev/null ;;
            esac
        done
}
