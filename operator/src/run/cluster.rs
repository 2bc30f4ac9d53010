//! The objects of the bundle: applied in the plan's order, deleted where the plan says so.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiResource, Scope, pinned_kind};
use kube::{Api, Client};
use lbgen::bundle::Place;
use lbgen::rollout::SingleAct;
use lbgen::state::{Kustomization, Object, ServiceStatus, objects_of};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::bundle::Bundle;
use super::patience::again;

/// Who owns the fields of the bundle's objects.
const MANAGER: &str = "lbgen";
/// The time that a Gateway and its routes have until they are ready.
const GATEWAY: Duration = Duration::from_secs(120);

/// The things that the operator does to it. Pods of keepalived are not among them.
pub const ACTS: &[&str] =
    &["apply", "apply_files", "delete", "free_health_port", "await_gateway", "wait"];

/// The cluster, for one rollout.
pub struct Cluster {
    client: Client,
    handle: Handle,
    kinds: Mutex<BTreeMap<(String, String), (ApiResource, bool)>>,
}

impl Cluster {
    /// Nothing is known of its kinds yet.
    pub fn new(client: Client) -> Self {
        Self { client, handle: Handle::current(), kinds: Mutex::default() }
    }

    /// Does one thing to it.
    pub fn act(
        &self,
        act: &SingleAct,
        bundle: &Bundle,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), String> {
        match act.does.as_str() {
            "apply" => {
                self.apply(&listed(bundle), bundle)?;
                self.put_status(bundle)
            }
            "apply_files" => self.apply(&act.args, bundle),
            "delete" => match act.args.as_slice() {
                [kind, namespace, name] => self.delete(kind, namespace, name),
                _ => Err("delete takes a kind, a namespace and a name".to_owned()),
            },
            "free_health_port" => match act.args.as_slice() {
                [namespace, name] => self.free_health_port(namespace, name),
                _ => Err("free_health_port takes a namespace and a name".to_owned()),
            },
            "await_gateway" => self.await_gateway(&act.args, stop),
            "wait" => {
                let seconds = act.args.first().and_then(|text| text.parse().ok()).unwrap_or(0.0);
                std::thread::sleep(Duration::from_secs_f64(seconds));
                Ok(())
            }
            other => Err(format!("the operator does no `{other}`")),
        }
    }

    /// The objects of some files; namespaces come first.
    fn apply(&self, paths: &[String], bundle: &Bundle) -> Result<(), String> {
        let mut objects: Vec<Object> = Vec::new();
        for path in paths {
            let text = bundle.text(path).ok_or_else(|| format!("the bundle has no {path}"))?;
            objects.extend(objects_of(&text, path).map_err(|error| format!("{path}: {error:#}"))?);
        }
        objects.sort_by_key(|object| object.key.kind != "Namespace");
        for object in &objects {
            self.apply_one(object).map_err(|why| format!("{}: {why}", object.key))?;
        }
        Ok(())
    }

    /// The VIPs in the status of Services, which no manifest has.
    fn put_status(&self, bundle: &Bundle) -> Result<(), String> {
        let script = bundle.text(&Place::StatusScript.to_string()).unwrap_or_default();
        for found in ServiceStatus::read(&script) {
            let api = self.api("v1", "Service", &found.namespace)?;
            let (parameters, patch) = (PatchParams::default(), Patch::Merge(&found.patch));
            again(&self.handle, || api.patch_status(&found.name, &parameters, &patch))
                .map_err(|why| format!("status of {}/{}: {why}", found.namespace, found.name))?;
        }
        Ok(())
    }

    fn apply_one(&self, object: &Object) -> Result<(), String> {
        let version = object.value["apiVersion"].as_str().unwrap_or_default();
        let api = self.api(version, &object.key.kind, &object.key.namespace)?;
        let parameters = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(&object.value);
        again(&self.handle, || api.patch(&object.key.name, &parameters, &patch)).map(drop)
    }

    fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<(), String> {
        let (version, kind) = named(kind)?;
        let api = self.api(version, kind, namespace)?;
        let parameters = DeleteParams::background();
        let deleted = again(&self.handle, || api.delete(name, &parameters));
        match deleted {
            Err(why) if !why.contains("not found") && !why.contains("NotFound") => Err(why),
            _ => Ok(()),
        }
    }

