//! Paths to ask for: whatever could tell the rules of two tables apart.

use std::collections::BTreeSet;

use super::regex::examples;

/// Characters of regular expressions.
const SPECIAL: [char; 13] = ['\\', '^', '$', '*', '+', '?', '(', ')', '[', ']', '{', '}', '|'];

/// As a URL has it: a query or a fragment would begin there.
fn escaped(path: &str) -> String {
    path.replace('?', "%3F").replace('#', "%23")
}

/// The texts of rules first, then what their expressions match, what lies below and above them, and near misses.
pub fn witnesses(texts: &BTreeSet<&str>) -> Vec<String> {
    let mut told: BTreeSet<String> = BTreeSet::new();
    let mut paths: Vec<String> = Vec::new();
    let mut add = |path: String| {
        let path = escaped(&path);
        if told.insert(path.clone()) {
            paths.push(path);
        }
    };
    texts.iter().for_each(|text| add((*text).to_owned()));
    for text in texts {
        // Of a regular expression what comes before its first special character.
        let literal = text.find(SPECIAL);
        if literal.is_some() {
            for text in examples(text).into_iter().filter(|text| text.starts_with('/')) {
                add(format!("{text}x"));
                add(text);
            }
        }
        let bare = text[..literal.unwrap_or(text.len())].trim_end_matches('/');
        add(format!("{bare}/"));
        if bare.is_empty() {
            add("/child".to_owned());
            add("/x".to_owned());
            continue;
        }
        add(bare.to_owned());
        add(format!("{bare}/child"));
        add(format!("{bare}x"));
        add(bare.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned() + "/");
        let upper = bare.to_uppercase();
        add(format!("{upper}/child"));
        add(upper);
    }
    add("/".to_owned());
    add("/nobody".to_owned());
    paths
}
