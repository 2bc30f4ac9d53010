//! Paths and patterns of `include`.

use std::path::{Component, Path};

/// A path without `.` and `..`.
pub fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(part) => parts.extend(part.to_str()),
            _ => {}
        }
    }
    parts.join("/")
}

/// The paths that a glob(3) with `{a,b}` finds, in its order.
pub fn matching<'a>(pattern: &str, paths: &[&'a str]) -> Vec<&'a str> {
    const OPTIONS: glob::MatchOptions = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let patterns = alternatives(pattern);
    let patterns = patterns.iter().filter_map(|pattern| glob::Pattern::new(pattern).ok());
    patterns
        .flat_map(|pattern| {
            paths.iter().copied().filter(move |path| pattern.matches_with(path, OPTIONS))
        })
        .collect()
}

/// Returns the patterns that a pattern with `{a,b}` stands for.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut depth = 0;
    let mut open = None;
    let mut cuts = Vec::new();
    for (at, character) in pattern.char_indices() {
        match character {
            '{' => {
                depth += 1;
                open = open.or(Some(at));
            }
            ',' if depth == 1 => cuts.push(at),
            '}' if depth == 1 => {
                let start = open.unwrap_or(at);
                cuts.push(at);
                let mut from = start + 1;
                let parts = cuts.iter().map(|cut| {
                    let part = &pattern[from..*cut];
                    from = cut + 1;
                    part
                });
                return parts
                    .flat_map(|part| {
                        alternatives(&format!("{}{part}{}", &pattern[..start], &pattern[at + 1..]))
                    })
                    .collect();
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    vec![pattern.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_those_of_glob_3() {
        let paths = ["a/conf.d/x.conf", "a/conf.d/b/x.conf", "a/conf.d/y.conf", "a/conf.d/.z.conf"];
        assert_eq!(matching("a/conf.d/*.conf", &paths), ["a/conf.d/x.conf", "a/conf.d/y.conf"]);
        assert_eq!(matching("a/conf.d/[x-z].conf", &paths), ["a/conf.d/x.conf", "a/conf.d/y.conf"]);
        assert_eq!(matching("a/conf.d/{y,x}.conf", &paths), ["a/conf.d/y.conf", "a/conf.d/x.conf"]);
        assert_eq!(alternatives("{a,{b,c}}d"), ["ad", "bd", "cd"]);
    }
}
