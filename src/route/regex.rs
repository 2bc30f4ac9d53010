//! Hosts that a controller compares by regular expressions, and the expressions.

use std::cell::RefCell;
use std::collections::BTreeMap;

use fancy_regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::language::word::PathType;
use crate::model::{Annotations, Controller, Path, is_true, nginx_annotation};

/// The annotation by which paths make every path of their host a regular expression (ingress-nginx, `use-regex` and
/// `needsRewrite` of template.go; Traefik, `hostsWithUseRegex` of its provider kubernetesIngressNGINX).
pub fn regex_annotation<'a>(
    annotations: &Annotations,
    mut paths: impl Iterator<Item = &'a Path>,
    controller: Controller,
) -> Option<&'static str> {
    if nginx_annotation(annotations, "use-regex").is_some_and(is_true) {
        return Some("use-regex");
    }
    let target = nginx_annotation(annotations, "rewrite-target").filter(|text| !text.is_empty())?;
    let turns = controller == Controller::TraefikNginx || paths.any(|path| rewrites(path, target));
    turns.then_some("rewrite-target")
}

/// Returns true if a `rewrite-target` changes a path: one that is the path does nothing. A Prefix is a location that
/// ends in a slash.
pub fn rewrites(path: &Path, target: &str) -> bool {
    let text = path.path.value.as_str();
    match path.kind {
        _ if target.is_empty() => false,
        PathType::Prefix if !text.ends_with('/') => target != format!("{text}/"),
        PathType::Prefix | PathType::Exact | PathType::ImplementationSpecific => target != text,
    }
}

/// Returns true if a path matches `^pattern`, whatever the case, or `None` if the pattern cannot be tried here.
pub fn matches(pattern: &str, path: &str) -> Option<bool> {
    is_match(&format!("(?i)^{pattern}"), path)
}

/// The most built expressions that a thread keeps.
const KEPT: usize = 1024;

thread_local! {
    /// Tables are asked for many paths one after the other.
    static BUILT: RefCell<BTreeMap<String, Option<Regex>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Returns true if a path matches a pattern, or `None` if that cannot be tried here.
pub fn is_match(pattern: &str, path: &str) -> Option<bool> {
    BUILT.with_borrow_mut(|built| {
        if built.len() > KEPT {
            built.clear();
        }
        if !built.contains_key(pattern) {
            built.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        built.get(pattern)?.as_ref()?.is_match(path).ok()
    })
}

/// Short texts that a pattern matches, by its first alternatives, its last and those between; none where it looks around or refers back.
pub fn examples(pattern: &str) -> Vec<String> {
    let Ok(parsed) = regex_syntax::parse(pattern) else { return Vec::new() };
    let spelled = [Choice::First, Choice::Middle, Choice::Last].into_iter().filter_map(|choice| {
        let mut text = String::new();
        spell(&parsed, choice, &mut text).map(|()| text)
    });
    spelled.collect()
}

/// Of several alternatives the one that is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    First,
    Middle,
    Last,
}

fn spell(found: &Hir, choice: Choice, text: &mut String) -> Option<()> {
    match found.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        // A letter that people write, where it is one of the class.
        HirKind::Class(Class::Unicode(class)) => {
            let has =
                |c: char| class.iter().any(|range| (range.start()..=range.end()).contains(&c));
            let usual = match choice {
                Choice::First => ['a', '0', '-', '/'].into_iter().find(|c| has(*c)),
                Choice::Middle => ['m', 'b', '5', '.'].into_iter().find(|c| has(*c)),
                Choice::Last => ['z', 'c', 'b', '9', '1', '_'].into_iter().find(|c| has(*c)),
            };
            text.push(usual.or_else(|| Some(class.iter().next()?.start()))?);
        }
        HirKind::Class(Class::Bytes(_)) => return None,
        HirKind::Repetition(repeated) => {
            let times = repeated.min.max(u32::from(repeated.max != Some(0)));
            for _ in 0..times.min(8) {
                spell(&repeated.sub, choice, text)?;
            }
        }
        HirKind::Capture(capture) => spell(&capture.sub, choice, text)?,
        HirKind::Concat(all) => all.iter().try_for_each(|part| spell(part, choice, text))?,
        HirKind::Alternation(all) => {
            let part = match choice {
                Choice::First => all.first(),
                Choice::Middle => all.get(all.len() / 2),
                Choice::Last => all.last(),
            };
            spell(part?, choice, text)?;
        }
    }
    Some(())
}

/// The engines that take a pattern for a regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Every engine has it.
    Any,
    /// Backtracking ones, such as PCRE of nginx, and neither RE2 nor Go's: it looks around, or refers back.
    Backtracking,
    /// None that is known here.
    Unknown,
}

impl Engine {
    /// The engines that take a pattern.
    pub fn of(pattern: &str) -> Self {
        match (regex::Regex::new(pattern), fancy_regex::Regex::new(pattern)) {
            (Ok(_), _) => Self::Any,
            (Err(_), Ok(_)) => Self::Backtracking,
            (Err(_), Err(_)) => Self::Unknown,
        }
    }
}
