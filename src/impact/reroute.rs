//! The ways of a VIP's replies on each node, before and after a change.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::difference::{Edit, marks, routes, rules};
use super::vip::{FROM, TO, Watch};
use crate::plan::Route;
use crate::state::elect::{Masters, NodeIndex, Phase};
use crate::state::{Address, Instance, Line};

impl Watch<'_> {
    /// Rules, routes and marks of a VIP that are others, by node.
    pub(super) fn reroutes(
        &self,
        address: IpAddr,
        edits: &[Edit<'_>],
    ) -> Vec<(NodeIndex, BTreeSet<&'static str>)> {
        let mut by_node = Vec::new();
        for edit in edits {
            let mut what: BTreeSet<&str> = BTreeSet::new();
            let (Some(from), Some(to)) = (edit.from, edit.to) else { continue };
            let state = |phase| self.electorate.state(edit.node, phase).map(AsRef::as_ref);
            let (Some(before), Some(after)) = (state(FROM), state(TO)) else { continue };
            // In static mode the script holds what keepalived has else.
            if before.routing.is_static != after.routing.is_static {
                what.insert("the script and keepalived swap rules and routes");
                by_node.push((edit.node, what));
                continue;
            }
            let moved = |of: fn(&Instance) -> &[Line]| {
                (of(from) != of(to)) && self.is_moved([of(from), of(to)], address, edit.node, of)
            };
            if moved(|one| &one.routes) || routes(before, address) != routes(after, address) {
                what.insert("routes");
            }
            if moved(|one| &one.rules) || rules(before, address) != rules(after, address) {
                what.insert("rules");
            }
            if marks(before, address) != marks(after, address) {
                what.insert("marks");
            }
            if let Some(which) = moved_interface(from, to, address) {
                what.insert(which);
            }
            if !what.is_empty() {
                by_node.push((edit.node, what));
            }
        }
        by_node
    }

    /// Returns true if a line of an instance was not on the node before, or is not after: another instance that stands
    /// where the address does may have it.
    fn is_moved(
        &self,
        [from, to]: [&[Line]; 2],
        address: IpAddr,
        node: NodeIndex,
        of: fn(&Instance) -> &[Line],
    ) -> bool {
        let held = |phase: Phase, masters: &Masters| -> BTreeSet<&str> {
            let own = self.electorate.holders(masters, address);
            let state = self.electorate.state(node, phase);
            let all = state.and_then(|state| state.keepalived.as_ref()).into_iter();
            all.flat_map(|found| &found.instances)
                .filter(|found| {
                    let holders = found.vip().map(|vip| self.electorate.holders(masters, vip));
                    holders.is_some_and(|holders| holders == own)
                })
                .flat_map(|found| of(found).iter().map(said))
                .collect()
        };
        let (before, after) = (held(FROM, self.before), held(TO, self.after));
        let [was, is] = [from, to].map(|lines| lines.iter().map(said).collect::<BTreeSet<_>>());
        let goes = was.difference(&is).any(|line| !after.contains(line));
        goes || is.difference(&was).any(|line| !before.contains(line))
    }
}

/// An address that an instance puts on another interface.
fn moved_interface(from: &Instance, to: &Instance, address: IpAddr) -> Option<&'static str> {
    let new: Vec<_> = to.places().collect();
    let is_moved = |old: &&Address| {
        let mut same = new.iter().filter(|new| new.address.addr() == old.address.addr());
        same.any(|new| new.interface != old.interface)
    };
    let moved: Vec<IpAddr> = from.places().filter(is_moved).map(|old| old.address.addr()).collect();
    match moved.contains(&address) {
        true => Some("the interface of the address"),
        false => (!moved.is_empty()).then_some("the interface of an extra address"),
    }
}

/// Words of a route or a rule; an IPv6 route without a metric has that one.
fn said(line: &Line) -> &str {
    let metric = line.words.rsplit_once(" metric ");
    let plain = metric.filter(|(_, metric)| metric.parse() == Ok(Route::METRIC6));
    plain.map_or(&line.words, |(words, _)| words)
}
