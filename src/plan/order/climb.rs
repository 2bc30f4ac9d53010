//! Hill climbing over who takes over: the nodes behind the first change places as long as that brings some set of
//! failures nearer to its bound. Nobody's traffic moves by it.

use super::Keep;
use super::part::Part;

/// The weights of penalties, from what must not be to what is merely undesirable. They are far enough apart that no
/// number of lesser gains outweighs a greater one.
mod penalty {
    /// A VIP over the bound after one failure.
    pub const ONE_FAILED: i128 = 1 << 60;
    /// A VIP over the bound after two failures, or after the loss of a zone.
    pub const TWO_FAILED: i128 = 1 << 30;
    /// A second node in the zone of the first.
    pub const SAME_ZONE: i128 = 1;
}

/// The cost of a state; the lower, the better. Among states without a penalty, or with the same one, smoother loads
/// are better.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    penalty: i128,
    /// Sum of the squares of the loads.
    roughness: i64,
}

/// A climb that gains nothing in this many rounds over all VIPs has ended; rounds beyond gain next to nothing.
const ROUNDS: usize = 8;

/// Improves what may be improved: the orders of VIPs that are new, or all of them but their first nodes. Locked orders
/// are only rewritten where the whole is better then.
pub fn improve(part: &mut Part, keep: Keep) {
    let free: Vec<usize> = (0..part.vips.len())
        .filter(|vip| !part.vips[*vip].pinned && (keep == Keep::Masters || !part.vips[*vip].locked))
        .collect();
    if free.is_empty() || part.nodes() < 3 {
        return;
    }
    let mut state = State::of(part);
    let (orders, badness) = (part.orders.clone(), state.badness());
    state.climb(part, &free);
    if keep == Keep::Masters && state.badness() >= badness {
        part.orders = orders;
    }
}

/// Loads after every set of one or two failures and after the loss of each zone, and what they cost.
struct State {
    nodes: usize,
    cost: Cost,
    /// By failed node, then node.
    one: Vec<Entry>,
    /// By pair of failed nodes (the lesser first), then node.
    two: Vec<Entry>,
    /// By zone, then node.
    zone: Vec<Entry>,
    /// The zone of each node, by its first node in the part.
    zones: Vec<usize>,
    /// VIPs whose second node is in the zone of the first.
    within_zone: usize,
    /// True for each zone that is more than one node.
    shared_zone: Vec<bool>,
}

#[derive(Clone, Copy)]
struct Entry {
    load: i32,
    bound: i32,
    weight: i128,
}

impl Entry {
    fn penalty(self) -> i128 {
        let over = i128::from((self.load - self.bound).max(0));
        over * over * self.weight
    }

    /// Adds to the load, and what that costs to `cost`.
    fn add(&mut self, count: i32, cost: &mut Cost) {
        let before = *self;
        self.load += count;
        cost.roughness += i64::from(count) * i64::from(before.load + self.load);
        if before.load > self.bound || self.load > self.bound {
            cost.penalty += self.penalty() - before.penalty();
        }
    }
}

impl State {
    fn of(part: &Part) -> Self {
        let nodes = part.nodes();
        let entries =
            |sets: usize, failed: &dyn Fn(usize) -> Vec<usize>, weight: i128| -> Vec<Entry> {
                (0..sets)
                    .flat_map(|set| {
                        let failed = failed(set);
                        (0..nodes).map(move |node| {
                            // What a failed node holds is never counted.
                            let bound =
                                i32::try_from(part.bound(node, &failed)).unwrap_or(i32::MAX);
                            Entry { load: 0, bound, weight }
                        })
                    })
                    .collect()
            };
        let zones: Vec<usize> = part
            .zones
            .iter()
            .map(|zone| part.zones.iter().position(|other| other == zone).unwrap_or_default())
            .collect();
        let zone =
            |zone: usize| (0..nodes).filter(|node| zones[*node] == zone).collect::<Vec<usize>>();
        let mut state = State {
            nodes,
            cost: Cost::default(),
            one: entries(nodes, &|node| vec![node], penalty::ONE_FAILED),
            two: entries(
                nodes * nodes,
                &|pair| vec![pair / nodes, pair % nodes],
                penalty::TWO_FAILED,
            ),
            zone: entries(nodes, &zone, penalty::TWO_FAILED),
            within_zone: 0,
            shared_zone: (0..nodes).map(|index| zone(index).len() > 1).collect(),
            zones,
        };
        for order in &part.orders {
            state.apply(order, 1);
            // Sets without the first node leave the VIP where it is.
            let Some(first) = order.first().copied() else { continue };
            for failed in (0..nodes).filter(|failed| *failed != first) {
                state.add_one(failed, first, 1);
                for other in (failed + 1..nodes).filter(|other| *other != first) {
                    state.add_two(failed, other, first, 1);
                }
            }
            let home = state.zones[first];
            for zone in (0..nodes).filter(|zone| *zone != home) {
                state.add_zone(zone, first, 1);
            }
        }
        state
    }

