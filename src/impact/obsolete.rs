//! Objects that give up what others take: they are deleted or applied first. Who answers in between.

use std::collections::BTreeSet;

use super::answer::Tier;
use super::served::Served;
use super::{Class, Comparison, Finding};
use crate::bundle::Place;
use crate::language::name::{Host, Label, Name};
use crate::model::{Controller, Entry};
use crate::state::{Object, State};

/// The objects that are no longer produced, or that give up a host or a path to others.
pub(crate) struct Obsolete<'a> {
    /// To be deleted before anything is applied: what they claim goes to another object.
    pub first: Vec<&'a Object>,
    /// Services among those, which are deleted in the step that applies the new one: nothing answers in between.
    pub moving: Vec<&'a Object>,
    /// To be applied, as they will be, before the others: another object takes a path that they give up.
    pub giving: Vec<&'a Object>,
    /// To be deleted at the end.
    pub later: Vec<&'a Object>,
}

impl<'a> Obsolete<'a> {
    pub fn of(comparison: Comparison<'a>) -> Self {
        let (from, to) = (&comparison.from.objects, &comparison.to.objects);
        // The webhook of ingress-nginx refuses a path that another Ingress has (facts K14); elsewhere two may stand
        // together, and somebody answers all the time.
        let [controllers, _] = comparison.readers();
        let may_stand_beside = |object: &Object| {
            let class = object.class().filter(|_| object.key.kind == "Ingress");
            class.is_some_and(|class| controllers.of_class(class) != Controller::IngressNginx)
        };
        let is_listeners =
            |object: &Object| matches!(object.key.kind.as_str(), "ListenerSet" | "Gateway");
        let new: BTreeSet<Claim<'_>> = to
            .values()
            .filter(|object| !from.contains_key(&object.key) || is_listeners(object))
            .flat_map(claims)
            .collect();
        let gone = from.values().filter(|object| !to.contains_key(&object.key));
        let gone = gone.filter(|object| !Place::of(&object.file).is_of_pods());
        let (first, later): (Vec<&Object>, Vec<&Object>) = gone.partition(|object| {
            !may_stand_beside(object) && claims(object).iter().any(|claim| new.contains(claim))
        });
        let (moving, first): (Vec<&Object>, Vec<&Object>) =
            first.into_iter().partition(|object| object.key.kind == "Service");
        // Of two that take a path from each other none can be applied first.
        let (both, giving): (Vec<_>, Vec<_>) = Giving::all(comparison)
            .into_iter()
            .filter(|found| !may_stand_beside(found.old))
            .partition(|found| found.takes);
        let both = both.into_iter().map(|found| found.old);
        let mut giving: Vec<&Object> = giving.into_iter().map(|found| found.new).collect();
        if !giving.is_empty() {
            giving.extend(certificates(comparison));
        }
        let first = first.into_iter().chain(both).collect();
        Self { first, moving, giving, later }
    }

    /// Those who answer for a component or a domain between the two steps.
    pub(super) fn findings(
        comparison: Comparison<'_>,
        is_component: impl Fn(&str) -> bool,
    ) -> Vec<Finding> {
        let Obsolete { first, giving, .. } = Obsolete::of(comparison);
        let ingresses: Vec<&Object> =
            first.into_iter().filter(|object| object.key.kind == "Ingress").collect();
        if ingresses.is_empty() && giving.is_empty() {
            return Vec::new();
        }
        let mut between = State { objects: comparison.from.objects.clone(), ..State::default() };
        for object in &ingresses {
            between.objects.remove(&object.key);
        }
        between.objects.extend(giving.iter().map(|new| (new.key.clone(), (*new).clone())));
        let [controllers, _] = comparison.readers();
        let served = Served::of([comparison.from, &between], [controllers; 2]);
        let ingresses: Vec<&Object> = ingresses
            .into_iter()
            .chain(giving.iter().filter_map(|new| comparison.from.objects.get(&new.key)))
            .collect();
        let tiers = ingresses.iter().filter_map(|object| Tier::of(object));
        let tiers = tiers.map(|tier| [tier, tier]).collect();
        let changes = served.changes(&tiers, is_component, |_| true);
        changes
            .into_iter()
            // Somebody answers there who did not: nothing is silent.
            .filter(|change| change.class != Class::New)
            .filter_map(|change| {
                let own = || ingresses.iter().filter(|object| object.key.name == change.owner);
                let of_fallback = own().find_map(|object| Place::of(&object.file).entrypoint());
                // The object of a wildcard is not called as the host.
                let is_domain =
                    |object: &&&Object| matches!(Place::of(&object.file), Place::Domain(_));
                let mut hosts = own().filter(is_domain).flat_map(|object| object.hosts());
                let domain = hosts.find_map(|host| Host::parse(host?));
                let entry = match (of_fallback, domain) {
                    (Some(name), _) => Label::parse(name).map(Entry::Entrypoint),
                    (None, Some(host)) => Some(Entry::Domain(host)),
                    (None, None) => Label::parse(&change.owner).map(Entry::Component),
                }?;
                let who = match change.class {
                    Class::Unreachable => "nobody answers",
                    Class::ToFallback => "the fallback answers",
                    _ => "another rule answers",
                };
                let reason = format!(
                    "{who} for some seconds, between two steps: {}",
                    change.urls.join(", ")
                );
                let files: Vec<&str> = own().map(|object| object.file.as_str()).collect();
                let mut finding = Finding::new(Class::Gap, entry, reason).in_files(files);
                (finding.from, finding.to) = (change.from, change.to);
                Some(finding)
            })
            .collect()
    }
}

