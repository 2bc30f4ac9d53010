//! The effects of a change on the listeners of Gateways, and on what moves between Ingresses and a Gateway.

use std::collections::{BTreeMap, BTreeSet};

use super::virtual_host::{VirtualHost, Wildcards};
use super::{Class, Comparison, Finding, exposed};
use crate::bundle::Place;
use crate::language::name::{Host, Label, Name};
use crate::model::Entry;
use crate::state::{HostListener, Object, State};

/// The listeners of a state, by host.
type Listeners<'a> = BTreeMap<&'a str, HostListener<'a>>;

/// The side of Gateway API of two states.
pub(super) struct Gateways<'a> {
    comparison: Comparison<'a>,
    before: Listeners<'a>,
    after: Listeners<'a>,
    wildcards: [Wildcards<'a>; 2],
}

fn listeners(state: &State) -> Listeners<'_> {
    let all = state.objects.values().flat_map(|object| object.listeners());
    all.map(|listener| (listener.host, listener)).collect()
}

/// The reasons given for a domain that goes from one API to the other.
pub(super) const TAKES_OVER: &str = "the Gateway's listener answers instead of an Ingress";
pub(super) const GIVES_BACK: &str = "an Ingress answers instead of the Gateway's listener";

/// The edge Service of an entrypoint, which is called as its Gateway.
pub(super) fn service<'a>(state: &'a State, entrypoint: &str) -> Option<&'a Object> {
    let file = Place::Service(entrypoint).to_string();
    state.objects.values().find(|object| object.file == file)
}

/// Returns true if the VIPs of an entrypoint lead to its Gateway.
pub(super) fn is_exposed(state: &State, gateway: &str) -> bool {
    service(state, gateway).is_some_and(Object::exposes_gateway)
}

impl<'a> Gateways<'a> {
    pub fn of(comparison: Comparison<'a>) -> Self {
        let (before, after) = (listeners(comparison.from), listeners(comparison.to));
        let [first, second] = comparison.readers();
        let sides = [(comparison.from, first), (comparison.to, second)];
        let wildcards = sides.map(|(state, controllers)| {
            Wildcards::of(state, controllers, |gateway| is_exposed(state, gateway))
        });
        Self { comparison, before, after, wildcards }
    }

