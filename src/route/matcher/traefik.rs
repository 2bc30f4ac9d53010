//! Traefik: every rule of every host competes, and the longest text of a rule wins (facts-kubernetes 16, 17).

use super::{Considered, Lookup, Tier, is_below};
use crate::language::name::Host;
use crate::language::word::PathType;

/// What becomes of a Prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// ``PathPrefix(`/users`)`` compares letters: it matches `/usersx` too.
    Letters,
    /// ``(Path(`/users`) || PathPrefix(`/users/`))`` compares elements.
    Strict,
}

impl Form {
    pub fn of(strict_prefix: bool) -> Self {
        if strict_prefix { Self::Strict } else { Self::Letters }
    }
}

pub(super) fn lookup<'a>(tier: &'a Tier, host: &Host, path: &str, form: Form) -> Lookup<'a> {
    let mut found: Vec<Considered<'a>> =
        tier.all().filter(|rule| rule.is_for(host) && matches(rule, path, form)).collect();
    found.sort_by_key(|rule| std::cmp::Reverse(text(rule, form).len()));
    Lookup::of(found)
}

fn matches(rule: &Considered<'_>, path: &str, form: Form) -> bool {
    match (rule.kind(), form) {
        (PathType::Exact, _) => path == rule.path(),
        (_, Form::Letters) => path.starts_with(rule.path()),
        (_, Form::Strict) => is_below(path, rule.path()),
    }
}

/// The rule as Traefik writes it; its length is its priority.
fn text(rule: &Considered<'_>, form: Form) -> String {
    let path = rule.path();
    let host = match rule.host {
        None => String::new(),
        Some(host) => match host.as_str().strip_prefix("*.") {
            Some(rest) => {
                format!("HostRegexp(`^[a-zA-Z0-9-]+\\.{}$`) && ", rest.replace('.', "\\."))
            }
            None => format!("Host(`{host}`) && "),
        },
    };
    let path = match (rule.kind(), form) {
        (PathType::Exact, _) => format!("Path(`{path}`)"),
        (_, Form::Strict) if path != "/" => {
            let bare = path.trim_end_matches('/');
            format!("(Path(`{bare}`) || PathPrefix(`{bare}/`))")
        }
        _ => format!("PathPrefix(`{path}`)"),
    };
    host + &path
}
