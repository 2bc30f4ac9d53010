//! VIPs that lead to another entrypoint.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::gateway::service;
use super::{Class, Comparison, Finding};
use crate::bundle::Place;
use crate::language::name::{Label, Name};
use crate::model::Entry;
use crate::state::State;

/// VIPs whose edge Service is another one: other controllers answer there, with other certificates and routes.
pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let (before, after) = (entrypoints(comparison.from), entrypoints(comparison.to));
    let moved = before.iter().filter_map(|(vip, from)| Some((vip, from, after.get(vip)?)));
    let moved = moved
        // An entrypoint of another name may have the same Service.
        .filter(|(_, from, to)| {
            let keys = [service(comparison.from, from), service(comparison.to, to)];
            from != to && keys[0].map(|old| &old.key) != keys[1].map(|new| &new.key)
        })
        .map(|(vip, from, to)| {
            let reason = format!("the entrypoint `{to}` answers instead of `{from}`");
            let files = [from, to].map(|name| Place::Service(name).to_string());
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            Finding::new(Class::Switches, Entry::Vip(*vip), reason).in_files(files)
        });
    let kept: BTreeSet<&str> = after.values().copied().collect();
    let hidden = before.values().copied().collect::<BTreeSet<&str>>().into_iter();
    let hidden = hidden.filter(|name| !kept.contains(name)).filter_map(|name| {
        let file = Place::Service(name).to_string();
        // With a class the VIPs stand in its status, where a script writes them.
        service(comparison.to, name).filter(|own| !own.has_load_balancer_class())?;
        let reason = "no VIP leads to it any more: requests for its domains do not arrive";
        let entry = Entry::Entrypoint(Label::parse(name)?);
        Some(Finding::new(Class::Unreachable, entry, reason).in_files([file.as_str()]))
    });
    moved.chain(hidden).collect()
}

/// Returns the words for a domain that goes from one entrypoint to another: clients find other VIPs by its DNS record.
/// Empty where both have the same ones.
pub(super) fn dns(comparison: Comparison<'_>, from: Option<&str>, to: Option<&str>) -> String {
    /// So many VIPs are named.
    const NAMED: usize = 4;
    let (Some(from), Some(to)) = (from, to) else { return String::new() };
    let vips = |state, name: &str| -> Vec<IpAddr> {
        let all = entrypoints(state).into_iter();
        all.filter(|(_, entrypoint)| *entrypoint == name).map(|(vip, _)| vip).collect()
    };
    let (before, after) = (vips(comparison.from, from), vips(comparison.to, to));
    if from == to || before == after && !after.is_empty() {
        return String::new();
    }
    let mut named: Vec<String> = after.iter().take(NAMED).map(ToString::to_string).collect();
    if after.len() > NAMED {
        named.push("...".to_owned());
    }
    match named.is_empty() {
        true => format!("; its DNS record must change to the VIPs of `{to}`"),
        false => format!("; its DNS record must change to {}", named.join(", ")),
    }
}

/// The entrypoint of each VIP, by the edge Services that have it as an external IP.
fn entrypoints(state: &State) -> BTreeMap<IpAddr, &str> {
    let services = state.objects.values().filter(|object| object.key.kind == "Service");
    let pairs = services.flat_map(|object| {
        let place = Place::of(&object.file);
        let entrypoint = place.entrypoint().filter(|name| place == Place::Service(name));
        let vips = object.external_ips().into_iter();
        vips.filter_map(move |vip| Some((vip, entrypoint?)))
    });
    pairs.collect()
}
