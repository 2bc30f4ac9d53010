//! The health check that keepalived runs.

use super::{Emitter, Files, node_file};
use crate::plan::NodePlan;

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let body = emitter.render("check-entrypoint", minijinja::context! {})?;
    Ok(vec![node_file(node, "usr/local/libexec/lbgen/check-entrypoint", 0o755, body)])
}
