//! A node of the bundle: boots with empty /run and nothing but the bundle's files, runs what a host runs at boot.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lbgen::model::{DaemonForm, Datacenter, Entrypoint, KubeProxy};
use lbgen::plan::NodePlan;

use super::host::Host;
use super::kubelet;
use super::network::{INTERNAL, Link, nodad, sources};
use super::pod::KUBELET;
use super::release;

/// A node that runs, with the pod behind it.
pub struct Node {
    pub host: Host,
    /// Its pod; dropped with it.
    _pod: Host,
}

/// The input of a node's boot.
pub struct Machine<'a> {
    pub datacenter: &'a Datacenter,
    pub plan: &'a NodePlan,
    /// Its number, from 1.
    pub index: usize,
    pub links: &'a [Link],
    /// The bundle.
    pub bundle: PathBuf,
    /// The objects of the cluster.
    pub cluster: PathBuf,
}

/// The path of keepalived's log.
pub const LOG: &str = "/run/lab/keepalived.log";

impl Machine<'_> {
    /// The node after its boot: keepalived has been started.
    pub fn boot(&self, gateway: &Host) -> Node {
        let name = self.plan.node.as_str();
        let host = Host::start(name);
        let pod = Host::start(&format!("pod-{name}"));
        self.plug(gateway, &host);
        host.connect("pod0", &pod, "eth0");
        host.run(&self.network());
        pod.run(&self.pod());
        host.run(&self.kube_proxy());
        let ports = self.ports();
        // `::` takes IPv4 too.
        let specs: String = ports.iter().map(|port| format!(" ::/{port}")).collect();
        let agent = format!("exec {} agent {name}", agent().display());
        pod.serve(&format!("{agent}{specs}"));
        if self.datacenter.kubernetes.kube_proxy == KubeProxy::Ipvs {
            // IPVS is not in every kernel. What it does to routing is what a socket of the node does: replies have the
            // VIP as their source when they are routed.
            host.serve(&format!("{agent}{specs}"));
        }
        host.run("mount -t tmpfs tmpfs /run; mkdir /run/lab; echo up >/run/lab/uplink");
        let health: String = self
            .plan
            .checks
            .iter()
            .filter_map(|check| check.health)
            .map(|health| format!(" {0}/{1}/{2}", health.address, health.port, flag(health.port)))
            .collect();
        if !health.is_empty() {
            host.serve(&format!("{agent}{health}"));
        }
        if self.datacenter.entrypoints.values().any(|entrypoint| entrypoint.tiers().is_none()) {
            host.serve(&service(name));
        }
        let node = Node { host, _pod: pod };
        release::layers(&node.host);
        self.install(&node);
        self.start_keepalived(&node);
        node
    }

    /// Starts keepalived as a boot does, with the files that were installed.
    pub fn start_keepalived(&self, node: &Node) {
        let Some(pod) = &self.plan.pod else {
            node.host.run(BOOT);
            return;
        };
        node.host.run("sysctl -q -p /etc/sysctl.d/90-lbgen.conf");
        if pod.form == DaemonForm::DaemonSet {
            let name = &self.plan.node;
            let manifest = format!("kubernetes/keepalived/nodes/{name}.yaml");
            let manifest = self.bundle.join(manifest).display().to_string();
            let cluster = self.cluster.display().to_string();
            kubelet::keep_objects(&[manifest, cluster.clone()]);
            // Its files come to it by its ConfigMap.
            node.host.run(&format!(
                "rm -rf /etc/keepalived/keepalived.conf /etc/lbgen; mkdir -p {KUBELET}; cp {cluster}/DaemonSet/keepalived-{name} {KUBELET}/wanted"
            ));
        }
        node.kubelet(&self.cluster);
    }

    /// Copies the bundle's files over the node's, as the README says.
    pub fn install(&self, node: &Node) {
        let files = self.bundle.join("nodes").join(self.plan.node.as_str());
        node.host.run(&format!("rsync -rltpO --chmod=u=rwX,go=rX {}/ /", files.display()));
        let notifies = self.plan.instances.iter().filter_map(|instance| instance.notify.as_ref());
        for command in notifies.flat_map(|notify| notify.commands.values()) {
            let command = command.as_str();
            let command = command.split(' ').next().unwrap_or(command);
            node.host.run(&format!(
                "[ -e {command} ] || {{ mkdir -p $(dirname {command}); printf '#!/bin/sh\\n' >{command}; chmod 755 {command}; }}"
            ));
        }
    }

    /// Cables into every link that it is on.
    fn plug(&self, gateway: &Host, host: &Host) {
        for (number, link) in self.links.iter().enumerate() {
            for (_, interface) in
                link.ports.iter().filter(|(node, _)| *node == self.plan.node.as_str())
            {
                let port = self.port(number);
                gateway.connect(&port, host, interface);
                gateway.run(&format!(
                    "ip link set {port} master {0}; ip link set {port} up",
                    link.bridge
                ));
                // The address of a network card survives a boot: the others send adverts to it at once.
                let mac = format!("02:00:00:01:{number:02x}:{:02x}", self.index);
                host.run(&format!("ip link set {interface} address {mac} up"));
            }
        }
    }

    /// The gateway's end of its cable into a link.
    pub fn port(&self, link: usize) -> String {
        format!("n{}-{link}", self.index)
    }

    /// Addresses and routes that a host has before any VIP, and the kernel settings of a strict distribution.
    fn network(&self) -> String {
        let (name, node) = self
            .datacenter
            .nodes
            .iter()
            .find(|(name, _)| **name == self.plan.node)
            .expect("every planned node is one of the datacenter's");
        let interface = &node.interface;
        let mut script = String::from(
            "set -e\nsysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=1 \
             net.ipv4.conf.default.rp_filter=1 net.ipv4.conf.all.promote_secondaries=0\n\
             for all in /proc/sys/net/ipv4/conf/*/promote_secondaries; do echo 0 >$all; done\n",
        );
        for address in sources(node) {
            script += &format!("ip addr add {address} dev {interface}{}\n", nodad(address));
        }
        let others = self.datacenter.nodes.iter().filter(|(other, _)| *other != name);
        for address in others.flat_map(|(_, other)| sources(other)) {
            script += &format!("ip route add {address} dev {interface}\n");
        }
        for gateway in INTERNAL {
            script += &format!(
                "ip route add {gateway} dev {interface}\nip route add default via {gateway} dev {interface}\n"
            );
        }
        let index = self.index;
        script += &format!(
            "ip link set pod0 up; ip addr add 100.64.{index}.1/24 dev pod0; ip addr add fd64:{index}::1/64 dev pod0 nodad\n"
        );
        script
    }

    fn pod(&self) -> String {
        let index = self.index;
        format!(
            "set -e; ip link set eth0 up; ip addr add 100.64.{index}.2/24 dev eth0; ip addr add fd64:{index}::2/64 dev eth0 nodad
             ip route add default via 100.64.{index}.1; ip -6 route add default via fd64:{index}::1"
        )
    }

    /// kube-proxy's translation to the node's own pod (externalTrafficPolicy: Local), in its iptables and nftables modes.
    fn kube_proxy(&self) -> String {
        let mut script = String::from(
            "set -e
             nft add table inet kube-proxy
             nft add set inet kube-proxy unready4 '{ type ipv4_addr; }'
             nft add set inet kube-proxy unready6 '{ type ipv6_addr; }'
             nft add chain inet kube-proxy unready '{ type filter hook prerouting priority raw; }'
             nft add rule inet kube-proxy unready ip daddr @unready4 meta l4proto tcp drop
             nft add rule inet kube-proxy unready ip6 daddr @unready6 meta l4proto tcp drop
             nft add chain inet kube-proxy nat '{ type nat hook prerouting priority dstnat; }'
             nft add chain inet kube-proxy own '{ type nat hook output priority -100; }'\n",
        );
        if self.datacenter.kubernetes.kube_proxy == KubeProxy::Ipvs || self.ports().is_empty() {
            return script;
        }
        let ports: Vec<String> = self.ports().iter().map(ToString::to_string).collect();
        let ports = ports.join(", ");
        for (address, _) in self.datacenter.vips.iter().flat_map(|vip| vip.addresses()) {
            let (family, pod) = match address {
                IpAddr::V4(_) => ("ip", format!("100.64.{}.2", self.index)),
                IpAddr::V6(_) => ("ip6", format!("fd64:{}::2", self.index)),
            };
            for chain in ["nat", "own"] {
                script += &format!(
                    "nft add rule inet kube-proxy {chain} {family} daddr {address} tcp dport '{{ {ports} }}' dnat {family} to {pod}\n"
                );
            }
        }
        script
    }

    /// Every port of every entrypoint.
    fn ports(&self) -> Vec<u16> {
        let tiers = self.datacenter.entrypoints.values().filter_map(Entrypoint::tiers);
        let ports = tiers.flat_map(|tiers| tiers.edge.ports.values().map(|port| port.number));
        let mut ports: Vec<u16> = ports.collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

/// The port of a service of the nodes themselves.
pub const SERVICE: u16 = 8080;

/// Starts the service of a node itself.
fn service(name: &str) -> String {
    format!("exec {} agent {name} ::/{SERVICE}", agent().display())
}

/// The program that stands for pods and health ports: the example `lab`, which lies beside the tests.
pub fn agent() -> &'static Path {
    static AGENT: OnceLock<PathBuf> = OnceLock::new();
    AGENT.get_or_init(|| {
        let own = std::env::current_exe().expect("this program has a path");
        let folder = own.parent().expect("it lies in a folder");
        if !folder.ends_with("deps") {
            return own;
        }
        // `cargo test --test lab` builds no examples.
        let build = ["build", "--quiet", "--example", "lab"];
        let built = Command::new(env!("CARGO")).args(build).status();
        assert!(built.expect("cargo runs").success());
        folder.with_file_name("examples").join("lab")
    })
}

