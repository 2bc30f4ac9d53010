//! The objects that route the requests of a component: its Ingress, its HTTPRoutes, or both beside each other.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Tier;
use super::cluster::{fields, in_place, moved};
use super::gateway::is_exposed;
use super::{Class, Finding};
use crate::model::Entry;
use crate::state::{Object, ObjectKey, State};

/// The objects of a component in a state.
pub(super) struct RequestRouting<'a> {
    pub objects: Vec<&'a Object>,
    /// The tier that VIPs lead to.
    pub tier: Option<Tier<'a>>,
}

impl<'a> RequestRouting<'a> {
    /// The objects of one component.
    pub fn of(state: &'a State, name: &str) -> Self {
        let objects = state.objects.values().filter(|object| owner(object) == Some(name));
        Self::from(state, objects.collect())
    }

    /// Those of every one, fallbacks included.
    pub fn all(state: &'a State) -> BTreeMap<&'a str, Self> {
        let mut all: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for object in state.objects.values() {
            if let Some(name) = owner(object) {
                all.entry(name).or_default().push(object);
            }
        }
        all.into_iter().map(|(name, objects)| (name, Self::from(state, objects))).collect()
    }

    fn from(state: &'a State, objects: Vec<&'a Object>) -> Self {
        let is_reached = |tier: &Tier<'_>| match tier {
            Tier::Gateway(gateway) => is_exposed(state, gateway),
            Tier::Class(_) => true,
        };
        let tiers = || objects.iter().filter_map(|object| Tier::of(object));
        let gateway = tiers().find(|tier| matches!(tier, Tier::Gateway(_)) && is_reached(tier));
        let tier = gateway.or_else(|| tiers().find(is_reached)).or_else(|| tiers().next());
        Self { objects, tier }
    }

    /// Returns true if one of its rules sends requests to a Service.
    pub fn leads_to(&self, service: &ObjectKey) -> bool {
        let mut paths = self.objects.iter().flat_map(|object| object.paths());
        paths.any(|path| {
            path.namespace == service.namespace && path.services().any(|name| name == service.name)
        })
    }

    /// Returns the differences beside who answers its paths; `alone` if nothing differs there.
    pub fn difference(&self, to: &Self, entry: &Entry, alone: bool) -> Vec<Finding> {
        let finding = |class, reason: String| vec![Finding::new(class, entry.clone(), reason)];
        let as_before = "its paths are answered as before".to_owned();
        let ingress =
            |side: &Self| side.objects.iter().copied().find(|object| object.key.kind == "Ingress");
        if let (Some(from), Some(to)) = (ingress(self), ingress(to))
            && from.key != to.key
        {
            return finding(Class::Switches, moved(from, to));
        }
        if !alone {
            return Vec::new();
        }
        match (self.objects.as_slice(), to.objects.as_slice()) {
            ([], []) => Vec::new(),
            (_, []) => finding(Class::Removed, as_before),
            ([], _) => finding(Class::New, as_before),
            (from, to) if from == to => Vec::new(),
            ([from], [to]) if from.key == to.key => finding(Class::Tuned, in_place(from, to)),
            (_, _) if self.tier.zip(to.tier).is_some_and(|(a, b)| a.is_other_api(b)) => {
                let side = |tier: Option<Tier<'_>>| match tier {
                    Some(Tier::Gateway(_)) => "HTTPRoute",
                    _ => "Ingress",
                };
                finding(
                    Class::Switches,
                    format!("its {} answers instead of its {}", side(to.tier), side(self.tier)),
                )
            }
            (from, after) => {
                let names = |found: &[&Object], other: &[&Object]| -> String {
                    let new = found
                        .iter()
                        .filter(|object| !other.iter().any(|known| known.key == object.key));
                    let names =
                        new.map(|object| format!("{} {}", object.key.kind, object.key.name));
                    names.collect::<Vec<_>>().join(", ")
                };
                let (gone, new) = (names(from, after), names(after, from));
                match gone.is_empty() && new.is_empty() {
                    true => {
                        let pairs = from.iter().zip(after).filter(|(from, after)| from != after);
                        let fields: BTreeSet<String> =
                            pairs.map(|(from, after)| fields(from, after)).collect();
                        let fields: Vec<String> = fields.into_iter().collect();
                        finding(Class::Tuned, format!("in place: {}", fields.join(", ")))
                    }
                    false => finding(
                        Class::Tuned,
                        match (gone.is_empty(), new.is_empty()) {
                            (false, false) => format!("{as_before}, by {new} instead of {gone}"),
                            (false, true) => format!("{as_before}, without {gone}"),
                            _ => format!("{as_before}, with {new} beside"),
                        },
                    ),
                }
            }
        }
    }
}

/// The component or the fallback that an Ingress or a route is of.
fn owner(object: &Object) -> Option<&str> {
    match object.key.kind.as_str() {
        "Ingress" => Some(&object.key.name),
        // That of a fallback is called as the fallback; one that only redirects is nobody's.
        "HTTPRoute" => {
            object.component().or_else(|| object.has_backends().then_some(object.key.name.as_str()))
        }
        _ => None,
    }
}
