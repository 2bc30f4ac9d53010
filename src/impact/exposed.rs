//! VIPs that lead to another entrypoint.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::{Class, Comparison, Finding};
use crate::bundle::Place;
use crate::model::Entry;
use crate::state::State;

/// VIPs whose edge Service is another one: other controllers answer there, with other certificates and routes.
pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let (before, after) = (entrypoints(comparison.from), entrypoints(comparison.to));
    let moved = before.iter().filter_map(|(vip, from)| Some((vip, from, after.get(vip)?)));
    moved
        .filter(|(_, from, to)| from != to)
        .map(|(vip, from, to)| {
            let reason = format!("the entrypoint `{to}` answers instead of `{from}`");
            let files = [from, to].map(|name| Place::Service(name).to_string());
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            Finding::new(Class::Switches, Entry::Vip(*vip), reason).in_files(files)
        })
        .collect()
}

/// The entrypoint of each VIP, by the edge Services that have it as an external IP.
fn entrypoints(state: &State) -> BTreeMap<IpAddr, &str> {
    let services = state.objects.values().filter(|object| object.key.kind == "Service");
    let pairs = services.flat_map(|object| {
        let place = Place::of(&object.file);
        let entrypoint = place.entrypoint().filter(|name| place == Place::Service(name));
        let vips = object.field("/spec/externalIPs").and_then(Value::as_array);
        let vips = vips.into_iter().flatten().filter_map(|vip| vip.as_str()?.parse().ok());
        vips.filter_map(move |vip| Some((vip, entrypoint?)))
    });
    pairs.collect()
}
