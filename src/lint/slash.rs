//! Paths that do not answer what they seem to: trailing slashes, and prefixes that are compared letter by letter.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::language::name::Name;
use crate::model::{Controller, Datacenter, Host, PathType};
use crate::route::{Considered, Found, RoutingTable, Rule, Tier};

/// What people type without the slash is redirected, or somebody else answers it.
const SLASH: Code = code!(Warning "LB219", "a path that ends in a slash");
/// More than the path is matched.
const LETTERS: Code = code!(Warning "LB224", "prefixes that are compared letter by letter");

/// The codes of this family.
pub const CODES: &[&Code] = &[&SLASH, &LETTERS];

/// Asks the matcher of each entrypoint's controller what it makes of the paths.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for (name, tier) in routes.tiers() {
        let Some(entrypoint) = datacenter.entrypoints.get(name) else { continue };
        let controller = entrypoint.routing.controller;
        let mut letters = None;
        for (host, rules) in tier.hosts() {
            let Some(asked) = asked(host) else { continue };
            for rule in rules.iter().filter(|rule| rule.component().is_some()) {
                slash(tier, controller, &asked, rule, report);
                let longer = format!("{}x", rule.path.path.value);
                let may_be = controller != Controller::IngressNginx
                    && rule.path.kind == PathType::Prefix
                    && !longer.ends_with("/x");
                if may_be && answers(&tier.lookup(controller, &asked, &longer).found, rule) {
                    letters = letters.or(Some((&rule.path.path.value, longer)));
                }
            }
        }
        if let Some((path, longer)) = letters {
            report.push(
                Diagnostic::new(
                    &LETTERS,
                    entrypoint.span,
                    format!("in `{name}`, `{path}` also answers `{longer}`"),
                    "its routing controller compares prefixes letter by letter",
                )
                .help("set `strictPrefixMatching` of Traefik's provider kubernetesIngress, and `strict_prefix: true` here"),
            );
        }
    }
}

/// A host to ask for: the rule's, one below a wildcard, or one that nobody names.
fn asked(host: Option<&Host>) -> Option<Host> {
    match host {
        None => Host::parse("nobody.invalid"),
        Some(host) => Host::parse(&host.as_str().replacen('*', "any", 1)),
    }
}

fn answers(found: &Found<'_>, rule: &Rule) -> bool {
    matches!(found, Found::Rule(Considered { rule: other, .. }) if other.answer == rule.answer)
}

fn slash(tier: &Tier, controller: Controller, host: &Host, rule: &Rule, report: &mut Report) {
    let written = &rule.path.path;
    let Some(bare) = written.value.as_str().strip_suffix('/').filter(|bare| !bare.is_empty())
    else {
        return;
    };
    let (title, note) = match tier.lookup(controller, host, bare).found {
        Found::Redirect(..) => (
            format!("`{bare}` is redirected to `http://HOST{bare}/`"),
            "the routing controller does not know that the client came by https",
        ),
        found if answers(&found, rule) => return,
        // An Exact path is just that.
        _ if rule.path.kind == PathType::Exact => return,
        Found::Nothing => (
            format!("nobody answers `{bare}`"),
            "the path ends in a slash, and this controller compares letters",
        ),
        Found::Rule(_) => (
            format!("another rule answers `{bare}`"),
            "the path ends in a slash, and this controller compares letters",
        ),
    };
    let mut diagnostic = Diagnostic::new(&SLASH, written.span, title, "ends in a slash").note(note);
    if rule.path.kind == PathType::Prefix {
        diagnostic = diagnostic
            .help("a `Prefix` without the slash answers both")
            .replace(written.span, bare);
    }
    report.push(diagnostic);
}