    /// Swaps places of the orders of `free` as long as that costs less.
    fn climb(&mut self, part: &mut Part, free: &[usize]) {
        for _ in 0..ROUNDS {
            if self.cost.penalty == 0 {
                return;
            }
            let before = self.cost;
            for vip in free {
                let fixed = part.vips[*vip].prefer.len().max(1);
                for place in fixed..3.min(part.orders[*vip].len()) {
                    for other in place + 1..part.orders[*vip].len() {
                        self.try_swap(part, *vip, place, other);
                    }
                }
            }
            if self.cost == before {
                return;
            }
        }
    }

    /// The measures by which rewritten orders have to be better, the gravest first: VIPs above the share of the worst
    /// node after one failure, and after two or the loss of a zone; VIPs whose second node is in the zone of the first;
    /// and the penalty of all sets of failures.
    fn badness(&self) -> (i32, i32, usize, i128) {
        let worst = |entries: &[Entry]| {
            entries.iter().map(|entry| entry.load - entry.bound).max().unwrap_or(0).max(0)
        };
        let two = worst(&self.two).max(worst(&self.zone));
        (worst(&self.one), two, self.within_zone, self.cost.penalty)
    }

    /// Swaps two places of an order, and keeps that if it costs less.
    fn try_swap(&mut self, part: &mut Part, vip: usize, place: usize, other: usize) {
        let before = self.cost;
        let mut order = std::mem::take(&mut part.orders[vip]);
        self.apply(&order, -1);
        order.swap(place, other);
        self.apply(&order, 1);
        if self.cost >= before {
            self.apply(&order, -1);
            order.swap(place, other);
            self.apply(&order, 1);
        }
        part.orders[vip] = order;
    }

    /// Adds or takes away what a VIP does in the sets of failures that hold its first node.
    fn apply(&mut self, order: &[usize], count: i32) {
        let [first, second, rest @ ..] = order else { return };
        self.add_one(*first, *second, count);
        for failed in (0..self.nodes).filter(|failed| failed != first && failed != second) {
            self.add_two(*first, failed, *second, count);
        }
        if let Some(third) = rest.first() {
            self.add_two(*first, *second, *third, count);
        }
        let zone = self.zones[*first];
        if self.shared_zone[zone] {
            if let Some(holder) = order.iter().find(|node| self.zones[**node] != zone) {
                self.add_zone(zone, *holder, count);
            }
            if self.zones[*second] == zone {
                self.cost.penalty += penalty::SAME_ZONE * i128::from(count);
                self.within_zone = self.within_zone.saturating_add_signed(count as isize);
            }
        }
    }

    fn add_one(&mut self, failed: usize, node: usize, count: i32) {
        let entry = failed * self.nodes + node;
        self.one[entry].add(count, &mut self.cost);
    }

    fn add_two(&mut self, failed: usize, other: usize, node: usize, count: i32) {
        let pair = failed.min(other) * self.nodes + failed.max(other);
        self.two[pair * self.nodes + node].add(count, &mut self.cost);
    }

    fn add_zone(&mut self, zone: usize, node: usize, count: i32) {
        if self.shared_zone[zone] {
            let entry = zone * self.nodes + node;
            self.zone[entry].add(count, &mut self.cost);
        }
    }
}
