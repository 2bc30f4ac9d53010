//! The evenness of a placement over zones.

use std::collections::BTreeSet;

use super::Simulator;
use super::tally::{Placement, sharing};
use crate::model::Label;
use crate::plan::bound_of_groups;

/// A zone in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneLoad<'a> {
    /// Its name.
    pub zone: &'a Label,
    /// The VIPs that its nodes hold.
    pub vips: usize,
    /// The most that they would hold if VIPs were spread in shares of weight.
    pub bound: usize,
}

impl<'a> Simulator<'a> {
    /// Returns every zone of the plan, by name: with all VIPs, or with those of one entrypoint.
    pub fn zones(
        &self,
        placement: &Placement<'a>,
        entrypoint: Option<&Label>,
    ) -> Vec<ZoneLoad<'a>> {
        let nodes = &self.plan.nodes;
        let zones: BTreeSet<&Label> = nodes.iter().filter_map(|node| node.zone.as_ref()).collect();
        let counts =
            |index: usize| entrypoint.is_none_or(|of| self.plan.vips[index].entrypoint == *of);
        let groups = self.groups.iter().enumerate().map(|(group, (_, members))| {
            let vips = (0..self.plan.vips.len())
                .filter(|index| self.plan.vips[*index].group == group && counts(*index));
            (vips.count(), sharing(members, &placement.scenario))
        });
        let groups: Vec<_> = groups.collect();
        let load = |zone| {
            let holders = placement.holders.iter().enumerate().filter(|(index, _)| counts(*index));
            let is_inside = |holder: &str| {
                let node = nodes.iter().find(|node| node.node.as_str() == holder);
                node.is_some_and(|node| node.zone.as_ref() == Some(zone))
            };
            let shares = groups.iter().map(|(vips, sharing)| {
                let inside = sharing.iter().filter(|(node, _)| node.zone.as_ref() == Some(zone));
                let weight = |(_, weight): &(_, u32)| *weight;
                (*vips, inside.map(weight).sum(), sharing.iter().map(weight).sum())
            });
            ZoneLoad {
                zone,
                vips: holders
                    .filter(|(_, holder)| holder.is_some_and(|node| is_inside(node.as_str())))
                    .count(),
                bound: bound_of_groups(shares),
            }
        };
        zones.into_iter().map(load).collect()
    }
}
