//! The objects of a cluster, as `kubectl get -o json` (or yaml) prints them, in place of a bundle's manifests.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde_json::Value;

use super::object::{self, Object, ObjectKey};
use super::tree::Tree;
use crate::bundle::Place;
use crate::emit::{self, BundleFile};
use crate::model::NGINX;

/// The kinds that a bundle has. Whatever else has our labels is not ours.
const KINDS: [&str; 9] = [
    "Service",
    "Endpoints",
    "EndpointSlice",
    "Ingress",
    "Gateway",
    "ListenerSet",
    "HTTPRoute",
    "EnvoyProxy",
    "PrometheusRule",
];

/// The objects that a cluster has.
#[derive(Debug, Clone)]
pub struct Live {
    /// Those of a datacenter.
    ours: Vec<Object>,
    /// Those of others, which matter where an object of ours has the same name: an apply takes them over.
    others: Vec<Object>,
}

/// The objects of a List, or single ones, as `kubectl get` prints them; `file` is what messages call it.
pub fn objects_of(text: &str, file: &str) -> anyhow::Result<Vec<Object>> {
    if text.trim().is_empty() {
        bail!("there is nothing in it: `kubectl get` has failed, probably");
    }
    let documents: Vec<Value> = match text.trim_start().starts_with('{') {
        true => vec![serde_json::from_str(text).context("not the JSON of Kubernetes objects")?],
        false => serde_saphyr::from_multiple(text).context("not the YAML of Kubernetes objects")?,
    };
    const NO_LIST: &str =
        "not a list of Kubernetes objects, as `kubectl get ... -o json` prints it";
    if documents.is_empty() {
        bail!(NO_LIST);
    }
    let mut objects = Vec::new();
    for document in documents {
        let items = match document.get("items") {
            Some(Value::Array(items)) => items.clone(),
            _ => vec![document],
        };
        for item in items {
            let Some(object) = Object::of(item, file)
                .filter(|found| found.key.kind != "List" && found.key.kind != "Status")
            else {
                bail!(NO_LIST);
            };
            objects.push(object);
        }
    }
    Ok(objects)
}

impl Live {
    /// Reads a List, or single objects. What has not lbgen's labels is not ours, and what a controller made is nobody's.
    pub fn read(text: &str, datacenter: &str) -> anyhow::Result<Self> {
        let objects = objects_of(text, "")?;
        let selecting: BTreeSet<(String, String)> = objects
            .iter()
            .filter(|object| object.key.kind == "Service")
            .filter(|object| object.field("/spec/selector").is_some_and(|map| *map != empty()))
            .map(|object| (object.key.namespace.clone(), object.key.name.clone()))
            .collect();
        let is_written = |object: &Object| {
            let place = (object.key.namespace.clone(), object.key.name.clone());
            // Controllers copy a Service's labels to the Endpoints and slices that they make, and those of Endpoints to
            // the slices that mirror them.
            let made_by_controller = match object.key.kind.as_str() {
                "Endpoints" => selecting.contains(&place),
                "EndpointSlice" => {
                    let by = object.label("endpointslice.kubernetes.io/managed-by");
                    by.is_some_and(|by| by != "lbgen")
                }
                _ => false,
            };
            KINDS.contains(&object.key.kind.as_str())
                && object.field("/metadata/ownerReferences").is_none()
                && object.label("endpoints.kubernetes.io/managed-by").is_none()
                && !made_by_controller
        };
        let is_ours = |object: &Object| object.is_ours() && object.datacenter() == Some(datacenter);
        let (ours, others) = objects.into_iter().filter(is_written).partition(is_ours);
        Ok(Self { ours, others })
    }
}

