//! Files -> [`State`]: what a folder of configuration says that runs, whoever wrote it. Nothing here asks the plan:
//! a state is about what the files say.

mod certificate;
pub mod elect;

mod gateway;
mod gathered;
mod git;
pub mod http_route;
mod interfaces;
mod keepalived;
mod kustomization;
pub mod listening;
mod live;
mod object;
pub mod pod;
mod remark;
mod routing;
mod service_status;
mod tree;

pub use gateway::HostListener;
pub use git::WorkTree;
pub use interfaces::Interfaces;
pub use keepalived::{
    Address, Advert, Authentication, Configuration, Effect, Identity, Instance, Line, Preemption,
    Process, Script, Statement, SyncGroup, Track, Tracked, Transport, Vmac, Watched, Weight,
};
pub use kustomization::Kustomization;
pub use live::{Live, objects_of};
pub use object::{Object, ObjectKey, PathRule};
pub use pod::Pod;
pub use remark::{Kind as RemarkKind, Remark};
pub use routing::{ScriptMark, ScriptRoute, ScriptRouting, ScriptRule, StandingRule};
pub use service_status::ServiceStatus;
pub use tree::Tree;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use rayon::prelude::*;

use crate::bundle::{Controllers, NodeFile, Place};
use crate::language::name::{Name, Subdomain};
use crate::language::version::KeepalivedVersion;
use crate::source::{FileId, Sources};

/// Everything that runs on the nodes and in the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// By name.
    pub nodes: BTreeMap<Subdomain, Arc<NodeState>>,
    /// The objects of the manifests that were read.
    pub objects: BTreeMap<ObjectKey, Object>,
    /// Manifests that are no YAML: nothing tells what stands in them.
    pub unreadable: BTreeSet<String>,
    /// The input of `kubectl apply -k`.
    pub kustomization: Kustomization,
    /// The programs that read the objects, where its `bundle.json` names them.
    pub controllers: Option<Controllers>,
}

/// The contents of a node's files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeState {
    /// `None` without a keepalived.conf.
    pub keepalived: Option<Configuration>,
    /// The pod that its keepalived runs in, or `None` if the host starts it.
    pub pod: Option<Pod>,
    /// The release of its keepalived, where it was asked (`keepalived-version.txt`).
    pub version: Option<KeepalivedVersion>,
    /// Its addresses, where it was asked (`ip-addr.json`).
    pub interfaces: Interfaces,
    /// The contents of the policy routing script; empty without one.
    pub routing: ScriptRouting,
    /// Rules from an address that stood in the kernel when the files were collected (`ip-rule.json`).
    pub standing: Vec<StandingRule>,
}

impl NodeState {
    /// Rules that stand for one of these addresses and that neither keepalived nor the script of `to` has: what set them is
    /// not what holds the VIPs any more.
    pub fn outdated<'a>(
        &'a self,
        to: &'a NodeState,
        vips: &'a [IpAddr],
    ) -> impl Iterator<Item = &'a StandingRule> {
        let own = to.keepalived.iter().flat_map(|found| &found.instances);
        let own: Vec<String> = own
            .flat_map(|instance| instance.rules.iter().map(|rule| rule.words.clone()))
            .chain(
                to.routing
                    .rules
                    .iter()
                    .map(|rule| format!("{} priority {}", rule.words, rule.priority)),
            )
            .collect();
        self.standing
            .iter()
            .filter(|rule| vips.contains(&rule.from))
            .filter(move |rule| !own.contains(&rule.words()))
    }
}

