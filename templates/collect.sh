#!/bin/sh
# Gathers what a node runs, as a tar archive on stdout. It changes nothing.
#
#   lbgen import --collect >collect.sh
#   ssh lb-1 sh <collect.sh | tar x -C nodes/lb-1
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A command that this node lacks leaves its file out.
keep() {
    name=$1
    shift
    if "$@" >"$folder/$name" 2>/dev/null; then
        return
    fi
    rm -f "$folder/$name"
}

# Without IPv6 in the kernel, what there is of IPv4.
both_families() {
    ip -4 -j "$@"
    ip -6 -j "$@" || true
}

keep ip-addr.json ip -j addr
keep ip-rule.json both_families rule
keep ip-route.json both_families route show table all
keep rt_tables.txt sh -c 'cat /usr/share/iproute2/rt_tables /etc/iproute2/rt_tables /etc/iproute2/rt_tables.d/*.conf; true'
keep keepalived-version.txt sh -c 'keepalived --version 2>&1'

# What keepalived is started with says which of its `@` lines count.
for path in etc/keepalived etc/default/keepalived etc/sysconfig/keepalived etc/lbgen \
    etc/sysctl.d/90-lbgen.conf etc/tmpfiles.d/lbgen.conf etc/systemd/networkd.conf.d/90-lbgen.conf \
    etc/kubernetes/manifests/lbgen-keepalived.yaml etc/systemd/system/lbgen-policy-routing.service etc/systemd/system/lbgen-metrics.service \
    etc/systemd/system/lbgen-metrics.timer usr/local/sbin/lbgen-policy-routing usr/local/libexec/lbgen; do
    if [ -e "/$path" ]; then
        mkdir -p "$folder/${path%/*}"
        # A link that leads nowhere is left out, and said.
        cp -RLp "/$path" "$folder/$path" || true
    fi
done
# Keys and certificates stay where they are.
find "$folder" -type f \( -name '*.key' -o -name '*.pem' -o -name '*.p12' \) -exec rm -f {} +

tar c -C "$folder" .
