//! The node of each VIP over time, from the kernel's own messages.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::Lab;

/// Writes down from now on which addresses come and go, with the time of each.
const WATCH: &str = "ip -o -ts monitor address >/run/lab/timeline & sleep 0.2; echo ready; wait";

/// The longest times that something was not as it should be.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Worst {
    /// On no node.
    pub none: Duration,
    /// On more than one.
    pub several: Duration,
}

/// An address that came or went.
struct Event {
    at: f64,
    node: String,
    address: IpAddr,
    came: bool,
}

impl Lab {
    /// Begins to watch a node.
    pub fn watch_timeline(&self, node: &str) {
        self.nodes[node].host.serve(WATCH);
    }

    /// The worst of each VIP since `before` was seen, up to the last message.
    pub fn worst(&self, before: &BTreeMap<IpAddr, BTreeSet<String>>) -> BTreeMap<IpAddr, Worst> {
        let mut events: Vec<Event> = Vec::new();
        for (name, node) in &self.nodes {
            let log = node.host.run("cat /run/lab/timeline");
            events.extend(log.lines().filter_map(|line| event(name, line)));
        }
        events.sort_by(|a, b| a.at.total_cmp(&b.at));
        let mut worst = BTreeMap::new();
        for (vip, holders) in before {
            let mut holders = holders.clone();
            let mut found = Worst::default();
            let mut since = 0.0;
            for event in events.iter().filter(|event| event.address == *vip) {
                let lasted = Duration::from_secs_f64((event.at - since).max(0.0));
                match holders.len() {
                    0 => found.none = found.none.max(lasted),
                    1 => {}
                    _ => found.several = found.several.max(lasted),
                }
                if event.came {
                    holders.insert(event.node.clone());
                } else {
                    holders.remove(&event.node);
                }
                since = event.at;
            }
            worst.insert(*vip, found);
        }
        worst
    }
}

/// `[2026-11-23T04:30:00.123456] Deleted 5: eth1    inet 192.0.2.10/24 scope global eth1\ ...`
fn event(node: &str, line: &str) -> Option<Event> {
    let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
    let clock = time.split('T').nth(1)?;
    let mut parts = clock.split(':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let mut words = rest.split_whitespace();
    let address = words.find(|word| word.contains('/'))?;
    let address: IpAddr = address.split('/').next()?.parse().ok()?;
    let came = !rest.trim_start().starts_with("Deleted");
    let at = (hours * 60.0 + minutes) * 60.0 + seconds;
    Some(Event { at, node: node.to_owned(), address, came })
}
