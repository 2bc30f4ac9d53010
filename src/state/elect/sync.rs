//! Sync groups: all members are MASTER, or none is.

use std::collections::BTreeSet;

use super::{Candidate, Electorate, Masters, NodeIndex, Phase, Situation, able, rank};

/// Candidates that a sync group keeps from office, and those that it gives it.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) barred: BTreeSet<(usize, usize)>,
    pub(super) granted: BTreeSet<(usize, usize)>,
}

impl Electorate {
    /// The members of each sync group that runs.
    pub(super) fn groups(&self, situation: &Situation) -> Vec<Vec<(usize, usize)>> {
        let mut all = Vec::new();
        for (node, phase) in situation.running.iter().enumerate() {
            let state = phase.and_then(|phase| self.state(node, phase));
            let Some(found) = state.and_then(|state| state.keepalived.as_ref()) else { continue };
            for group in &found.groups {
                let members = self.candidates_of(node, *phase).filter(|(_, _, candidate)| {
                    let name = candidate.instance().map(|instance| &instance.name);
                    name.is_some_and(|name| group.members.contains(name))
                });
                all.push(members.map(|(router, at, _)| (router, at)).collect());
            }
        }
        all
    }

    /// Members of sync groups that are MASTER where another member is not.
    pub(super) fn torn_groups(
        &self,
        situation: &Situation,
        masters: &Masters,
    ) -> Vec<(usize, usize)> {
        let mut torn = Vec::new();
        for members in self.groups(situation) {
            let (in_office, out): (Vec<_>, Vec<_>) =
                members.into_iter().partition(|(router, at)| masters.chosen[*router].contains(at));
            if !out.is_empty() {
                torn.extend(in_office);
            }
        }
        torn
    }

    /// A group whose members are all able and hear no MASTER: of those that only each other keeps from office, the one
    /// that held it, else the one whose last member is ready first.
    pub(super) fn first_group(
        &self,
        situation: &Situation,
        masters: &Masters,
        before: &Masters,
        groups: &Groups,
    ) -> Option<Vec<(usize, usize)>> {
        if groups.barred.is_empty() {
            return None;
        }
        let candidate = |(router, at): &(usize, usize)| &self.routers[*router].candidates[*at];
        let is_free = |member: &(usize, usize)| {
            let chosen = &masters.chosen[member.0];
            able(candidate(member), situation).is_some()
                && !self.routers[member.0].hearing.hears_any(member.1, chosen)
        };
        let held = |members: &[(usize, usize)]| {
            members.iter().all(|(router, at)| {
                before.chosen.get(*router).is_some_and(|chosen| chosen.contains(at))
            })
        };
        let slowest = |members: &[(usize, usize)]| {
            let ranks = members.iter().map(|member| {
                let change = able(candidate(member), situation).unwrap_or(0);
                rank(candidate(member), change)
            });
            ranks.min()
        };
        let waiting = self.groups(situation).into_iter().filter(|members| {
            members.iter().any(|member| groups.barred.contains(member))
                && members.iter().all(is_free)
                && !members.iter().any(|member| groups.granted.contains(member))
        });
        waiting.max_by_key(|members| (held(members), slowest(members)))
    }

    fn candidates_of(
        &self,
        node: NodeIndex,
        phase: Option<Phase>,
    ) -> impl Iterator<Item = (usize, usize, &Candidate)> {
        self.routers.iter().enumerate().flat_map(move |(router, found)| {
            let candidates = found.candidates.iter().enumerate();
            candidates
                .filter(move |(_, candidate)| {
                    candidate.node == node && Some(candidate.phase) == phase
                })
                .map(move |(at, candidate)| (router, at, candidate))
        })
    }
}