impl Tree {
    /// The tree with what the cluster has in the place of its manifests. `wanted` are the files that will be: an object
    /// that says the same stands there in the same words.
    pub fn with_objects(mut self, live: &Live, wanted: &[BundleFile]) -> Self {
        let before: Vec<Object> =
            self.iter().flat_map(|(path, body)| manifest(path, body)).collect();
        let after: Vec<Vec<Object>> =
            wanted.iter().map(|file| manifest(&file.path, &file.body)).collect();
        let before = before.iter().map(|object| (&object.key, (object.file.as_str(), None)));
        let will_be = after.iter().flatten();
        let will_be = will_be.map(|object| (&object.key, (object.file.as_str(), Some(object))));
        let places: BTreeMap<&ObjectKey, (&str, Option<&Object>)> = before.chain(will_be).collect();
        let mut files: BTreeMap<String, BTreeMap<&ObjectKey, Value>> = BTreeMap::new();
        let names: BTreeSet<&ObjectKey> =
            after.iter().flatten().map(|object| &object.key).collect();
        let taken_over = live.others.iter().filter(|object| names.contains(&object.key));
        for object in live.ours.iter().chain(taken_over) {
            let (path, wanted) = match places.get(&object.key) {
                Some((path, wanted)) => ((*path).to_owned(), *wanted),
                None => (usual_place(object), None),
            };
            let said = without_filled_in(object, wanted);
            files.entry(path).or_default().insert(&object.key, said);
        }
        // Of pods the nodes say what runs.
        let is_asked = |path: &str| {
            let place = Place::of(path);
            place.is_cluster() && !place.is_of_pods()
        };
        self.retain(|path| !is_asked(path));
        let is_ours = |(file, _): &(&BundleFile, _)| is_asked(&file.path);
        for (file, objects) in wanted.iter().zip(&after).filter(is_ours) {
            let same = files.get(&file.path).map_or(objects.is_empty(), |found| {
                found.len() == objects.len()
                    && objects.iter().all(|object| found.get(&object.key) == Some(&object.value))
            });
            if same {
                files.remove(&file.path);
                self.insert(file.path.clone(), file.body.clone());
            }
        }
        for (path, objects) in files {
            self.insert(path, text(objects.values()));
        }
        self
    }
}

/// The objects of a file of a bundle, where it is a manifest.
fn manifest(path: &str, body: &str) -> Vec<Object> {
    match object::is_manifest(path) {
        true => object::read(path, body).unwrap_or_default(),
        false => Vec::new(),
    }
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Objects as a file of a bundle writes them.
fn text<'a>(objects: impl Iterator<Item = &'a Value>) -> String {
    let documents: Vec<String> = objects.filter_map(|object| emit::document(object).ok()).collect();
    format!("# {} and applied to the cluster.\n{}", emit::MARK, documents.join("---\n"))
}

/// Returns the path at which a bundle keeps an object like this one.
fn usual_place(object: &Object) -> String {
    let name = object.key.name.as_str();
    let place = match object.key.kind.as_str() {
        "Ingress" if !object.secrets().is_empty() || name.contains('.') => Place::Domain(name),
        "Ingress" | "HTTPRoute" => Place::Component(name),
        "Gateway" | "EnvoyProxy" => Place::Gateway(name),
        "ListenerSet" => {
            let (entrypoint, number) = name.rsplit_once('-').unwrap_or((name, "00"));
            Place::Listeners { entrypoint, number }
        }
        "Service" if object.field("/spec/loadBalancerClass").is_some() => Place::Service(name),
        "PrometheusRule" => Place::PrometheusRule,
        _ => return Place::leftover(&object.key.kind, name),
    };
    place.to_string()
}

