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
    if is_by_pod "$1"; then
        tar -C "$bundle/nodes/$1" -cf - etc/keepalived etc/lbgen | on "$1" act receive
        # shellcheck disable=SC2046 # digests and paths
        on "$1" act staged $(listed_of "$1" | grep -E ':etc/(keepalived|lbgen)/')
        return
    fi
    on "$1" act mkdir -p /var/lib/lbgen/next
    if [ -n "${LBGEN_COPY:-}" ]; then
        $LBGEN_COPY "$bundle/nodes/$1" "$(host "$1")"
    else
        rsync -rlt --delete -e "$ssh" "$bundle/nodes/$1/" "$(host "$1"):/var/lib/lbgen/next/"
    fi
    # shellcheck disable=SC2046 # digests and paths
    on "$1" act staged $(listed_of "$1")
}

# DIGEST:PATH of each file of a node.
listed_of() { listed | sed -n "s|^\([0-9a-f]*\)  nodes/$(echo "$1" | sed 's/\./\\./g')/|\1:|p"; }

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
