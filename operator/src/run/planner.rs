//! The plan of a rollout from two bundles, as `lbgen rollout` makes it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use lbgen::execute::PlanFile;
use lbgen::impact::{Comparison, changed_files};
use lbgen::language::name::{Label, Name, Subdomain};
use lbgen::language::version::KeepalivedVersion;
use lbgen::rollout::{Request, Rollout};
use lbgen::source::Sources;
use lbgen::state::State;
use lbgen::view::json::plan_file;

use super::bundle::Bundle;

/// Plans what leads from one bundle to another.
pub fn plan(front_end: &str, from: &Bundle, to: &Bundle, soak: u64) -> anyhow::Result<PlanFile> {
    let (tree, files) = (from.tree(), to.files());
    let read = |tree| State::read(tree, &mut Sources::default()).0;
    let (before, after) = (read(&tree), read(&to.tree()));
    let changes = tree.changes(&files);
    let changed = changed_files(&changes);
    let about = &to.about;
    let version = KeepalivedVersion::of_text(&format!("v{}", about.keepalived));
    let zone =
        |(node, zone): (&String, &String)| Some((Subdomain::parse(node)?, Label::parse(zone)?));
    let zones: BTreeMap<Subdomain, Label> = about.zones.iter().filter_map(zone).collect();
    let controllers = after.controllers.clone().unwrap_or_default();
    let rollout = Rollout::plan(Request {
        change: Comparison {
            from: &before,
            to: &after,
            changed: &changed,
            version: version.context("the bundle names no release of keepalived")?,
            controllers: &controllers,
        },
        zones: &zones,
        down: &BTreeSet::new(),
        digests: &tree.digests(),
        careful: false,
        visit: None,
    })?;
    PlanFile {
        datacenter: front_end.to_owned(),
        inventory: format!("the FrontEnd {front_end}"),
        soak,
        from: Some(from.digest.clone()),
        to: Some(to.digest.clone()),
        ..plan_file(&rollout, to.list().as_deref())?
    }
    .sealed()
}
