//! A datacenter in network namespaces: a gateway with one bridge per network, a client behind it, every node of an
//! inventory with its bundle at the real paths, a pod behind each node, and the real keepalived.

#![allow(dead_code, reason = "each program uses its own part")]

pub mod agent;
pub mod collected;
pub mod edits;
pub mod fleet;
pub mod host;
pub mod kubelet;
pub mod more_edits;
mod network;
mod node;
mod patience;
mod permit;
pub mod pod;
pub mod pod_edits;
pub mod reach;
pub mod release;
pub mod styles;
pub mod timeline;
mod watch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use lbgen::diag::{self, Report};
use lbgen::emit::{self, Templates};
use lbgen::inventory;
use lbgen::model::{Datacenter, Label, Name, Subdomain};
use lbgen::pipeline::{self, Options};
use lbgen::plan::simulate::Scenario;
use lbgen::plan::{self, Keep, Plan};
use lbgen::source::Sources;

use host::Host;
use network::Link;
use node::Machine;
pub use node::Node;
use permit::Permit;

/// A datacenter that runs.
pub struct Lab {
    /// The text that it runs.
    pub inventory: String,
    pub datacenter: Datacenter,
    pub plan: Plan,
    links: Vec<Link>,
    folder: tempfile::TempDir,
    pub gateway: Host,
    pub client: Host,
    /// Those that run, by name.
    pub nodes: BTreeMap<String, Node>,
    /// The holder of each VIP when a state was last proven.
    last: RefCell<BTreeMap<IpAddr, Option<Subdomain>>>,
    _permit: Permit,
}

impl Lab {
    /// Renders an inventory and boots every node of it.
    pub fn start(inventory: &str, lock: &str) -> Self {
        Self::try_start(inventory, lock).unwrap_or_else(|message| panic!("{message}"))
    }

    /// The same for an inventory that may have mistakes; they are the error.
    pub fn try_start(inventory: &str, lock: &str) -> Result<Self, String> {
        let (datacenter, plan) = planned(inventory, lock)?;
        let permit = Permit::wait();
        let folder = tempfile::tempdir().expect("a folder");
        write(&plan, folder.path());
        let links = network::links(&datacenter);
        let gateway = network::start_gateway(&datacenter, &links);
        let client = network::start_client(&gateway);
        let nodes = BTreeMap::new();
        let inventory = inventory.to_owned();
        let mut lab = Self {
            inventory,
            datacenter,
            plan,
            links,
            folder,
            gateway,
            client,
            nodes,
            last: RefCell::default(),
            _permit: permit,
        };
        for name in lab.names() {
            lab.boot(&name);
        }
        Ok(lab)
    }

    /// Every node of the plan.
    pub fn names(&self) -> Vec<String> {
        self.plan.nodes.iter().map(|node| node.node.to_string()).collect()
    }

    /// Boots a node that is not there.
    pub fn boot(&mut self, name: &str) {
        let node = self.machine(name).boot(&self.gateway);
        self.nodes.insert(name.to_owned(), node);
    }

    /// A node loses its power.
    pub fn crash(&mut self, name: &str) {
        self.nodes.remove(name).expect("the node runs");
    }

    /// The cables of some of a node's links are out, or in.
    pub fn cables(&self, name: &str, links: impl IntoIterator<Item = usize>, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        let ports = links.into_iter().map(|link| self.machine(name).port(link));
        let batch: String = ports.map(|port| format!("link set {port} {state}\n")).collect();
        self.gateway.run(&format!("printf '{batch}' | ip -batch -"));
    }

    /// An entrypoint has no ready pod on a node any more, or has one again.
    pub fn ready(&self, entrypoint: &str, name: &str, yes: bool) {
        let node = &self.nodes[name];
        let (label, found) = self
            .datacenter
            .entrypoints
            .iter()
            .find(|(label, _)| label.as_str() == entrypoint)
            .expect("an entrypoint of the inventory");
        let port = found.health_check_node_port().expect("a port to ask").value;
        node.unready(port, !yes);
        for vip in self.datacenter.vips.iter().filter(|vip| vip.entrypoint == *label) {
            for (address, _) in vip.addresses() {
                node.drop_requests(address, !yes);
            }
        }
    }

    /// The link of a gateway of the inventory.
    pub fn link_of(&self, gateway: &str) -> usize {
        let found = self
            .links
            .iter()
            .position(|link| link.gateways.iter().any(|name| name.as_str() == gateway));
        found.expect("a gateway of the inventory")
    }

    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Another inventory takes the place of this one: its files are installed on every node, and keepalived reads them.
    pub fn roll_out(&mut self, inventory: &str, lock: &str) {
        (self.datacenter, self.plan) =
            planned(inventory, lock).unwrap_or_else(|message| panic!("{message}"));
        inventory.clone_into(&mut self.inventory);
        let bundle = self.bundle();
        std::fs::remove_dir_all(&bundle).expect("the bundle is there");
        write(&self.plan, self.folder.path());
        for name in self.names() {
            if let Some(node) = self.nodes.get(&name) {
                self.machine(&name).install(node);
                node.host.run("sysctl -q -p /etc/sysctl.d/90-lbgen.conf; lbgen-policy-routing up");
                node.reload();
            }
        }
    }

