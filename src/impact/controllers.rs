//! The programs that read the objects of a state.

use std::collections::BTreeMap;

use crate::model::{Controller, Datacenter, Entrypoint, Implementation};

/// The programs that read the objects of a state. It does not say: the inventory does.
#[derive(Debug, Clone, Default)]
pub struct Controllers {
    /// By Ingress class; ingress-nginx for one that is not listed.
    classes: BTreeMap<String, Controller>,
    /// By the name of a Gateway; the default for one that is not listed.
    gateways: BTreeMap<String, Implementation>,
    /// The entrypoint that requests of a class come in by.
    entrypoints: BTreeMap<String, String>,
    /// The entrypoint whose requests a class of the second tier gets.
    behind: BTreeMap<String, String>,
}

impl Controllers {
    /// The programs that an inventory names.
    pub fn of(datacenter: &Datacenter) -> Self {
        let mut all = Self::default();
        for (name, entrypoint) in &datacenter.entrypoints {
            let Some(tiers) = Entrypoint::tiers(entrypoint) else { continue };
            let class = tiers.edge.class.value.to_string();
            all.entrypoints.insert(class.clone(), name.to_string());
            all.classes.insert(class, tiers.edge.controller);
            if let Some(second) = &tiers.routing {
                let class = second.class.value.to_string();
                all.behind.insert(class.clone(), name.to_string());
                all.classes.insert(class, second.controller);
            }
            all.gateways.insert(name.to_string(), tiers.implementation());
        }
        all
    }

    /// The controller of a class.
    pub fn of_class(&self, class: &str) -> Controller {
        self.classes.get(class).copied().unwrap_or(Controller::IngressNginx)
    }

    /// The entrypoint whose edge reads a class.
    pub(super) fn entrypoint_of(&self, class: &str) -> Option<&str> {
        self.entrypoints.get(class).map(String::as_str)
    }

    /// The entrypoint whose requests a class of the second tier gets.
    pub(super) fn entrypoint_behind(&self, class: &str) -> Option<&str> {
        self.behind.get(class).map(String::as_str)
    }

    /// The implementation that reads a Gateway.
    pub(super) fn of_gateway(&self, name: &str) -> Implementation {
        self.gateways.get(name).copied().unwrap_or(Implementation::DEFAULT)
    }
}