/// The file whose presence makes a health port answer 503.
fn flag(port: u16) -> String {
    format!("/run/lab/unready-{port}")
}

/// The commands of a boot with the files of the bundle: tmpfiles, sysctl, the unit before keepalived, keepalived.
pub const BOOT: &str = r#"
    set -e
    awk '$1 == "d" { print $2 }' /etc/tmpfiles.d/lbgen.conf | xargs mkdir -p
    sysctl -q -p /etc/sysctl.d/90-lbgen.conf
    $(sed -n 's/^ExecStart=//p' /etc/systemd/system/lbgen-policy-routing.service)
    TMPDIR=/run/lab keepalived --dont-fork --log-console --log-detail >/run/lab/keepalived.log 2>&1 &
"#;

impl Node {
    /// keepalived says goodbye: it is told to stop, and has.
    pub fn stop(&self) {
        if self.has_pod() {
            self.host.run(&format!(
                "rm -f {KUBELET}/wanted /etc/kubernetes/manifests/lbgen-keepalived.yaml; while [ -e {KUBELET}/set.pid ] || [ -e {KUBELET}/static.pid ]; do sleep 0.1; done"
            ));
            return;
        }
        self.host.run(
            "kill $(cat /run/keepalived.pid); while [ -e /run/keepalived.pid ]; do sleep 0.05; done",
        );
    }