/// New Ingresses with certificates, which may be those that others give up too; those of them that no Ingress stands in the
/// way of.
fn certificates<'a>(comparison: Comparison<'a>) -> impl Iterator<Item = &'a Object> {
    let (from, to) = (&comparison.from.objects, &comparison.to.objects);
    let held: BTreeSet<Claim<'a>> = from.values().flat_map(claims).collect();
    let new = to.values().filter(|object| {
        object.key.kind == "Ingress" && object.tls().is_some() && !from.contains_key(&object.key)
    });
    new.filter(move |object| claims(object).iter().all(|claim| !held.contains(claim)))
}

/// An Ingress that stays and gives up a path that another object takes.
struct Giving<'a> {
    old: &'a Object,
    new: &'a Object,
    /// True if it takes a path from another one that stays.
    takes: bool,
}

impl<'a> Giving<'a> {
    fn all(comparison: Comparison<'a>) -> Vec<Self> {
        let (from, to) = (&comparison.from.objects, &comparison.to.objects);
        let ingresses = |object: &&Object| object.key.kind == "Ingress";
        let mut taken: BTreeSet<Claim<'_>> = to
            .values()
            .filter(|new| ingresses(new) && !from.contains_key(&new.key))
            .flat_map(claims)
            .collect();
        let mut given: BTreeSet<Claim<'_>> = BTreeSet::new();
        let mut stay = Vec::new();
        for new in to.values().filter(ingresses) {
            let Some(old) = from.get(&new.key).filter(|old| *old != new) else { continue };
            let [before, after] = [old, new].map(|one| BTreeSet::from_iter(claims(one)));
            let lost: Vec<Claim<'_>> = before.difference(&after).copied().collect();
            let gained: Vec<Claim<'_>> = after.difference(&before).copied().collect();
            given.extend(lost.iter().copied());
            taken.extend(gained.iter().copied());
            stay.push((old, new, lost, gained));
        }
        let giving = stay.into_iter().filter_map(|(old, new, lost, gained)| {
            let takes = gained.iter().any(|claim| given.contains(claim));
            lost.iter().any(|claim| taken.contains(claim)).then_some(Self { old, new, takes })
        });
        giving.collect()
    }
}

/// A thing that only one object may have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim<'a> {
    /// Class, host and path.
    Path(Option<&'a str>, Option<&'a str>, &'a str),
    /// Gateway and host.
    Listener(Option<&'a str>, &'a str),
    /// `healthCheckNodePort`
    NodePort(u64),
}

fn claims(object: &Object) -> Vec<Claim<'_>> {
    match object.key.kind.as_str() {
        "Ingress" => {
            let paths = object.paths().into_iter();
            paths.map(|rule| Claim::Path(object.class(), rule.host, rule.path)).collect()
        }
        // A Service that moves to another namespace is another one.
        "Service" => object.health_check_node_port().map(Claim::NodePort).into_iter().collect(),
        // Of two ListenerSets with one host the older has it, although no route attaches to it any more.
        "ListenerSet" | "Gateway" => object
            .listeners()
            .into_iter()
            .map(|listener| Claim::Listener(object.gateway(), listener.host))
            .collect(),
        _ => Vec::new(),
    }
}
