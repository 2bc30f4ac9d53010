//! The programs that read the objects of a bundle, as `bundle.json` names them: who answers a request depends on them, and
//! no object says which they are.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::language::version::ControllerVersion;
use crate::language::word::{ControllerName, ImplementationName, TraefikProvider, Word};
use crate::model::{Controller, Datacenter, Entrypoint, Implementation, Tiers};

/// The programs that read the objects of a bundle, by entrypoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controllers(Vec<Readers>);

/// Those of one entrypoint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Readers {
    entrypoint: String,
    /// The class of the edge and its controller, where there are Ingresses.
    edge: Option<(String, Controller)>,
    /// Those of a second tier; without one the edge routes by itself.
    routing: Option<(String, Controller)>,
    gateway: Option<Implementation>,
}

impl Readers {
    fn of(name: &str, tiers: &Tiers) -> Self {
        let edge = || (tiers.edge.class.value.to_string(), tiers.edge.controller);
        Self {
            entrypoint: name.to_owned(),
            edge: tiers.routing.is_some().then(edge),
            routing: tiers
                .routing
                .as_ref()
                .filter(|tier| tier.behind.is_some())
                .map(|tier| (tier.class.value.to_string(), tier.controller)),
            gateway: tiers.gateway.as_ref().map(|tier| tier.implementation),
        }
    }

    /// The class whose Ingresses lead to components.
    fn routes(&self) -> Option<&str> {
        self.routing.as_ref().or(self.edge.as_ref()).map(|(class, _)| class.as_str())
    }

    fn is_one_tier(&self) -> bool {
        self.routing.is_none() && self.edge.is_some()
    }

    fn classes(&self) -> impl Iterator<Item = &(String, Controller)> {
        self.edge.iter().chain(&self.routing)
    }
}

impl Controllers {
    /// The programs that an inventory names.
    pub fn of(datacenter: &Datacenter) -> Self {
        let all = datacenter.entrypoints.iter();
        let tiers = all.filter_map(|(name, found)| Some((name, Entrypoint::tiers(found)?)));
        Self(tiers.map(|(name, tiers)| Readers::of(name.as_str(), tiers)).collect())
    }

    /// The programs that a `bundle.json` names; `None` where it names none, as an older lbgen wrote it, or one that
    /// this lbgen does not know.
    pub fn read(list: &str) -> Option<Self> {
        let list: List = serde_json::from_str(list).ok()?;
        list.controllers?.into_iter().map(Written::read).collect::<Option<_>>().map(Self)
    }

    /// The lines of `bundle.json` that name them: one for each entrypoint.
    pub(super) fn lines(&self) -> anyhow::Result<String> {
        let mut lines = String::from("\"controllers\": [");
        let mut end = "\n";
        for readers in &self.0 {
            write!(lines, "{end}{}", serde_json::to_string(&Written::of(readers))?)?;
            end = ",\n";
        }
        lines.push_str("\n],\n");
        Ok(lines)
    }

    /// The controller of a class; ingress-nginx for one that is not listed.
    pub fn of_class(&self, class: &str) -> Controller {
        self.listed(class).unwrap_or(Controller::IngressNginx)
    }

    /// The controller of a class that is listed.
    pub fn listed(&self, class: &str) -> Option<Controller> {
        let mut classes = self.0.iter().flat_map(Readers::classes);
        classes.find(|(own, _)| own == class).map(|(_, controller)| *controller)
    }

    /// The entrypoint whose edge reads a class.
    pub fn entrypoint_of(&self, class: &str) -> Option<&str> {
        self.entrypoint(|readers| readers.edge.as_ref().is_some_and(|(own, _)| own == class))
    }

    /// The entrypoint whose components' Ingresses have a class.
    pub fn entrypoint_behind(&self, class: &str) -> Option<&str> {
        self.entrypoint(|readers| readers.routes() == Some(class))
    }

    /// Returns true if a class is that of an edge with no second tier behind it.
    pub fn is_one_tier(&self, class: &str) -> bool {
        self.0.iter().any(|readers| readers.is_one_tier() && readers.routes() == Some(class))
    }

    /// Returns true if some edge has no second tier behind it.
    pub fn has_one_tier(&self) -> bool {
        self.0.iter().any(Readers::is_one_tier)
    }

