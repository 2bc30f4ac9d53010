addresses() { ip -o addr show | awk '{ sub(/\/.*/, "", $4); print $4 }'; }

# Says which addresses the node has, and each that comes or goes (ip-monitor(8)), as long as somebody listens.
follow() {
    ip -o monitor address &
    monitor=$!
    addresses | sed 's/^/has /'
    echo following
    # The end of the connection.
    cat >/dev/null
    kill "$monitor"
}

# What the node says of itself, as one JSON document; FILE... are those that it should have. It changes nothing. A space
# says that it is still at work.
state() {
    printf ' '
    said=$(
        echo "time $(date +%s)"
        echo "boot_id $(boot_id)"
        if version=$(inside keepalived --version 2>&1); then echo "version $(echo "$version" | sed -n 's/^Keepalived v\([0-9.]*\).*/\1/p')"; fi
        if alive 2>/dev/null; then echo "running yes"; fi
        if [ "$(cat "$drain" 2>/dev/null || echo 0)" != 0 ]; then echo "drained yes"; fi
        if [ -d /var/lib/lbgen/rollout ]; then
            echo "claim_id $(cat /var/lib/lbgen/rollout/id 2>/dev/null || echo unknown)"
            echo "claim_by $(cat /var/lib/lbgen/rollout/by 2>/dev/null || echo somebody)"
        fi
        addresses | sed 's/^/address /'
        for file in "$@"; do
            if [ -f "/$file" ]; then
                echo "file $(sha256sum "/$file" | cut -d ' ' -f 1) $file"
            fi
        done
        folders=/etc/lbgen
        if ! in_image; then folders="$folders /usr/local/libexec/lbgen"; fi
        # shellcheck disable=SC2086 # folders
        find $folders ! -type d 2>/dev/null | while read -r file; do
            known=no
            for ours in "$@"; do if [ "/$ours" = "$file" ]; then known=yes; fi; done
            if [ "$known" = no ]; then echo "foreign ${file#/}"; fi
        done
    )
    printf ' '
    if tells; then
        said="$said
$(inside "$loaded_program" --status 2>/dev/null || true)"
    fi
    printf ' '
    if routes; then
        said="$said
$(inside "$routing_script" status 2>/dev/null | sed 's/^/routing /' || true)"
    fi
    echo "$said" | awk -v node="$me" '
    function text(from,    i, all) {
        all = $0
        for (i = 1; i < from; i++) sub(/^[^ ]* */, "", all)
        gsub(/\\/, "\\\\", all)
        gsub(/"/, "\\\"", all)
        gsub(/[[:cntrl:]]/, " ", all)
        return "\"" all "\""
    }
    function item(list, value) { lists[list] = lists[list] (lists[list] == "" ? "" : ", ") value }
    BEGIN { loaded = "unknown" }
    $1 == "time" { time = $2 }
    $1 == "boot_id" { boot = $2 }
    $1 == "version" { version = $2 }
    $1 == "running" { running = 1 }
    $1 == "drained" { drained = 1 }
    $1 == "claim_id" { claim = text(2) }
    $1 == "claim_by" { by = text(2) }
    $1 == "address" { item("addresses", text(2)) }
    $1 == "file" { item("files", text(3) ": \"" $2 "\"") }
    $1 == "foreign" { item("foreign", text(2)) }
    $1 == "instance" { item("instances", "\"" $2 "\": {\"state\": \"" $3 "\", \"since\": " $4 + 0 "}") }
    $1 == "check" { item("checks", "\"" $2 "\": " ($3 == "BAD" ? "false" : "true")) }
    $1 == "loaded" { loaded = $2 }
    $1 == "differs" { item("differs", text(2)) }
    $1 == "routing" { count[$2]++; if ($2 == "missing" || $2 == "foreign") item("routing", text(2)) }
    END {
        printf "{\"version\": 1, \"node\": \"%s\", \"time\": %d, \"boot_id\": \"%s\",\n", node, time, boot
        printf " \"keepalived\": {\"version\": \"%s\", \"running\": %s},\n", version, running ? "true" : "false"
        printf " \"drained\": %s,\n", drained ? "true" : "false"
        if (claim != "") printf " \"claim\": {\"id\": %s, \"by\": %s},\n", claim, by
        printf " \"addresses\": [%s],\n", lists["addresses"]
        print " \"files\": {" lists["files"] "},"
        print " \"foreign\": [" lists["foreign"] "],"
        printf " \"loaded\": \"%s\", \"differs\": [%s],\n", loaded, lists["differs"]
        print " \"instances\": {" lists["instances"] "},"
        print " \"checks\": {" lists["checks"] "},"
        printf " \"routing\": {\"present\": %d, \"absent\": %d, \"missing\": %d, \"foreign\": %d, \"lines\": [%s]}}\n",
            count["present"], count["absent"], count["missing"], count["foreign"], lists["routing"]
    }'
}
