# The node's own command; a reboot takes the connection with it, or comes some time after it.
visit() {
    boot=$(on "$1" boot_id)
    before=$(on "$1" failing)
    status=0
    # The command is the host's.
    ${LBGEN_ON:-$ssh} "$(host "$1")" {{ visit }} 8<&- || status=$?
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