    /// Every entrypoint, with the class of its components' Ingresses.
    pub fn entrypoints(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|readers| (readers.entrypoint.as_str(), readers.routes()))
    }

    /// The implementation that reads a Gateway, which is called as its entrypoint; the default for one that is not listed.
    pub fn of_gateway(&self, name: &str) -> Implementation {
        let found = self.0.iter().find(|readers| readers.entrypoint == name);
        found.and_then(|readers| readers.gateway).unwrap_or(Implementation::DEFAULT)
    }

    /// The programs of entrypoints that both have, where others read the same class or Gateway afterwards: the
    /// entrypoint, the one before and the one after.
    pub fn replaced<'a>(&'a self, after: &'a Self) -> Vec<(&'a str, String, String)> {
        let mut found = Vec::new();
        for new in &after.0 {
            let Some(old) = self.0.iter().find(|old| old.entrypoint == new.entrypoint) else {
                continue;
            };
            for (class, controller) in new.classes() {
                let before = old.classes().find(|(own, _)| own == class);
                if let Some((_, before)) = before.filter(|(_, before)| before != controller) {
                    let words = [before, controller].map(|one| format!("{one} ({class})"));
                    let [before, after] = words;
                    found.push((new.entrypoint.as_str(), before, after));
                }
            }
            if let (Some(before), Some(after)) = (old.gateway, new.gateway)
                && before != after
            {
                found.push((new.entrypoint.as_str(), before.to_string(), after.to_string()));
            }
        }
        found
    }

    fn entrypoint(&self, is_wanted: impl Fn(&Readers) -> bool) -> Option<&str> {
        let found = self.0.iter().find(|readers| is_wanted(readers));
        found.map(|readers| readers.entrypoint.as_str())
    }
}

/// The part of `bundle.json` that names them.
#[derive(Deserialize)]
struct List {
    controllers: Option<Vec<Written>>,
}

/// A line, in the words of the inventory.
#[derive(Serialize, Deserialize)]
struct Written {
    entrypoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<Gateway>,
}

#[derive(Serialize, Deserialize)]
struct Class {
    class: String,
    controller: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    controller_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traefik_provider: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    strict_prefix: bool,
}

#[derive(Serialize, Deserialize)]
struct Gateway {
    implementation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    implementation_version: Option<String>,
}

impl Written {
    fn of(readers: &Readers) -> Self {
        let class = |tier: &Option<(String, Controller)>| {
            tier.as_ref().map(|(class, controller)| Class::of(class, *controller))
        };
        Self {
            entrypoint: readers.entrypoint.clone(),
            edge: class(&readers.edge),
            routing: class(&readers.routing),
            gateway: readers.gateway.map(|found| Gateway {
                implementation: found.name.to_string(),
                implementation_version: found.version.named(),
            }),
        }
    }

    fn read(self) -> Option<Readers> {
        let tier = |class: Option<Class>| -> Option<Option<(String, Controller)>> {
            match class {
                None => Some(None),
                Some(class) => Some(Some((class.class.clone(), class.controller()?))),
            }
        };
        let gateway = match self.gateway {
            None => None,
            Some(gateway) => Some(Implementation {
                name: ImplementationName::of_word(&gateway.implementation)?,
                version: release(gateway.implementation_version.as_deref())?,
            }),
        };
        let (edge, routing) = (tier(self.edge)?, tier(self.routing)?);
        Some(Readers { entrypoint: self.entrypoint, edge, routing, gateway })
    }
}

impl Class {
    fn of(class: &str, controller: Controller) -> Self {
        let (version, provider, strict_prefix) = match controller {
            Controller::Traefik { strict_prefix, version } => {
                (version.named(), None, strict_prefix)
            }
            Controller::TraefikNginx => (None, Some(TraefikProvider::Nginx.to_string()), false),
            Controller::IngressNginx | Controller::Other => (None, None, false),
        };
        Self {
            class: class.to_owned(),
            controller: controller.name().to_string(),
            controller_version: version,
            traefik_provider: provider,
            strict_prefix,
        }
    }

    fn controller(&self) -> Option<Controller> {
        let version = release(self.controller_version.as_deref())?;
        let provider = self.traefik_provider.as_deref();
        let provider = provider.map_or(Some(TraefikProvider::Ingress), TraefikProvider::of_word);
        Some(match (ControllerName::of_word(&self.controller)?, provider?) {
            (ControllerName::IngressNginx, _) => Controller::IngressNginx,
            (ControllerName::Other, _) => Controller::Other,
            (ControllerName::Traefik, TraefikProvider::Nginx) => Controller::TraefikNginx,
            (ControllerName::Traefik, TraefikProvider::Ingress) => {
                Controller::Traefik { strict_prefix: self.strict_prefix, version }
            }
        })
    }
}

/// The newest, where none is named.
fn release(text: Option<&str>) -> Option<ControllerVersion> {
    text.map_or(Some(ControllerVersion::NEWEST), ControllerVersion::parse)
}