    fn free_health_port(&self, namespace: &str, name: &str) -> Result<(), String> {
        let api = self.api("v1", "Service", namespace)?;
        let patch =
            json!({ "spec": { "externalTrafficPolicy": "Cluster", "healthCheckNodePort": null } });
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(&patch));
        again(&self.handle, || api.patch(name, &parameters, &patch)).map(drop)
    }

    /// The listeners and routes must be there before VIPs lead to them: KIND/NAMESPACE/NAME...
    fn await_gateway(&self, objects: &[String], stop: &dyn Fn() -> bool) -> Result<(), String> {
        let began = Instant::now();
        for object in objects {
            let parts: Vec<&str> = object.split('/').collect();
            let [kind, namespace, name] = parts.as_slice() else {
                return Err(format!("{object} is no object"));
            };
            let (version, kind) = named(kind)?;
            let api = self.api(version, kind, namespace)?;
            loop {
                let found = again(&self.handle, || api.get_opt(name))?;
                let left = found.map_or_else(
                    || vec!["it is not there".to_owned()],
                    |found| unready(kind, &found.data),
                );
                if left.is_empty() {
                    break;
                }
                if began.elapsed() > GATEWAY {
                    return Err(format!("{object} is not ready: {}", left.join("; ")));
                }
                if stop() {
                    return Err("stopped".to_owned());
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        Ok(())
    }

    fn api(
        &self,
        version: &str,
        kind: &str,
        namespace: &str,
    ) -> Result<Api<DynamicObject>, String> {
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let key = (format!("{group}/{version}"), kind.to_owned());
        let kinds = || self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kinds().get(&key).cloned();
        let (resource, is_namespaced) = match known {
            Some(known) => known,
            None => {
                let wanted = GroupVersionKind::gvk(group, version, kind);
                let (resource, about) = again(&self.handle, || pinned_kind(&self.client, &wanted))
                    .map_err(|why| {
                        format!("the cluster has no {kind} of {group}/{version}: {why}")
                    })?;
                let found = (resource, about.scope == Scope::Namespaced);
                kinds().insert(key, found.clone());
                found
            }
        };
        Ok(match is_namespaced {
            true => Api::namespaced_with(self.client.clone(), namespace, &resource),
            false => Api::all_with(self.client.clone(), &resource),
        })
    }
}

/// The manifests that `kubectl apply -k` would apply.
fn listed(bundle: &Bundle) -> Vec<String> {
    let kustomization = bundle.text(&Place::Kustomization.to_string()).unwrap_or_default();
    let resources = Kustomization::read(&kustomization).resources;
    resources.iter().map(|name| Place::with_listed_name(name)).collect()
}

/// The version and kind of a word that `kubectl delete` takes.
fn named(word: &str) -> Result<(&'static str, &'static str), String> {
    const KINDS: &[(&str, &str, &str)] = &[
        ("service", "v1", "Service"),
        ("endpoints", "v1", "Endpoints"),
        ("endpointslice", "discovery.k8s.io/v1", "EndpointSlice"),
        ("ingress", "networking.k8s.io/v1", "Ingress"),
        ("gateways.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", "Gateway"),
        ("httproutes.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("listenersets.gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", "ListenerSet"),
        ("envoyproxy", "gateway.envoyproxy.io/v1alpha1", "EnvoyProxy"),
        ("prometheusrules.monitoring.coreos.com", "monitoring.coreos.com/v1", "PrometheusRule"),
    ];
    let found = KINDS.iter().find(|(known, ..)| *known == word);
    found
        .map(|(_, version, kind)| (*version, *kind))
        .ok_or_else(|| format!("`{word}` is no kind of a bundle"))
}

/// Conditions that are not as they must be before VIPs lead to an object.
fn unready(kind: &str, object: &Value) -> Vec<String> {
    let (wanted, lists): (&[&str], Vec<&Value>) = match kind {
        "HTTPRoute" => {
            let parents = object["status"]["parents"].as_array();
            (
                &["Accepted", "ResolvedRefs"],
                parents.into_iter().flatten().map(|parent| &parent["conditions"]).collect(),
            )
        }
        _ => {
            let listeners = object["status"]["listeners"].as_array();
            let listeners = listeners.into_iter().flatten().map(|listener| &listener["conditions"]);
            (
                &["Accepted", "Programmed"],
                [&object["status"]["conditions"]].into_iter().chain(listeners).collect(),
            )
        }
    };
    if lists.is_empty() {
        return vec!["no conditions yet".to_owned()];
    }
    let is_true = |list: &Value, type_: &str| {
        let mut conditions = list.as_array().into_iter().flatten();
        conditions.any(|found| found["type"] == type_ && found["status"] == "True")
    };
    let missing =
        lists.iter().flat_map(|list| wanted.iter().filter(move |type_| !is_true(list, type_)));
    missing.map(|type_| format!("{type_} is not true")).collect()
}