    /// The machines run another inventory from scratch, as if they always had: nodes that it does not have stand idle,
    /// without a file of ours.
    pub fn become_fleet(&mut self, inventory: &str, lock: &str) {
        let machines: Vec<String> = self.nodes.keys().cloned().collect();
        for name in &machines {
            self.nodes[name].stop();
            self.nodes[name].host.run(
                "lbgen-policy-routing down; /etc/lbgen/policy-routing down; rm -rf /etc/lbgen /var/lib/lbgen /etc/keepalived/keepalived.conf /etc/sysctl.d/90-lbgen.conf /usr/local/sbin/lbgen-policy-routing /run/lbgen /run/lab/keepalived.log",
            );
        }
        self.is_now(inventory, lock);
        for name in self.names() {
            let node = &self.nodes[&name];
            let machine = self.machine(&name);
            machine.install(node);
            machine.start_keepalived(node);
        }
    }

    /// The files of another inventory have come to the nodes in some other way.
    pub fn is_now(&mut self, inventory: &str, lock: &str) {
        (self.datacenter, self.plan) =
            planned(inventory, lock).unwrap_or_else(|message| panic!("{message}"));
        inventory.clone_into(&mut self.inventory);
        let _ = std::fs::remove_dir_all(self.bundle());
        write(&self.plan, self.folder.path());
        self.last.borrow_mut().clear();
    }

    /// The lock that the plan gives.
    pub fn lock(&self) -> String {
        plan::lock::text(&self.plan)
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join(self.plan.datacenter.as_str())
    }

    /// The bundle of an inventory, in a folder of its own.
    pub fn rendered(inventory: &str) -> tempfile::TempDir {
        let (_, plan) = planned(inventory, "").unwrap_or_else(|message| panic!("{message}"));
        let folder = tempfile::tempdir().expect("a folder");
        write(&plan, folder.path());
        folder
    }

    /// The objects of the cluster.
    pub fn cluster(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    fn machine(&self, name: &str) -> Machine<'_> {
        let index = self.plan.nodes.iter().position(|node| node.node.as_str() == name);
        let index = index.unwrap_or_else(|| panic!("{name} is no node"));
        Machine {
            datacenter: &self.datacenter,
            plan: &self.plan.nodes[index],
            index: index + 1,
            links: &self.links,
            bundle: self.bundle(),
            cluster: self.cluster(),
        }
    }
}

/// Entrypoints without a ready pod on nodes, nothing else.
pub fn unhealthy(pairs: &[(&str, &str)]) -> Scenario {
    let pair = |(entrypoint, node): &(&str, &str)| {
        (Label::parse(entrypoint).expect("a name"), Subdomain::parse(node).expect("a name"))
    };
    Scenario { unhealthy: pairs.iter().map(pair).collect(), ..Scenario::default() }
}

/// Some nodes drained, nothing else.
pub fn drained(nodes: &[&str]) -> Scenario {
    Scenario { drained: failed(nodes).failed, ..Scenario::default() }
}

/// Some nodes gone, nothing else.
pub fn failed(nodes: &[&str]) -> Scenario {
    let names = nodes.iter().map(|name| Subdomain::parse(name).expect("a node's name"));
    Scenario { failed: names.collect(), ..Scenario::default() }
}

fn planned(inventory: &str, lock: &str) -> Result<(Datacenter, Plan), String> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw =
        inventory::parse("inventory.yaml".into(), inventory.into(), &mut sources, &mut report);
    let lock = match lock {
        "" => None,
        text => {
            inventory::lock::parse("inventory.lock".into(), text.into(), &mut sources, &mut report)
        }
    };
    let options = Options { source: "inventory.yaml", keep: Keep::Locked, allow: &[] };
    let planned = pipeline::run(raw.as_ref(), lock.as_ref(), options, &mut report);
    let planned = planned.map(|planned| (planned.datacenter, planned.plan));
    planned.ok_or_else(|| diag::render_human(&report, &sources, false))
}

fn write(plan: &Plan, folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let templates = Templates::load(None).expect("the embedded templates");
    for file in emit::emit(plan, &templates).expect("a plan can be emitted") {
        let path = folder.join(plan.datacenter.as_str()).join(&file.path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(&path, file.body.as_bytes()).expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(file.mode)).expect("a mode");
    }
}
