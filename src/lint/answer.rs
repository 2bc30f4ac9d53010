//! Paths that do not answer what they seem to: trailing slashes, prefixes that are compared letter by letter, and rules that a
//! longer text defeats.

use std::collections::BTreeSet;

use super::ingress;
use crate::diag::{Code, Diagnostic, Report, code};
use crate::language::name::Name;
use crate::model::{Controller, Datacenter, Host, PathType};
use crate::route::{Considered, Found, RoutingTable, Rule, Tier};

/// A path that people type without its slash is redirected, or somebody else answers it.
const SLASH: Code = code!(Warning "LB219", "a path that ends in a slash");
/// Another rule has the longer text, and so the higher priority.
const LONGER_TEXT: Code =
    code!(Warning "LB226", "a path that Traefik gives to a rule with a shorter path");
/// More than the path is matched.
const LETTERS: Code = code!(Warning "LB224", "prefixes that are compared letter by letter");

/// The codes of this family.
pub const CODES: &[&Code] = &[&SLASH, &LETTERS, &LONGER_TEXT];

/// Asks the matcher of each entrypoint's controller what it makes of the paths.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for (name, tier) in routes.tiers() {
        let Some(entrypoint) = datacenter.entrypoints.get(name) else { continue };
        let Some(controller) = entrypoint.ingress_controller() else { continue };
        let (mut letters, mut found) = (None, Vec::new());
        for (host, rules) in tier.hosts() {
            let Some(asked) = asked(host) else { continue };
            let is_traefik =
                matches!(controller, Controller::Traefik { .. } | Controller::TraefikNginx);
            // The rules of a wildcard take a host that has rules of its own from those for any host.
            let wildcard = host.and_then(Host::wildcard);
            if is_traefik && wildcard.is_some_and(|host| !tier.rules(Some(&host)).is_empty()) {
                for rule in tier.rules(None).iter().filter(|rule| rule.component().is_some()) {
                    let rule = Considered { host: None, rule };
                    found.extend(longer_text(tier, controller, &asked, rule));
                }
            }
            for rule in rules.iter().filter(|rule| rule.component().is_some()) {
                found.extend(slash(tier, controller, &asked, rule));
                if is_traefik {
                    found.extend(longer_text(tier, controller, &asked, Considered { host, rule }));
                }
                if tier.is_regex(host) || !is_longer_answered(tier, controller, &asked, rule) {
                    continue;
                }
                match rule.path.kind {
                    // A setting of the controller, for all of them.
                    PathType::Prefix => letters = letters.or(Some(&rule.path.path.value)),
                    PathType::ImplementationSpecific => found.push(specific(rule)),
                    PathType::Exact => {}
                }
            }
        }
        // A rule has as many answers as hosts, and its owner reads of the first.
        let mut told = BTreeSet::new();
        found.retain(|diagnostic| told.insert((diagnostic.code.id, diagnostic.span())));
        found.into_iter().for_each(|diagnostic| report.push(diagnostic));
        if let Some(path) = letters {
            report.push(
                Diagnostic::new(
                    &LETTERS,
                    entrypoint.span,
                    format!("in `{name}`, `{path}` also answers `{path}x`"),
                    "its routing controller compares prefixes letter by letter",
                )
                .help("set `strictPrefixMatching` of Traefik's provider kubernetesIngress, and `strict_prefix: true` here"),
            );
        }
    }
}

/// A host to ask for: the rule's, one below a wildcard, or one that nobody names.
pub(super) fn asked(host: Option<&Host>) -> Option<Host> {
    match host {
        None => Host::parse("nobody.invalid"),
        Some(host) => Host::parse(&host.as_str().replacen('*', "any", 1)),
    }
}