/// A value that the API server fills in where a manifest says nothing.
enum Filled {
    /// Any value.
    Anything,
    /// A word.
    Word(&'static str),
    /// `true`
    True,
}

/// Fields that the API server fills in, by kind and place (API reference of Kubernetes 1.22 to 1.37). `*` is any kind, or
/// any entry of a list.
const FILLED_IN: &[(&str, &str, Filled)] = &[
    ("*", "/status", Filled::Anything),
    ("*", "/metadata/creationTimestamp", Filled::Anything),
    ("*", "/metadata/finalizers", Filled::Anything),
    ("*", "/metadata/generation", Filled::Anything),
    ("*", "/metadata/managedFields", Filled::Anything),
    ("*", "/metadata/resourceVersion", Filled::Anything),
    ("*", "/metadata/selfLink", Filled::Anything),
    ("*", "/metadata/uid", Filled::Anything),
    ("Service", "/spec/allocateLoadBalancerNodePorts", Filled::True),
    ("Service", "/spec/clusterIP", Filled::Anything),
    ("Service", "/spec/clusterIPs", Filled::Anything),
    ("Service", "/spec/externalTrafficPolicy", Filled::Word("Cluster")),
    ("Service", "/spec/healthCheckNodePort", Filled::Anything),
    ("Service", "/spec/internalTrafficPolicy", Filled::Word("Cluster")),
    ("Service", "/spec/ipFamilies", Filled::Anything),
    ("Service", "/spec/ipFamilyPolicy", Filled::Anything),
    ("Service", "/spec/ports/*/nodePort", Filled::Anything),
    ("Service", "/spec/ports/*/protocol", Filled::Word("TCP")),
    ("Service", "/spec/ports/*/targetPort", Filled::Anything),
    ("Service", "/spec/sessionAffinity", Filled::Word("None")),
    ("Service", "/spec/type", Filled::Word("ClusterIP")),
    ("Endpoints", "/subsets/*/ports/*/protocol", Filled::Word("TCP")),
    ("EndpointSlice", "/endpoints/*/conditions/serving", Filled::Anything),
    ("EndpointSlice", "/endpoints/*/conditions/terminating", Filled::Anything),
    ("EndpointSlice", "/ports/*/protocol", Filled::Word("TCP")),
    // The CRD of Envoy Gateway 1.9.
    ("EnvoyProxy", "/spec/logging/level/default", Filled::Word("warn")),
    (
        "EnvoyProxy",
        "/spec/provider/kubernetes/envoyService/externalTrafficPolicy",
        Filled::Word("Local"),
    ),
];

/// Annotations that change what a controller does, whoever wrote them.
const OF_CONTROLLERS: &[&str] =
    &[NGINX, "traefik.ingress.kubernetes.io/", "kubernetes.io/ingress.class"];

/// Returns an object without the fields that its manifest did not set.
fn without_filled_in(object: &Object, wanted: Option<&Object>) -> Value {
    let wanted = wanted.map(|wanted| &wanted.value);
    // What `kubectl apply` was given last: the annotations and labels in it would be removed by the next one.
    let last = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
    let last: Option<Value> =
        object.field(last).and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    let mut value = object.value.clone();
    for map in ["annotations", "labels"] {
        let place = format!("/metadata/{map}");
        let says = |side: Option<&Value>, key: &str| {
            side.and_then(|side| side.pointer(&place)).is_some_and(|map| map.get(key).is_some())
        };
        if let Some(Value::Object(entries)) = value.pointer_mut(&place) {
            entries.retain(|key, _| {
                says(wanted, key)
                    || match &last {
                        Some(last) => says(Some(last), key),
                        None => OF_CONTROLLERS.iter().any(|prefix| key.starts_with(prefix)),
                    }
            });
        }
    }
    said(&object.key.kind, "", &value, wanted).unwrap_or_else(empty)
}

fn said(kind: &str, path: &str, live: &Value, wanted: Option<&Value>) -> Option<Value> {
    if wanted.is_none() && is_filled_in(kind, path, live) {
        return None;
    }
    Some(match live {
        Value::Object(map) => {
            let entries: serde_json::Map<String, Value> = map
                .iter()
                .filter_map(|(key, value)| {
                    let wanted = wanted.and_then(|wanted| wanted.get(key));
                    let value = said(kind, &format!("{path}/{key}"), value, wanted)?;
                    Some((key.clone(), value))
                })
                .collect();
            // Nothing of ours is left in it.
            if wanted.is_none() && entries.is_empty() && (!map.is_empty() || is_metadata(path)) {
                return None;
            }
            Value::Object(entries)
        }
        Value::Array(items) => {
            let item = |(index, item): (usize, &Value)| {
                let wanted = wanted.and_then(|wanted| wanted.get(index));
                said(kind, &format!("{path}/*"), item, wanted)
            };
            Value::Array(items.iter().enumerate().filter_map(item).collect())
        }
        other => other.clone(),
    })
}

fn is_filled_in(kind: &str, path: &str, value: &Value) -> bool {
    FILLED_IN.iter().any(|(of, at, with)| {
        (*of == "*" || *of == kind)
            && *at == path
            && match with {
                Filled::Anything => true,
                Filled::Word(word) => value.as_str() == Some(word),
                Filled::True => value.as_bool() == Some(true),
            }
    })
}

/// Returns true if a path is that of annotations or labels, which may be empty.
fn is_metadata(path: &str) -> bool {
    path == "/metadata/annotations" || path == "/metadata/labels"
}
