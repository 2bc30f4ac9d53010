//! Hosts that a controller compares by regular expressions, and the expressions.

use std::cell::RefCell;
use std::collections::BTreeMap;

use fancy_regex::Regex;
use regex_syntax::ast::{self, Ast};
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
    /// PCRE perhaps, whose constructs are not all known here; neither RE2 nor Go's.
    Unknown,
    /// None: a bracket is open.
    Broken,
}

impl Engine {
    /// The engines that take a pattern.
    pub fn of(pattern: &str) -> Self {
        match (regex::Regex::new(pattern), fancy_regex::Regex::new(pattern)) {
            (Ok(_), _) if !is_possessive(pattern) => Self::Any,
            (_, Ok(_)) => Self::Backtracking,
            (_, Err(_)) if is_open(pattern) => Self::Broken,
            (_, Err(_)) => Self::Unknown,
        }
    }
}

/// Returns true if a repetition is repeated without a group, as in `a++`: PCRE gives nothing back then, and RE2 and Go
/// refuse it.
fn is_possessive(pattern: &str) -> bool {
    struct Nested;
    impl ast::Visitor for Nested {
        type Output = ();
        type Err = ();
        fn finish(self) -> Result<(), ()> {
            Ok(())
        }
        fn visit_pre(&mut self, found: &Ast) -> Result<(), ()> {
            match found {
                Ast::Repetition(outer) if matches!(*outer.ast, Ast::Repetition(_)) => Err(()),
                _ => Ok(()),
            }
        }
    }
    let parsed = ast::parse::Parser::new().parse(pattern);
    parsed.is_ok_and(|parsed| ast::visit(&parsed, Nested).is_err())
}

/// Returns true if a bracket is not closed, or closed without being open.
fn is_open(pattern: &str) -> bool {
    let (mut groups, mut is_class, mut is_escaped) = (0_usize, false, false);
    for letter in pattern.chars() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            ']' if is_class => is_class = false,
            '[' => is_class = true,
            '(' if !is_class => groups += 1,
            ')' if !is_class && groups == 0 => return true,
            ')' if !is_class => groups -= 1,
            _ => {}
        }
    }
    groups > 0 || is_class || is_escaped
}

#[cfg(test)]
mod tests {
    use super::Engine;

    #[test]
    fn engines_are_told_apart() {
        let cases = [
            (Engine::Any, ["/a/b", "/a.+?", r"/a\(b", "/[(]a"]),
            (Engine::Backtracking, ["/(?!c).+", "/a++b", "/(?>a)b", r"/(a)\1"]),
            (Engine::Broken, ["/[a", "/shop(", "/shop)", r"/a\"]),
        ];
        for (engine, patterns) in cases {
            for pattern in patterns {
                assert_eq!(Engine::of(pattern), engine, "{pattern}");
            }
        }
        // PCRE's, whoever else knows them.
        for pattern in ["/(a(?1)?b)", "/(?|a|b)x"] {
            assert!(matches!(Engine::of(pattern), Engine::Unknown | Engine::Backtracking));
        }
    }
}