    /// Returns true if the kubelet runs a pod.
    pub fn has_pod(&self) -> bool {
        self.host.sh(&format!("ls {KUBELET}/*.pid")).status.success()
    }

    /// keepalived reads its file again.
    pub fn reload(&self) {
        self.host.run("kill -HUP $(cat /run/keepalived.pid)");
    }

    /// Writes the drain file.
    pub fn drain(&self, yes: bool) {
        self.host.run(&format!("echo {} >/run/lbgen/drain", u8::from(yes)));
    }

    /// The file whose presence makes this health port answer 503.
    pub fn unready(&self, port: u16, yes: bool) {
        let flag = flag(port);
        self.host.run(&if yes { format!("touch {flag}") } else { format!("rm -f {flag}") });
    }

    /// The service of the node itself dies, or is started again.
    pub fn service(&self, name: &str, runs: bool) {
        match runs {
            true => self.host.serve(&service(name)),
            false => drop(self.host.run(&format!("pkill -f '[:]:/{SERVICE}$'"))),
        }
    }

    /// The node's uplink is gone, or back.
    pub fn uplink(&self, is_up: bool) {
        let word = if is_up { "up" } else { "down" };
        self.host.run(&format!("echo {word} >/run/lab/uplink"));
    }

    /// kube-proxy drops what comes for an address, because no ready pod is on this node.
    pub fn drop_requests(&self, address: IpAddr, yes: bool) {
        let set = if address.is_ipv6() { "unready6" } else { "unready4" };
        let verb = if yes { "add" } else { "delete" };
        self.host.run(&format!("nft {verb} element inet kube-proxy {set} '{{ {address} }}'"));
    }

    /// A health port answers at another address too.
    pub fn serve_health(&self, address: &str, port: u16) {
        let agent = format!("exec {} agent {}", agent().display(), self.host.name);
        self.host.serve(&format!("{agent} {address}/{port}/{}", flag(port)));
    }

    /// Returns the end of keepalived's log.
    pub fn log(&self) -> String {
        self.host.run(&format!(
            "tail -n 140 {LOG} 2>/dev/null; tail -n 140 {KUBELET}/*/keepalived.log {KUBELET}/*/sweep.log {KUBELET}/*.log 2>/dev/null || true"
        ))
    }
}
