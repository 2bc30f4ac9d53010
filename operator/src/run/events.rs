//! Events on the FrontEnd, and on the Service of a VIP, for each move.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Resource};
use tokio::runtime::Handle;

use crate::api::{FrontEnd, NAMESPACE, now};

/// A VIP and its holders.
#[derive(Debug, Clone)]
pub struct Move {
    pub vip: IpAddr,
    pub held_by: Vec<String>,
    /// The reason that it is not where it was planned.
    pub why: String,
    /// The namespace and name of its Service, where a manifest tells.
    pub service: Option<(String, String)>,
}

/// Says what moves.
pub struct Events {
    client: Client,
    handle: Handle,
    /// The holders that were said last.
    last: Mutex<BTreeMap<IpAddr, Vec<String>>>,
}

impl Events {
    /// Nothing has moved yet.
    pub fn new(client: Client) -> Self {
        Self { client, handle: Handle::current(), last: Mutex::default() }
    }

    /// Says each VIP that is held by another node than before.
    pub fn say(&self, front_end: &FrontEnd, moves: Vec<Move>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for found in moves {
            let before = last.insert(found.vip, found.held_by.clone());
            let Some(before) = before.filter(|before| *before != found.held_by) else { continue };
            let names = |nodes: &[String]| {
                if nodes.is_empty() { "nobody".to_owned() } else { nodes.join(" and ") }
            };
            let why = if found.why.is_empty() { String::new() } else { format!(": {}", found.why) };
            let note =
                format!("{}: {} -> {}{why}", found.vip, names(&before), names(&found.held_by));
            let service = found.service.map(|(namespace, name)| ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Service".to_owned()),
                namespace: Some(namespace),
                name: Some(name),
                ..ObjectReference::default()
            });
            let is_well = found.held_by.len() == 1;
            for about in [Some(front_end.object_ref(&())), service].into_iter().flatten() {
                self.write(about, is_well, &note);
            }
        }
    }

    /// Each move is an Event of its own: the Recorder of kube would count them, and keep the first.
    fn write(&self, about: ObjectReference, is_well: bool, note: &str) {
        let namespace = about.namespace.clone().unwrap_or_else(|| NAMESPACE.to_owned());
        let name = about.name.clone().unwrap_or_default();
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{name}-")),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now().0)),
            action: Some("Follow".to_owned()),
            reason: Some("VipMoved".to_owned()),
            type_: Some(if is_well { "Normal" } else { "Warning" }.to_owned()),
            // The API takes 1 KiB.
            note: Some(note.chars().take(1000).collect()),
            regarding: Some(about),
            reporting_controller: Some("lbgen-operator".to_owned()),
            reporting_instance: Some("lbgen-operator".to_owned()),
            ..Event::default()
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        if let Err(error) = self.handle.block_on(api.create(&PostParams::default(), &event)) {
            tracing::warn!(%error, "cannot write an Event");
        }
    }
}