impl State {
    /// Reads a tree; `sources` keeps the configuration files, so that remarks and instances can name their lines.
    pub fn read(tree: &Tree, sources: &mut Sources) -> (Self, Vec<Remark>) {
        let files = configuration_files(tree, sources);
        let names: Vec<&str> = tree.nodes().collect();
        let nodes: Vec<_> = names
            .par_iter()
            .filter_map(|name| Some((Subdomain::parse(name)?, read_node(tree, name, &files))))
            .collect();
        let mut state = Self::default();
        let mut remarks = Vec::new();
        for (name, (node, found)) in nodes {
            state.nodes.insert(name, Arc::new(node));
            remarks.extend(found);
        }
        let (objects, unreadable) = tree.manifests();
        state.objects = objects.into_iter().map(|object| (object.key.clone(), object)).collect();
        state.unreadable = unreadable;
        let kustomization = tree.get(&Place::Kustomization.to_string());
        state.kustomization = kustomization.map(Kustomization::read).unwrap_or_default();
        state.controllers = tree.get(&Place::List.to_string()).and_then(Controllers::read);
        (state, remarks)
    }
}

/// The contents of a node's files, and the statements that they come from.
#[derive(Debug)]
pub struct Written {
    /// The name of the node's folder.
    pub name: String,
    /// The contents of the files.
    pub state: NodeState,
    /// Every statement of its keepalived.conf, includes in their places.
    pub statements: Vec<Statement>,
    /// Remarks on everything that was not understood.
    pub remarks: Vec<Remark>,
}

impl Written {
    /// Every node of a tree, by name.
    pub fn read(tree: &Tree, sources: &mut Sources) -> Vec<Self> {
        let files = configuration_files(tree, sources);
        let names: Vec<&str> = tree.nodes().collect();
        let read = |name: &&str| {
            let (state, remarks) = read_node(tree, name, &files);
            let statements = host(tree, name, &files, &state).statements();
            let statements = statements.map(|(statements, ..)| statements).unwrap_or_default();
            Self { name: (*name).to_owned(), state, statements, remarks }
        };
        names.par_iter().map(read).collect()
    }
}

/// The files of all nodes that may be part of a configuration.
fn configuration_files<'a>(tree: &'a Tree, sources: &mut Sources) -> BTreeMap<&'a str, FileId> {
    let readable = tree.iter().map(|(path, _)| path);
    let readable =
        readable.filter(|path| Place::of(path).is_of_node() && keepalived::is_readable(path));
    let shared = readable.filter_map(|path| Some((path, tree.share(path)?)));
    shared.map(|(path, body)| (path, sources.add(tree.shown(path), body))).collect()
}

fn read_node(tree: &Tree, name: &str, files: &BTreeMap<&str, FileId>) -> (NodeState, Vec<Remark>) {
    let collected = |file: &str| tree.get(&NodeFile::of(file).on(name).to_string());
    let pod = Pod::of(tree, name);
    let script = NodeFile::PolicyRouting(pod::home(pod.as_ref())).on(name).to_string();
    let script = tree.get(&script);
    let mut node = NodeState {
        keepalived: None,
        pod,
        version: collected("keepalived-version.txt").and_then(KeepalivedVersion::of_text),
        interfaces: interfaces(tree, name),
        routing: script.map(routing::read).unwrap_or_default(),
        standing: collected("ip-rule.json").map(routing::standing).unwrap_or_default(),
    };
    let (keepalived, remarks) = host(tree, name, files, &node).configuration();
    node.keepalived = keepalived;
    (node, remarks)
}

/// Reads the output of `ip -j addr`: `ip-addr.json`, or a file for each family.
fn interfaces(tree: &Tree, name: &str) -> Interfaces {
    let mut found = Interfaces::default();
    let folder = Place::folder_of(name);
    let printed = tree.below(&folder).filter(|(path, _)| {
        path.starts_with("ip-addr") && path.ends_with(".json") && !path.contains('/')
    });
    printed.filter_map(|(_, body)| Interfaces::read(body)).for_each(|more| found.extend(more));
    found
}

fn host<'a>(
    tree: &'a Tree,
    node: &'a str,
    files: &'a BTreeMap<&'a str, FileId>,
    state: &'a NodeState,
) -> keepalived::Host<'a> {
    let version = state.version.unwrap_or(KeepalivedVersion::OLDEST);
    keepalived::Host { tree, node, files, version, interfaces: &state.interfaces }
}
