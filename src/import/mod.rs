//! The running state -> an inventory that gives the same, and what could not come along: LB4xx.

mod check;
mod cluster;
pub mod codes;
mod component;
mod directive;
mod edge;
mod entrypoint;
mod filter;
mod finding;
mod fleet;
mod garp;
mod gateway;
mod group;
mod host;
mod inventory;
mod manifest;
mod member;
mod next_hop;
mod notify;
mod number;
mod one_tier;
mod part;
mod placement;
mod reading;
mod reply_routing;
mod route;
mod split;
mod table;
mod tier;
mod vip;
mod virtual_route;
mod yaml;

pub use host::Hosts;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::bundle::{Controllers, Place};
use crate::diag::Report;
use crate::language::name::{Label, Name as _, Subdomain};
use crate::language::version::KeepalivedVersion;
use crate::source::Sources;
use crate::state::elect::{Electorate, Masters};
use crate::state::{Object, RemarkKind, State, Tree, Written};
use cluster::Cluster;
use finding::Findings;
use fleet::{Fleet, most};
use reading::Reading;

/// The input of an import.
#[derive(Debug, Default)]
pub struct Source {
    /// The files of the nodes, and the manifests of a bundle.
    pub tree: Tree,
    /// Objects of the cluster.
    pub objects: Vec<Object>,
    /// The texts that they were read from, by file.
    pub texts: BTreeMap<String, String>,
    /// The hosts of an Ansible inventory.
    pub hosts: Hosts,
    /// The datacenter's name if nothing else says it.
    pub name: String,
}

/// Everything that was read.
struct Found {
    name: String,
    /// The oldest keepalived of the nodes, where they were asked.
    version: Option<String>,
    written: Vec<Written>,
    fleet: Fleet,
    cluster: Cluster,
    hosts: Hosts,
}

/// The text of an inventory that gives what runs; what it does not give is in the report. `None` where nothing could be
/// read.
pub fn import(mut source: Source, sources: &mut Sources, report: &mut Report) -> Option<String> {
    let mut findings = Findings::default();
    let written = Written::read(&source.tree, sources);
    for node in &written {
        for remark in &node.remarks {
            let (code, help) = match remark.kind {
                // What keepalived does not do, nothing has to do.
                RemarkKind::Skipped => (&codes::LOST, "so does lbgen: the inventory has what runs"),
                RemarkKind::Refused => (&codes::UNREADABLE, "nothing in this file runs"),
                RemarkKind::Unread => (&codes::UNREADABLE, ""),
            };
            findings.add(code, remark.at, remark.text.clone(), help);
        }
        directive::account(&node.name, &node.statements, &mut findings);
    }
    let fleet = Fleet::of(&source.tree, &written, sources, &mut findings);
    tell_held_twice(&written, &mut findings);
    source.objects.extend(source.tree.objects());
    let vips: BTreeSet<IpAddr> =
        fleet.vips.iter().flat_map(|vip| vip.extra.iter().copied().chain([vip.address])).collect();
    let shown = |path: &str| match source.texts.get(path) {
        Some(text) => (path.to_owned(), text.clone()),
        None => (source.tree.shown(path), source.tree.get(path).unwrap_or_default().to_owned()),
    };
    let mut cluster = Reading::new(&source.objects, shown, sources, &mut findings).of(&vips);
    let listed = source.tree.get(&Place::List.to_string()).and_then(Controllers::read);
    cluster.edges.values_mut().for_each(|edge| edge.find_controllers(listed.as_ref()));
    let found = Found {
        name: name(&source),
        version: version(&written),
        written,
        fleet,
        cluster,
        hosts: std::mem::take(&mut source.hosts),
    };
    let is_empty = found.fleet.vips.is_empty() && found.cluster.edges.is_empty();
    let text = (!is_empty).then(|| found.inventory(&mut findings).document());
    findings.report(sources, report);
    text
}

/// Says which VIPs several nodes hold as it is: afterwards one does.
fn tell_held_twice(written: &[Written], findings: &mut Findings) {
    let nodes = written
        .iter()
        .filter_map(|node| Some((Subdomain::parse(&node.name)?, Arc::new(node.state.clone()))));
    let state = State { nodes: nodes.collect(), ..State::default() };
    let electorate = Electorate::of(&[&state], KeepalivedVersion::OLDEST);
    let masters = electorate.elect(&electorate.all(0), &Masters::default());
    for vip in electorate.addresses() {
        let holders = electorate.holders(&masters, vip);
        let [first, _, ..] = holders.as_slice() else { continue };
        let Some(instance) = electorate.instance(vip, *first, 0) else { continue };
        let names: Vec<&str> =
            holders.iter().map(|node| electorate.nodes()[*node].as_str()).collect();
        let title = format!("{} hold {vip} at the same time", names.join(" and "));
        let help = "they do not hear each other, or do not take each other's adverts; with lbgen's files one of them holds it";
        findings.add(&codes::OTHERWISE, instance.at, title, help);
    }
}

/// The oldest keepalived of the nodes, where they were asked.
fn version(written: &[Written]) -> Option<String> {
    let versions = written.iter().filter_map(|node| node.state.version);
    versions.min().map(|version| version.to_string())
}

/// The datacenter of the objects' labels, or what the sources are called.
fn name(source: &Source) -> String {
    let labels = source
        .objects
        .iter()
        .filter_map(|object| object.datacenter().filter(|_| object.is_ours()).map(str::to_owned));
    most(labels).unwrap_or_else(|| label(&source.name, "datacenter"))
}

/// A label made of a text; `default` where nothing of it is left.
fn label(text: &str, default: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = text.chars().map(plain).take(63).collect();
    let text = text.trim_matches('-');
    match Label::parse(text) {
        Some(_) => text.to_owned(),
        None => default.to_owned(),
    }
}
