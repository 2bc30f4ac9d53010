//! The edits of an ordinary day.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use crate::inventory::{ALONE, files, inventory};
use crate::support;

/// An edit of a day: a domain comes, goes, or gets another Secret.
#[derive(Debug, Clone)]
enum Edit {
    Come(u32),
    Go(prop::sample::Index),
    Secret(prop::sample::Index, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => (0..100_000u32).prop_map(Edit::Come),
        2 => any::<prop::sample::Index>().prop_map(Edit::Go),
        1 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, secret)| Edit::Secret(at, secret)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// A hundred edits, one after the other: each changes one ListenerSet, and an HTTPRoute only where a set comes or goes.
    #[test]
    fn a_days_edits_change_one_set(first in 60..260u32, edits in prop::collection::vec(edit(), 100)) {
        let mut domains: BTreeMap<String, Option<u8>> = (0..first).map(|index| (format!("first{index}.example.com"), None)).collect();
        let text = |domains: &BTreeMap<String, Option<u8>>| {
            let mut lines = String::new();
            for (host, secret) in domains {
                match secret {
                    None => writeln!(lines, "  {host}:").unwrap(),
                    Some(secret) => writeln!(lines, "  {host}: {{ tls_secret: s{secret} }}").unwrap(),
                }
            }
            inventory(ALONE, &lines, "  shop: { namespace: shop, backend: { port: 80 }, paths: [/shop] }\n")
        };
        let (mut before, mut lock) = files(&text(&domains), "");
        let mut boundaries = 0;
        for edit in edits {
            match edit {
                Edit::Come(index) => drop(domains.insert(format!("d{index}.example.com"), None)),
                Edit::Go(at) if domains.len() > 1 => {
                    let host = domains.keys().nth(at.index(domains.len())).unwrap().clone();
                    domains.remove(&host);
                }
                Edit::Secret(at, secret) => {
                    let host = domains.keys().nth(at.index(domains.len())).unwrap().clone();
                    domains.insert(host, Some(secret));
                }
                Edit::Go(_) => {}
            }
            let (after, next) = files(&text(&domains), &lock);
            let changed = support::compare::changed(&before, &after);
            let sets = changed.iter().filter(|file| file.path.contains("/listeners-")).count();
            prop_assert!(sets <= 1, "{:?}", changed);
            let is_boundary = changed.iter().any(|file| file.path.contains("/listeners-") && file.kind != lbgen::bundle::ChangeKind::Changed);
            boundaries += usize::from(is_boundary);
            let others = changed.iter().filter(|file| !file.path.contains("/listeners-")).count();
            prop_assert!(is_boundary || others == 0, "{:?}", changed);
            let again = files(&text(&domains), &next);
            prop_assert_eq!(&again.1, &next);
            prop_assert!(support::compare::changed(&after, &again.0).is_empty());
            (before, lock) = (after, next);
        }
        println!("{boundaries} boundaries");
    }
}
