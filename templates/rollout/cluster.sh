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
    # Its pods are gone too, then.
    if [ "$1" = daemonset ]; then set -- "$@" --cascade=foreground; fi
    kubectl_ delete "$@" --ignore-not-found
}

free_health_port() {
    kubectl_ patch service "$2" --namespace "$1" --type merge \
        --patch '{"spec":{"externalTrafficPolicy":"Cluster","healthCheckNodePort":null}}'
}