    /// The finding for a host that only one side has by its own name: `own` answers for it there, `None` on the other.
    /// `None` where no wildcard answers on the other side.
    pub fn by_wildcard(
        &self,
        host: &Host,
        [from, to]: [Option<VirtualHost<'a>>; 2],
    ) -> Option<Finding> {
        let [before, after] = &self.wildcards;
        let from = from.map(|own| before.covered(own, host)).or_else(|| before.above(host))?;
        let to = to.map(|own| after.covered(own, host)).or_else(|| after.above(host))?;
        Some(from.gives_way(to, self.comparison, host))
    }

    /// The certificates of a domain's Ingress, before and after: its own, or that of a wildcard.
    pub fn certificates(
        &self,
        host: &Host,
        sides: [Option<VirtualHost<'a>>; 2],
    ) -> [Option<&'a str>; 2] {
        let [before, after] = &self.wildcards;
        let [from, to] = sides;
        let of = |own: Option<VirtualHost<'a>>, wildcards: &Wildcards<'a>| {
            wildcards.covered(own?, host).secret()
        };
        [of(from, before), of(to, after)]
    }

    /// The Gateway whose listener answers for a host after the change, where VIPs lead to it.
    pub fn takes_over(&self, host: &str) -> bool {
        exposed_listener(self.comparison.to, &self.after, host)
    }

    /// The same before the change.
    pub fn had(&self, host: &str) -> bool {
        exposed_listener(self.comparison.from, &self.before, host)
    }

    /// Returns the findings for a change of a file of listeners.
    pub fn listeners(&self, entrypoint: &str, path: &str) -> Vec<Finding> {
        let Some(label) = Label::parse(entrypoint) else { return Vec::new() };
        let mut found = self.of_domains(path);
        if found.is_empty() {
            found.push(Finding::new(
                Class::Tuned,
                Entry::Entrypoint(label),
                "listeners: ports, or the namespaces whose routes may attach",
            ));
        }
        found
    }

    /// The findings of the domains whose listeners stand in a file, before or after.
    fn of_domains(&self, path: &str) -> Vec<Finding> {
        let of_file = |side: &Listeners<'a>| -> BTreeSet<&'a str> {
            let own = side.values().filter(|listener| listener.set.file == path);
            own.map(|listener| listener.host).collect()
        };
        let hosts: BTreeSet<&str> =
            of_file(&self.before).union(&of_file(&self.after)).copied().collect();
        hosts.into_iter().filter_map(|host| self.listener(host)).collect()
    }

    fn listener(&self, name: &str) -> Option<Finding> {
        let host = Host::parse(name)?;
        let finding =
            |class, reason: String| Some(Finding::new(class, Entry::Domain(host.clone()), reason));
        let is_served = |state: &State| {
            let ingresses = state.objects.values().filter(|object| object.key.kind == "Ingress");
            ingresses.filter(|object| object.hosts() == [Some(name)]).count() > 0
        };
        match (self.before.get(name), self.after.get(name)) {
            (None, Some(_))
                if is_served(self.comparison.from) && !is_served(self.comparison.to) =>
            {
                finding(Class::Switches, TAKES_OVER.to_owned())
            }
            (Some(_), None)
                if !is_served(self.comparison.from) && is_served(self.comparison.to) =>
            {
                finding(Class::Switches, GIVES_BACK.to_owned())
            }
            (None, Some(_)) if is_served(self.comparison.from) => {
                finding(Class::New, "a listener of the Gateway, beside its Ingress".to_owned())
            }
            (None, Some(to)) => {
                let new = match serves_plain_http(self.comparison.from, to) {
                    true => "a new host; plain http was answered as that of any host",
                    false => "a new host",
                };
                self.by_wildcard(&host, [None, VirtualHost::of_listener(to)])
                    .or_else(|| finding(Class::New, new.to_owned()))
            }
            (Some(_), None) if is_served(self.comparison.to) => {
                finding(Class::Removed, "its listener; its Ingress stays".to_owned())
            }
            (Some(from), None) => {
                let gone = match serves_plain_http(self.comparison.to, from) {
                    true => {
                        "no listener has this host any more: https is not answered, plain http is as that of any host"
                    }
                    false => "no listener has this host any more",
                };
                self.by_wildcard(&host, [VirtualHost::of_listener(from), None])
                    .or_else(|| finding(Class::Unreachable, gone.to_owned()))
            }
            (Some(from), Some(to)) if from.set.gateway() != to.set.gateway() => {
                let gateway =
                    |listener: &HostListener<'_>| listener.set.gateway().map(str::to_owned);
                let (before, after) = (gateway(from), gateway(to));
                let dns = exposed::dns(self.comparison, before.as_deref(), after.as_deref());
                let reason = format!("another Gateway answers, with its routes{dns}");
                let mut switches = finding(Class::Switches, reason)?;
                (switches.from, switches.to) = (before, after);
                Some(switches)
            }
            (Some(from), Some(to)) if from.set.key != to.set.key => finding(
                Class::Gap,
                format!(
                    "its listener moves from {} to {}: no handshake until the controller has read both",
                    from.set.key, to.set.key
                ),
            ),
            (Some(from), Some(to)) if from.secret != to.secret => {
                let reason = match (from.secret, to.secret) {
                    (None, _) => "TLS from now on",
                    (_, None) => "no TLS any more",
                    _ => "another Secret",
                };
                let mut tls = Finding::new(Class::Tls, Entry::Domain(host.clone()), reason);
                tls.from = from.secret.map(str::to_owned);
                tls.to = to.secret.map(str::to_owned);
                Some(tls)
            }
            _ => None,
        }
    }

    /// Returns the findings for a change of the Gateway itself.
    pub fn gateway(&self, entrypoint: &str, path: &str) -> Vec<Finding> {
        let Some(label) = Label::parse(entrypoint) else { return Vec::new() };
        let mut found = self.of_domains(path);
        let itself = self.itself(entrypoint, Entry::Entrypoint(label));
        // Its listeners are all that differs.
        let is_more = |finding: &Finding| found.is_empty() || finding.class != Class::Tuned;
        let itself: Vec<Finding> = itself.into_iter().filter(is_more).collect();
        found.extend(itself);
        found
    }

    fn itself(&self, entrypoint: &str, entry: Entry) -> Vec<Finding> {
        let find = |state: &'a State| {
            let mut all = state.objects.values();
            all.find(|object| object.key.kind == "Gateway" && object.key.name == entrypoint)
        };
        let redirects = |state: &State| redirects(state, entrypoint);
        match (find(self.comparison.from), find(self.comparison.to)) {
            (None, Some(_)) => {
                let plain = match redirects(self.comparison.to) {
                    true => "sends plain http to https",
                    false => "serves plain http",
                };
                let reason = format!(
                    "a Gateway, which {plain}; VIPs lead to it once the Service selects its pods"
                );
                vec![Finding::new(Class::New, entry, reason)]
            }
            (Some(_), None) => vec![Finding::new(Class::Removed, entry, "its Gateway is removed")],
            (Some(from), Some(to)) => {
                let field = "/spec/gatewayClassName";
                if from.field(field) != to.field(field) {
                    let mut switches =
                        Finding::new(Class::Switches, entry, "another GatewayClass serves it");
                    let class = |object: &Object| {
                        object.field(field).and_then(|class| class.as_str()).map(str::to_owned)
                    };
                    (switches.from, switches.to) = (class(from), class(to));
                    return vec![switches];
                }
                match (redirects(self.comparison.from), redirects(self.comparison.to)) {
                    (true, false) => vec![Finding::new(
                        Class::Switches,
                        entry,
                        "plain http is answered by the components, and not sent to https any more",
                    )],
                    (false, true) => {
                        vec![Finding::new(Class::Switches, entry, "plain http is sent to https")]
                    }
                    _ => vec![Finding::new(
                        Class::Tuned,
                        entry,
                        "the Gateway: its port, or the namespaces whose routes may attach",
                    )],
                }
            }
            (None, None) => Vec::new(),
        }
    }
}

/// Returns true if a Gateway sends plain http to https.
fn redirects(state: &State, gateway: &str) -> bool {
    let name = format!("{gateway}-https");
    state.objects.keys().any(|key| key.kind == "HTTPRoute" && key.name == name)
}

/// Returns true if the Gateway of a listener answers plain http for any host in a state.
fn serves_plain_http(state: &State, listener: &HostListener<'_>) -> bool {
    listener.set.gateway().is_some_and(|name| is_exposed(state, name) && !redirects(state, name))
}

fn exposed_listener(state: &State, listeners: &Listeners<'_>, host: &str) -> bool {
    let listener = listeners.get(host);
    let gateway = listener.and_then(|listener| listener.set.gateway());
    gateway.is_some_and(|gateway| is_exposed(state, gateway))
}
