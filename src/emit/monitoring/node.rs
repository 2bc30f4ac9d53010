//! The program of a node that writes its metrics, and the timer that starts it.

use minijinja::context;
use serde::Serialize;

use super::super::{BundleFile, Emitter, Files, node_file};
use super::digest;
use crate::bundle::{Home, NodeFile};
use crate::plan::{Check, Drain, Instance, NodePlan};

#[derive(Serialize)]
struct Report<'a> {
    datacenter: &'a str,
    node: &'a str,
    directory: &'a str,
    drain: &'static str,
    check_prefix: &'static str,
    planned: String,
    vips: Vec<Vip>,
}

#[derive(Serialize)]
struct Vip {
    address: String,
    entrypoint: String,
    instance: String,
    interface: String,
}

/// The files of a node; `files` are its others.
pub(in crate::emit) fn emit(
    emitter: &Emitter<'_>,
    node: &NodePlan,
    files: &[Vec<BundleFile>],
) -> Files {
    let Some(reported) = &emitter.metrics else { return Ok(Vec::new()) };
    let vips = node.instances.iter().map(|found: &Instance| Vip {
        address: found.vip.to_string(),
        entrypoint: found.entrypoint.to_string(),
        instance: found.name(),
        interface: found.address.interface.to_string(),
    });
    let report = Report {
        datacenter: &reported.datacenter,
        node: node.node.as_str(),
        directory: &reported.directory,
        drain: Drain::FILE,
        check_prefix: Check::PREFIX,
        planned: files
            .iter()
            .flatten()
            .find_map(digest)
            .map(|(_, digest)| digest)
            .unwrap_or_default(),
        vips: vips.collect(),
    };
    let program = emitter.render("metrics", report)?;
    // In a pod a container beside keepalived runs it.
    if node.pod.is_some() {
        return Ok(vec![node_file(node, NodeFile::Metrics(Home::Pod), 0o755, program)]);
    }
    let script = NodeFile::Metrics(Home::Host).installed();
    let service = emitter.render("metrics.service", context! { script })?;
    let timer = emitter.render("metrics.timer", context! {})?;
    Ok(vec![
        node_file(node, NodeFile::Metrics(Home::Host), 0o755, program),
        node_file(node, NodeFile::MetricsService, 0o644, service),
        node_file(node, NodeFile::MetricsTimer, 0o644, timer),
    ])
}
