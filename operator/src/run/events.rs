//! Events on the FrontEnd, and on the Service of a VIP, for each move.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use tokio::runtime::Handle;

use crate::api::FrontEnd;

/// A VIP and its holders.
#[derive(Debug, Clone)]
pub struct Move {
    pub vip: IpAddr,
    pub held_by: Vec<String>,
    /// Why it is not where it was planned.
    pub why: String,
    /// The namespace and name of its Service, where a manifest tells.
    pub service: Option<(String, String)>,
}

/// Says what moves.
pub struct Events {
    recorder: Recorder,
    handle: Handle,
    /// The holders that were said last.
    last: Mutex<BTreeMap<IpAddr, Vec<String>>>,
}

impl Events {
    /// Nothing has moved yet.
    pub fn new(client: Client) -> Self {
        let reporter = Reporter { controller: "lbgen-operator".to_owned(), instance: None };
        Self {
            recorder: Recorder::new(client, reporter),
            handle: Handle::current(),
            last: Mutex::default(),
        }
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
            let is_well = found.held_by.len() == 1;
            let event = Event {
                type_: if is_well { EventType::Normal } else { EventType::Warning },
                reason: "VipMoved".to_owned(),
                note: Some(note.chars().take(1000).collect()),
                action: "Follow".to_owned(),
                secondary: None,
            };
            let service = found.service.map(|(namespace, name)| ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Service".to_owned()),
                namespace: Some(namespace),
                name: Some(name),
                ..ObjectReference::default()
            });
            for about in [Some(front_end.object_ref(&())), service].into_iter().flatten() {
                if let Err(error) = self.handle.block_on(self.recorder.publish(&event, &about)) {
                    eprintln!("cannot write an Event: {error}");
                }
            }
        }
    }
}
