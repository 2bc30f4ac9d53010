//! The placement of what is new around what is locked: nodes in locked orders, standby nodes of new VIPs.

use std::cmp::Reverse;

use super::part::Part;

/// Puts nodes that are new to a VIP into its locked order. A new node becomes MASTER of its share, taken from the
/// nodes that hold most; nothing moves between nodes that were there before.
pub fn insert_new_nodes(part: &mut Part) {
    for node in 0..part.nodes() {
        let mut open: Vec<usize> = (0..part.vips.len())
            .filter(|vip| {
                let candidate = &part.vips[*vip];
                candidate.locked
                    && !candidate.pinned
                    && candidate.nodes.contains(&node)
                    && !part.orders[*vip].contains(&node)
            })
            .collect();
        take_share(part, node, &mut open);
        // Elsewhere it stands where it relieves the node that would hold the VIP after the same failures.
        for vip in open {
            let place = (first_free_place(part, vip).max(1)..part.orders[vip].len())
                .find(|place| {
                    let (failed, rest) = part.orders[vip].split_at(*place);
                    let loads = part.loads(failed);
                    part.share(node, loads[node] + 1) < part.share(rest[0], loads[rest[0]])
                })
                .unwrap_or(part.orders[vip].len());
            part.orders[vip].insert(place, node);
        }
    }
}

/// Makes `node` MASTER of VIPs among `open` while another node holds more for its weight; those leave `open`.
fn take_share(part: &mut Part, node: usize, open: &mut Vec<usize>) {
    let quota = part.bound(node, &[]);
    while let Some(place) = {
        let loads = part.loads(&[]);
        let same = |vip: usize| {
            let entrypoint = part.vips[vip].entrypoint;
            let held = part.orders.iter().zip(&part.vips);
            held.filter(|(order, other)| {
                order.first() == Some(&node) && other.entrypoint == entrypoint
            })
            .count()
        };
        (0..open.len())
            .filter(|place| loads[node] < quota && first_free_place(part, open[*place]) == 0)
            .filter(|place| {
                let holder = part.orders[open[*place]][0];
                part.share(node, loads[node] + 1) < part.share(holder, loads[holder])
            })
            .max_by_key(|place| {
                let holder = part.orders[open[*place]][0];
                (part.share(holder, loads[holder]), Reverse(same(open[*place])), Reverse(*place))
            })
    } {
        let vip = open.remove(place);
        part.orders[vip].insert(0, node);
    }
}

/// Before this place stand the nodes that the VIP prefers.
fn first_free_place(part: &Part, vip: usize) -> usize {
    part.orders[vip].iter().take_while(|node| part.vips[vip].prefer.contains(node)).count()
}

/// Completes the orders of VIPs that the lock does not know, of which the first node is chosen: every one gets its second
/// node, then every one its third, and so on. A level takes the node that would hold the least, were exactly the VIP's
/// earlier nodes to fail.
pub fn add_standbys(part: &mut Part) {
    let mut new: Vec<usize> = (0..part.vips.len()).filter(|vip| !part.vips[*vip].locked).collect();
    // By entrypoint: each is spread among the nodes for itself, and its remainder goes where least is held.
    new.sort_by_key(|vip| (part.vips[*vip].prefer.is_empty(), part.vips[*vip].entrypoint, *vip));
    for level in 1..part.nodes() {
        for vip in &new {
            if part.orders[*vip].len() == level
                && let Some(node) = next_node(part, *vip, level)
            {
                part.orders[*vip].push(node);
            }
        }
    }
}

fn next_node(part: &Part, vip: usize, level: usize) -> Option<usize> {
    let candidate = &part.vips[vip];
    let order = &part.orders[vip];
    if let Some(node) = candidate.prefer.get(level) {
        return Some(*node);
    }
    let loads = part.loads(order);
    let mut siblings = vec![0; part.nodes()];
    for (other, order) in part.vips.iter().zip(&part.orders) {
        if let Some(node) = order.get(level)
            && other.entrypoint == candidate.entrypoint
        {
            siblings[*node] += 1;
        }
    }
    let first_zone = order.first().map(|node| part.zones[*node]);
    candidate.nodes.iter().copied().filter(|node| !order.contains(node)).min_by_key(|node| {
        let share = part.share(*node, loads[*node] + 1);
        let spread = part.share(*node, siblings[*node] + 1);
        // The second node is in another zone than the first, where the bound allows both.
        let over = loads[*node] + 1 > part.bound(*node, order);
        let same_zone = level == 1 && Some(part.zones[*node]) == first_zone;
        (over, same_zone, share, spread, *node)
    })
}
