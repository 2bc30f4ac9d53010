usage() { awk 'NR > 3 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

yes=no dry_run=no accept=no from_step='' end_step='' back='' follow='' down='' confirm_within='' parallel=32 take_over=
while [ $# -gt 0 ]; do
    case $1 in
    --yes) yes=yes ;;
    --dry-run) dry_run=yes ;;
    --accept-holders) accept=yes ;;
    --from-step | --until | --back | --follow | --down | --confirm-within | --parallel | --take-over)
        if [ -z "${2:-}" ]; then
            echo "$1 needs a value" >&2
            exit 2
        fi
        case $1 in
        --back) back=$2 ;;
        --follow) follow=$2 ;;
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

for node_name in $(echo "$down $follow" | tr , ' '); do
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

if [ -n "$follow" ]; then
    on "$follow" follow
    exit
fi

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