/// Returns true if the rule answers its path with one more letter too.
fn is_longer_answered(tier: &Tier, controller: Controller, host: &Host, rule: &Rule) -> bool {
    let by_elements = match controller {
        Controller::IngressNginx => rule.path.kind != PathType::ImplementationSpecific,
        _ => rule.path.kind == PathType::Exact,
    };
    let path = rule.path.path.value.as_str();
    // Who writes a regular expression means letters.
    let is_plain = path.chars().all(ingress::is_plain);
    if by_elements || !is_plain || path.ends_with('/') {
        return false;
    }
    let longer = format!("{path}x");
    let found = tier.lookup(controller, host, &longer).found;
    matches!(found, Found::Rule(found) if found.rule.path.path.span == rule.path.path.span)
}

/// A rule whose own path goes to one with a shorter path, to a Prefix although the rule is Exact, or to a wildcard
/// although the rule names the host.
fn longer_text(
    tier: &Tier,
    controller: Controller,
    host: &Host,
    Considered { host: own, rule }: Considered<'_>,
) -> Option<Diagnostic> {
    let path = &rule.path.path;
    // A regular expression is no path to ask for.
    if !path.value.as_str().chars().all(ingress::is_plain) {
        return None;
    }
    let is_exact = |kind| kind == PathType::Exact;
    let precision = |host: Option<&Host>| host.map(|host| !host.as_str().starts_with('*'));
    let elements = |path: &str| path.trim_end_matches('/').len();
    // A Prefix is for the path with a slash too, and another rule may be for that alone.
    let with_slash = format!("{}/", path.value.as_str().trim_end_matches('/'));
    let asked = [path.value.as_str(), with_slash.as_str()];
    let asked = if is_exact(rule.path.kind) { &asked[..1] } else { &asked[..] };
    asked.iter().find_map(|asked| {
        let Found::Rule(found) = tier.lookup(controller, host, asked).found else { return None };
        let other = &found.rule.path;
        let longer = elements(path.value.as_str()).cmp(&elements(other.path.value.as_str()));
        let exact = is_exact(rule.path.kind).cmp(&is_exact(other.kind));
        let is_better = longer.then(exact).then(precision(own).cmp(&precision(found.host))).is_gt();
        if found.rule.answer == rule.answer || !is_better {
            return None;
        }
        let title = match found.host.or(own) {
            Some(_) => format!("this rule does not answer `{asked}` on {host}"),
            None => format!("this rule does not answer `{asked}`"),
        };
        let diagnostic = Diagnostic::new(&LONGER_TEXT, path.span, title, "its text is shorter")
            .also(found.place(), "this rule answers: its text is longer")
            .note("Traefik's priority is the length of the rule's text, the host and the type included")
            .help("name the same hosts in both, or write `Prefix` where one is `Exact`");
        Some(diagnostic)
    })
}

fn specific(rule: &Rule) -> Diagnostic {
    let path = &rule.path.path;
    Diagnostic::new(
        &LETTERS,
        path.span,
        format!("`{0}` also answers `{0}x`", path.value),
        "`ImplementationSpecific`: the routing controller compares letter by letter",
    )
    .help("remove `type`: a `Prefix` compares whole elements")
}

fn answers(found: &Found<'_>, rule: &Rule) -> bool {
    matches!(found, Found::Rule(Considered { rule: other, .. }) if other.answer == rule.answer)
}

fn slash(tier: &Tier, controller: Controller, host: &Host, rule: &Rule) -> Option<Diagnostic> {
    let written = &rule.path.path;
    let bare = written.value.as_str().strip_suffix('/').filter(|bare| !bare.is_empty())?;
    let (title, note) = match tier.lookup(controller, host, bare).found {
        Found::Redirect(..) => (
            format!("`{bare}` is redirected to `http://HOST{bare}/`"),
            "the routing controller does not know that the client came by https",
        ),
        found if answers(&found, rule) => return None,
        // An Exact path is just that.
        _ if rule.path.kind == PathType::Exact => return None,
        Found::Nothing => (
            format!("nobody answers `{bare}`"),
            "the path ends in a slash, and this controller compares letters",
        ),
        Found::Rule(_) | Found::Undecided(_) => (
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
    Some(diagnostic)
}
