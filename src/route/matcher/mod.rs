//! The rule of a routing tier that answers a request: one matcher per controller, over the one routing table.

mod gateway;
mod letter;
mod nginx;
mod traefik;

pub use traefik::TraefikRouter;

use super::{Answer, Rule, Tier};
use crate::language::name::Host;
use crate::language::word::{HttpMethod, PathType};
use crate::model::{Controller, Implementation};
use crate::source::Span;

/// A rule that was looked at: the host that it is for, `None` being any.
#[derive(Debug)]
pub struct Considered<'a, A = Answer> {
    /// Its host.
    pub host: Option<&'a Host>,
    /// The rule, with its path and its answer.
    pub rule: &'a Rule<A>,
}

impl<A> Clone for Considered<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Considered<'_, A> {}

/// The action of a controller.
#[derive(Debug, Clone)]
pub enum Found<'a, A = Answer> {
    /// Sends it where a rule says.
    Rule(Considered<'a, A>),
    /// Redirects it to this path, because of a rule.
    Redirect(String, Considered<'a, A>),
    /// One of several rules answers; which one nothing decides, or nothing here can tell.
    Undecided(Vec<Considered<'a, A>>),
    /// Answers 404.
    Nothing,
}

/// The action of a controller, and the rules that it had to choose from.
#[derive(Debug, Clone)]
pub struct Lookup<'a, A = Answer> {
    /// The action.
    pub found: Found<'a, A>,
    /// The rules that match, the one that answers first.
    pub considered: Vec<Considered<'a, A>>,
}

impl<A: PartialEq> Tier<A> {
    /// Looks up a path of a host as a controller does. The path is as [`normal`] gives it.
    pub fn lookup(&self, controller: Controller, host: &Host, path: &str) -> Lookup<'_, A> {
        match controller {
            Controller::IngressNginx => nginx::lookup(self, host, path),
            Controller::Traefik { .. } | Controller::TraefikNginx => {
                traefik::lookup(self, host, path, controller)
            }
            Controller::Other => letter::lookup(self, host, path),
        }
    }

    /// Looks it up as a Gateway does for a request that comes to a listener, `None` being the one for all hosts.
    pub fn lookup_gateway(
        &self,
        implementation: Implementation,
        listener: Option<&Host>,
        asked: Asked<'_>,
    ) -> Lookup<'_, A> {
        gateway::lookup(self, implementation, listener, asked)
    }
}

/// A request, as far as a route can tell it from others.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The host, without a port.
    pub host: &'a Host,
    /// The path, as [`normal`] gives it.
    pub path: &'a str,
    /// The method.
    pub method: HttpMethod,
    /// Names and values.
    pub headers: &'a [(String, String)],
}

impl<'a> Asked<'a> {
    /// A `GET` without headers.
    pub fn plain(host: &'a Host, path: &'a str) -> Self {
        Self { host, path, method: HttpMethod::Get, headers: &[] }
    }
}

impl<A> Tier<A> {
    /// Every rule with its host.
    pub fn all(&self) -> impl Iterator<Item = Considered<'_, A>> {
        self.hosts()
            .flat_map(|(host, rules)| rules.iter().map(move |rule| Considered { host, rule }))
    }
}

impl<'a, A> Lookup<'a, A> {
    /// Of rules that match, the best first.
    fn of(considered: Vec<Considered<'a, A>>) -> Self {
        let found = considered.first().map_or(Found::Nothing, |first| Found::Rule(*first));
        Self { found, considered }
    }
}

impl<'a, A: PartialEq> Lookup<'a, A> {
    /// The same where the first `equal` of them have the same rank: it matters if they have different answers.
    fn of_equals(considered: Vec<Considered<'a, A>>, equal: usize) -> Self {
        let first = considered.iter().take(equal);
        let answers = considered.first().map(|rule| &rule.rule.answer);
        if first.clone().all(|rule| Some(&rule.rule.answer) == answers) {
            return Self::of(considered);
        }
        let mut equals: Vec<Considered<'a, A>> = Vec::new();
        for rule in first {
            if !equals.iter().any(|known| known.rule.answer == rule.rule.answer) {
                equals.push(*rule);
            }
        }
        Self { found: Found::Undecided(equals), considered }
    }
}

impl<A> Considered<'_, A> {
    fn path(&self) -> &str {
        self.rule.path.path.value.as_str()
    }

    /// Returns the place where its path is written.
    pub fn place(&self) -> Span {
        self.rule.path.path.span
    }

    fn kind(&self) -> PathType {
        self.rule.path.kind
    }

    /// Returns true if its host is that of the request: its own, a wildcard's for one label, or any.
    fn is_for(&self, host: &Host) -> bool {
        self.host.is_none_or(|own| own == host || host.wildcard().as_ref() == Some(own))
    }
}

/// Returns true if `path` is `prefix` or lies below it, element by element.
pub(super) fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A request's path as controllers compare it: escapes decoded, `//` merged, `.` and `..` resolved, without the query.
pub fn normal(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| *first == b'%');
        let decoded = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let is_folder = text.ends_with('/') || text.ends_with("/.") || text.ends_with("/..");
    let end = if is_folder && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{is_below, normal};

    #[test]
    fn paths_are_compared_in_their_normal_form() {
        for (written, wanted) in [
            ("", "/"),
            ("/", "/"),
            ("/a//b/", "/a/b/"),
            ("/a/../b?c=/d", "/b"),
            ("/a/./b/..", "/a/"),
            ("/%61/%2e%2e/b%zz", "/b%zz"),
            ("/../..", "/"),
        ] {
            assert_eq!(normal(written), wanted, "{written}");
        }
    }

    #[test]
    fn a_prefix_means_whole_elements() {
        assert!(is_below("/users", "/users") && is_below("/users/7", "/users/"));
        assert!(is_below("/", "/") && is_below("/a", "/"));
        assert!(!is_below("/usersx", "/users") && !is_below("/user", "/users"));
    }
}
