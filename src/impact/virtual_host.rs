//! The Ingress or the listener that answers for a host at the edge: its own, or that of a wildcard.

use super::answer::Tier;
use super::{Class, Comparison, Finding, exposed};
use crate::bundle::{Controllers, Place};
use crate::language::name::{Host, Name};
use crate::model::Entry;
use crate::state::{HostListener, Object, State};

/// The one that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VirtualHost<'a> {
    /// A host or a wildcard.
    name: &'a str,
    by: Tier<'a>,
    entrypoint: Option<&'a str>,
    /// That of its certificate; `None` is plain HTTP.
    secret: Option<&'a str>,
    /// True if the controller takes the certificate of a wildcard for a host without one (ingress-nginx).
    takes_wildcard: bool,
}

/// The wildcards of a state.
pub(super) struct Wildcards<'a>(Vec<(Host, VirtualHost<'a>)>);

impl<'a> VirtualHost<'a> {
    /// The one of a domain's Ingress.
    pub fn of_ingress(object: &'a Object, controllers: &'a Controllers) -> Option<Self> {
        let class = object.class()?;
        let name = object.hosts().into_iter().flatten().next()?;
        Some(Self {
            name,
            by: Tier::Class(class),
            entrypoint: controllers.entrypoint_of(class),
            secret: object.certificate_of(name),
            takes_wildcard: controllers.of_class(class).shares_wildcards(),
        })
    }

    /// The Secret of its certificate; `None` is plain HTTP.
    pub fn secret(self) -> Option<&'a str> {
        self.secret
    }

    /// The one of a listener. A Gateway is named as its entrypoint.
    pub fn of_listener(listener: &HostListener<'a>) -> Option<Self> {
        let gateway = listener.set.gateway()?;
        Some(Self {
            name: listener.host,
            by: Tier::Gateway(gateway),
            entrypoint: Some(gateway),
            secret: listener.secret,
            takes_wildcard: false,
        })
    }

    /// The finding for a host that another one answers for.
    pub fn gives_way(self, to: Self, comparison: Comparison<'_>, host: &Host) -> Finding {
        let finding =
            |class, reason: String| Finding::new(class, Entry::Domain(host.clone()), reason);
        let who = match to.name == host.as_str() {
            true => format!("its own entry answers instead of that of {}", self.name),
            false => format!("{} answers for it", to.name),
        };
        let owned = |text: &str| Some(text.to_owned());
        if self.by != to.by {
            let dns = exposed::dns(comparison, self.entrypoint, to.entrypoint);
            let mut switches = finding(Class::Switches, format!("{who}{dns}"));
            (switches.from, switches.to) = (owned(self.by.name()), owned(to.by.name()));
            return switches;
        }
        if self.secret != to.secret {
            let mut tls = finding(Class::Tls, who);
            (tls.from, tls.to) = (self.secret.and_then(owned), to.secret.and_then(owned));
            return tls;
        }
        finding(Class::Tuned, format!("{who}, as before"))
    }
}

impl<'a> Wildcards<'a> {
    /// Those of the Ingresses and of the listeners of a state. `is_exposed` tells Gateways that VIPs lead to.
    pub fn of(
        state: &'a State,
        controllers: &'a Controllers,
        is_exposed: impl Fn(&str) -> bool,
    ) -> Self {
        let all = state.objects.values();
        let ingresses = all
            .clone()
            .filter(|object| matches!(Place::of(&object.file), Place::Domain(_)))
            .filter_map(|object| VirtualHost::of_ingress(object, controllers));
        let listeners = all
            .flat_map(Object::listeners)
            .filter_map(|listener| VirtualHost::of_listener(&listener))
            .filter(|found| is_exposed(found.by.name()));
        // An Ingress beside a Gateway that VIPs lead to answers nobody.
        let named = listeners.chain(ingresses).filter(|found| found.name.starts_with('*'));
        Self(named.filter_map(|found| Some((Host::parse(found.name)?, found))).collect())
    }

    /// The entry of a host, with the certificate of a wildcard where it has none of its own (facts K47).
    pub fn covered(&self, own: VirtualHost<'a>, host: &Host) -> VirtualHost<'a> {
        let wildcard = host.wildcard().filter(|_| own.takes_wildcard);
        let mut all = self.0.iter();
        let above = all.find(|(name, found)| Some(name) == wildcard.as_ref() && found.by == own.by);
        VirtualHost { secret: own.secret.or_else(|| above?.1.secret), ..own }
    }

    /// The one that answers for a host that has no entry of its own: the nearest.
    pub fn above(&self, host: &Host) -> Option<VirtualHost<'a>> {
        let covering = self.0.iter().filter(|(own, found)| match found.by {
            // In an Ingress it stands for one label (Ingress, hostname wildcards).
            Tier::Class(_) => host.wildcard().as_ref() == Some(own),
            Tier::Gateway(_) => own != host && host.is_covered_by(own),
        });
        // Of two with one name the first.
        let nearest = covering.rev().max_by_key(|(own, _)| own.precision());
        nearest.map(|(_, found)| *found)
    }
}
