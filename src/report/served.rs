//! Everything that is served: domains and components.

use serde::Serialize;

use super::known::Known;
use crate::model::{Component, Domain, Entry, Host, Label};

/// A domain.
#[derive(Debug, Serialize)]
pub struct DomainData {
    host: String,
    entrypoint: usize,
    secret: Option<String>,
    file: String,
    at: String,
}

impl DomainData {
    pub(super) fn of(host: &Host, domain: &Domain, known: &Known<'_>) -> Self {
        Self {
            host: host.to_string(),
            entrypoint: known.entrypoint(&domain.entrypoint),
            secret: domain.tls_secret.as_ref().map(ToString::to_string),
            file: known.file(&Entry::Domain(host.clone())),
            at: known.at(domain.span),
        }
    }
}

/// A component.
#[derive(Debug, Serialize)]
pub struct ComponentData {
    name: String,
    entrypoint: usize,
    backend: String,
    paths: Vec<String>,
    hosts: Vec<String>,
    file: String,
    at: String,
}

impl ComponentData {
    pub(super) fn of(name: &Label, component: &Component, known: &Known<'_>) -> Self {
        let backend = component
            .backend
            .as_ref()
            .map(|backend| format!("{}/{}:{}", component.namespace, backend.service, backend.port));
        Self {
            name: name.to_string(),
            entrypoint: known.entrypoint(&component.entrypoint),
            backend: backend.unwrap_or_else(|| "the fallback (legacy)".to_owned()),
            paths: component.paths.iter().map(|path| path.path.value.to_string()).collect(),
            hosts: component.hosts.iter().map(|host| host.value.to_string()).collect(),
            file: known.file(&Entry::Component(name.clone())),
            at: known.at(component.span),
        }
    }
}
