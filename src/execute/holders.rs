//! The holders of each VIP while a rollout goes on, as the nodes say it at the moment an address comes or goes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The VIPs of a rollout, and the nodes that have them.
#[derive(Debug, Default)]
pub struct Holders {
    vips: BTreeMap<IpAddr, Course>,
    /// Nodes that are followed.
    nodes: BTreeSet<String>,
    /// Those of them whose addresses are known right now.
    heard: BTreeSet<String>,
}

/// A VIP over time.
#[derive(Debug, Default)]
struct Course {
    holders: BTreeSet<String>,
    /// The holders when every node was heard for the first time.
    first: Option<BTreeSet<String>>,
    /// True once another node has had it than those of the beginning.
    has_moved: bool,
    /// The moment from which no node has it; unknown while a node is not heard.
    nobody_since: Option<Instant>,
    /// The longest time for which no node had it.
    silent: Duration,
}

/// A line of `follow` in `templates/node/seen.sh`.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// An address that it has from the beginning.
    Has(IpAddr),
    /// Everything that it has was said.
    Following,
    /// An address comes.
    Came(IpAddr),
    /// An address goes.
    Went(IpAddr),
}

impl Line {
    /// `5: eth1    inet 192.0.2.10/24 scope global eth1\ ...`, as `ip -o monitor address` prints it, where the address went
    /// after `Deleted`.
    pub fn of(text: &str) -> Option<Self> {
        if let Some(address) = text.strip_prefix("has ") {
            return Some(Self::Has(address.parse().ok()?));
        }
        if text == "following" {
            return Some(Self::Following);
        }
        let (went, rest) = match text.strip_prefix("Deleted ") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut words = rest.split_whitespace().skip_while(|word| !word.starts_with("inet"));
        let address = words.nth(1)?.split('/').next()?.parse().ok()?;
        Some(if went { Self::Went(address) } else { Self::Came(address) })
    }
}

impl Holders {
    /// Nobody is heard yet.
    pub fn new(
        nodes: impl IntoIterator<Item = String>,
        vips: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let vips = vips.into_iter().map(|vip| (vip, Course::default())).collect();
        Self { vips, nodes: nodes.into_iter().collect(), heard: BTreeSet::new() }
    }

    /// Every VIP, and the nodes that are known to have it.
    pub fn all(&self) -> impl Iterator<Item = (IpAddr, &BTreeSet<String>)> {
        self.vips.iter().map(|(vip, course)| (*vip, &course.holders))
    }

    /// The number of nodes that are followed.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Nodes that are not heard.
    pub fn unheard(&self) -> Vec<&str> {
        self.nodes.difference(&self.heard).map(String::as_str).collect()
    }

    /// A node says a line; one that is about something else says nothing.
    pub fn hear(&mut self, node: &str, line: &str, now: Instant) {
        let (address, has) = match Line::of(line) {
            Some(Line::Following) => {
                self.heard.insert(node.to_owned());
                if self.heard.len() == self.nodes.len() {
                    for course in self.vips.values_mut() {
                        course.first.get_or_insert_with(|| course.holders.clone());
                    }
                }
                return;
            }
            Some(Line::Has(address) | Line::Came(address)) => (address, true),
            Some(Line::Went(address)) => (address, false),
            None => return,
        };
        let is_all_heard = self.heard.len() == self.nodes.len();
        let Some(course) = self.vips.get_mut(&address) else { return };
        if has {
            course.holders.insert(node.to_owned());
            let is_new = course.first.as_ref().is_some_and(|first| !first.contains(node));
            course.has_moved |= is_new;
            if let Some(since) = course.nobody_since.take() {
                course.silent = course.silent.max(now.saturating_duration_since(since));
            }
        } else if course.holders.remove(node) && course.holders.is_empty() && is_all_heard {
            course.nobody_since = Some(now);
        }
    }

    /// Nobody knows any more which addresses a node has.
    pub fn lose(&mut self, node: &str) {
        self.heard.remove(node);
        for course in self.vips.values_mut() {
            course.holders.remove(node);
            course.nobody_since = None;
        }
    }

    /// VIPs that were on another node than at the beginning, or are.
    pub fn moved(&self) -> usize {
        self.vips.values().filter(|course| course.has_moved).count()
    }

    /// The longest time for which a VIP was on no node, and that VIP; `None` if nothing was missing while all were heard.
    pub fn longest_silence(&self) -> Option<(Duration, IpAddr)> {
        let silences = self.vips.iter().map(|(vip, course)| (course.silent, *vip));
        silences.filter(|(silent, _)| !silent.is_zero()).max()
    }

    /// Returns true if every node was heard at one time.
    pub fn were_all_heard(&self) -> bool {
        self.vips.values().all(|course| course.first.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIP: &str = "192.0.2.10";

    fn pair() -> Holders {
        Holders::new(["a", "b"].map(str::to_owned), [VIP.parse().unwrap()])
    }

    fn held(holders: &Holders) -> Vec<&str> {
        holders.all().flat_map(|(_, nodes)| nodes.iter().map(String::as_str)).collect()
    }

    #[test]
    fn lines_are_read_as_ip_prints_them() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (text, line) in [
            ("has 192.0.2.10", Some(Line::Has(address(VIP)))),
            ("following", Some(Line::Following)),
            (
                "5: eth1    inet 192.0.2.10/24 scope global secondary eth1\\       valid_lft forever",
                Some(Line::Came(address(VIP))),
            ),
            (
                "Deleted 5: eth1    inet6 2001:db8::1/128 scope global nodad deprecated \\  valid_lft",
                Some(Line::Went(address("2001:db8::1"))),
            ),
            ("sudo: unable to resolve host lb-1", None),
            ("has nothing", None),
        ] {
            assert_eq!(Line::of(text), line, "{text}");
        }
    }

    #[test]
    fn the_longest_silence_is_counted_while_every_node_is_heard() {
        let (mut holders, start) = (pair(), Instant::now());
        let at = |millis: u64| start + Duration::from_millis(millis);
        let event = format!("5: eth1    inet {VIP}/24 scope global eth1");
        let gone = format!("Deleted {event}");
        holders.hear("a", &format!("has {VIP}"), at(0));
        holders.hear("a", "following", at(0));
        assert_eq!(holders.unheard(), ["b"]);
        holders.hear("b", "following", at(5));
        assert!(holders.were_all_heard());
        holders.hear("a", &gone, at(100));
        assert!(held(&holders).is_empty());
        holders.hear("b", &event, at(160));
        assert_eq!(held(&holders), ["b"]);
        assert_eq!(holders.moved(), 1);
        assert_eq!(
            holders.longest_silence(),
            Some((Duration::from_millis(60), VIP.parse().unwrap()))
        );
        // On b's way out nobody hears a: it may be there already.
        holders.lose("a");
        holders.hear("b", &gone, at(200));
        holders.hear("a", &format!("has {VIP}"), at(900));
        holders.hear("a", "following", at(900));
        assert_eq!((held(&holders), holders.moved()), (vec!["a"], 1));
        assert_eq!(
            holders.longest_silence().map(|(silent, _)| silent),
            Some(Duration::from_millis(60))
        );
    }
}
