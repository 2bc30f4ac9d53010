//! Kernel settings, networkd and tmpfiles (sysctl.d(5), networkd.conf(5), tmpfiles.d(5)).

use minijinja::context;
use serde::Serialize;

use super::{Emitter, Files, node_file};
use crate::plan::{Drain, NodePlan, Sysctl};

#[derive(Serialize)]
struct Sysctls<'a> {
    header: &'a str,
    settings: &'a [Sysctl],
}

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let header = &emitter.header;
    let templates = emitter.templates;
    let sysctl = templates.render("sysctl.conf", Sysctls { header, settings: &node.sysctls })?;
    let networkd = templates.render("networkd.conf", context! { header })?;
    let tmpfiles =
        templates.render("tmpfiles.conf", context! { header, directory => Drain::DIRECTORY })?;
    Ok(vec![
        node_file(node, "etc/sysctl.d/90-lbgen.conf", 0o644, sysctl),
        node_file(node, "etc/systemd/networkd.conf.d/90-lbgen.conf", 0o644, networkd),
        node_file(node, "etc/tmpfiles.d/lbgen.conf", 0o644, tmpfiles),
    ])
}
