//! Kubernetes objects as manifests write them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use crate::bundle::Place;
use crate::emit::{MANAGED_BY, PART_OF};
use crate::language::name::{Name, QualifiedName};
use crate::model::{Annotations, Condition};
use crate::source::{Loc, Span};

/// The key of an object in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// `Service`, `Ingress`, ...
    pub kind: String,
    /// Empty where the manifest names none.
    pub namespace: String,
    /// The name of the object.
    pub name: String,
}

impl ObjectKey {
    /// Returns true if it is that of a Service, or of the addresses behind one.
    pub fn is_of_service(&self) -> bool {
        matches!(self.kind.as_str(), "Service" | "Endpoints" | "EndpointSlice")
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    /// The key of the object.
    pub key: ObjectKey,
    /// All of it.
    pub value: Value,
    /// The manifest that it stands in.
    pub file: String,
}

/// Objects that say the same are equal, wherever they stand.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Object {
    /// An object of a file; `None` without a kind and a name.
    pub(super) fn of(mut value: Value, file: &str) -> Option<Self> {
        without_nulls(&mut value);
        let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let key = ObjectKey {
            kind: text("/kind")?,
            namespace: text("/metadata/namespace").unwrap_or_default(),
            name: text("/metadata/name")?,
        };
        Some(Self { key, value, file: file.to_owned() })
    }

    /// A field by its path, as `/spec/rules`.
    pub fn field(&self, path: &str) -> Option<&Value> {
        self.value.pointer(path)
    }

    /// The Service whose addresses it has.
    pub fn service(&self) -> Option<&str> {
        match self.key.kind.as_str() {
            "Endpoints" => Some(&self.key.name),
            "EndpointSlice" => self.label("kubernetes.io/service-name"),
            _ => None,
        }
    }

    /// A label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.field("/metadata/labels")?.get(name)?.as_str()
    }

    /// Returns true if lbgen wrote the object.
    pub fn is_ours(&self) -> bool {
        self.label(MANAGED_BY) == Some("lbgen")
    }

    /// Its annotations; what is no annotation is left out.
    pub fn annotations(&self) -> Annotations {
        let all = self.field("/metadata/annotations").and_then(Value::as_object);
        let all = all.into_iter().flatten().filter_map(|(key, value)| {
            let value = value.as_str()?.to_owned();
            Some((QualifiedName::parse(key)?, Loc { value, span: Span::NOWHERE }))
        });
        all.collect()
    }

    /// The datacenter that it belongs to.
    pub fn datacenter(&self) -> Option<&str> {
        self.label(PART_OF)
    }

    /// The hosts of an Ingress; `None` stands for any host.
    pub fn hosts(&self) -> Vec<Option<&str>> {
        let rules = self.field("/spec/rules").and_then(Value::as_array);
        rules.into_iter().flatten().map(|rule| rule.get("host").and_then(Value::as_str)).collect()
    }

    /// The ports of a Service.
    pub fn ports(&self) -> BTreeSet<u64> {
        let all = self.field("/spec/ports").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|port| port.get("port").and_then(Value::as_u64)).collect()
    }

    /// The external IPs of a Service: its VIPs.
    pub fn external_ips(&self) -> Vec<IpAddr> {
        let all = self.field("/spec/externalIPs").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|address| address.as_str()?.parse().ok()).collect()
    }

    /// The port at which kube-proxy says whether a node has ready endpoints of a Service.
    pub fn health_check_node_port(&self) -> Option<u64> {
        self.field("/spec/healthCheckNodePort").and_then(Value::as_u64)
    }

    /// Returns true if a Service leaves its addresses to a program that writes its status.
    pub fn has_load_balancer_class(&self) -> bool {
        self.field("/spec/loadBalancerClass").is_some()
    }

    /// The rules of an Ingress or a route, as written.
    pub fn rules(&self) -> Option<&Value> {
        self.field("/spec/rules")
    }

    /// Hosts and Secrets of an Ingress, as written.
    pub fn tls(&self) -> Option<&Value> {
        self.field("/spec/tls")
    }

    /// Returns true if a route sends requests to a Service; one that only redirects does not.
    pub fn has_backends(&self) -> bool {
        self.field("/spec/rules/0/backendRefs").is_some()
    }

    /// Every path of an Ingress or an HTTPRoute.
    pub fn paths(&self) -> Vec<PathRule<'_>> {
        if self.key.kind == "HTTPRoute" {
            return self.route_paths();
        }
        let rules = self.field("/spec/rules").and_then(Value::as_array);
        let mut found = Vec::new();
        for rule in rules.into_iter().flatten() {
            let host = rule.get("host").and_then(Value::as_str);
            let paths = rule.pointer("/http/paths").and_then(Value::as_array);
            for path in paths.into_iter().flatten() {
                let text = |key: &str| path.get(key).and_then(Value::as_str);
                let service = path.pointer("/backend/service/name").and_then(Value::as_str);
                let port = path.pointer("/backend/service/port");
                let port = port.and_then(|port| port.get("name").or(port.get("number")));
                let port = port.map_or(String::new(), |port| port.to_string().replace('"', ""));
                found.push(PathRule {
                    host,
                    path: text("path").filter(|path| !path.is_empty()).unwrap_or("/"),
                    kind: text("pathType"),
                    owner: &self.key.name,
                    namespace: &self.key.namespace,
                    backend: format!("{}:{port}", service.unwrap_or_default()),
                    condition: Condition::default(),
                });
            }
        }
        found
    }

    /// The fields that differ and that the API server refuses to change: the object has to be deleted and made anew
    /// (facts K26).
    pub fn unchangeable(&self, new: &Self) -> Vec<&'static str> {
        let fields = [
            ("/spec/loadBalancerClass", "loadBalancerClass", false),
            // The API server fills these in where a manifest does not say them.
            ("/spec/ipFamilies/0", "ipFamilies[0]", true),
            ("/addressType", "addressType", true),
        ];
        let differs = |(path, _, is_filled_in): &(&str, &str, bool)| {
            let (old, new) = (self.field(path), new.field(path));
            old != new && (!is_filled_in || old.is_some() && new.is_some())
        };
        fields.into_iter().filter(differs).map(|(_, field, _)| field).collect()
    }

    /// The class of an Ingress.
    pub fn class(&self) -> Option<&str> {
        let field = self.field("/spec/ingressClassName");
        let annotation = self.field("/metadata/annotations/kubernetes.io~1ingress.class");
        field.or(annotation).and_then(Value::as_str)
    }
}

/// A path of an Ingress or an HTTPRoute and who answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRule<'a> {
    /// `None` is any host.
    pub host: Option<&'a str>,
    /// The path that a request's path is compared with.
    pub path: &'a str,
    /// The kind of comparison: `pathType`, or the type of an HTTPPathMatch.
    pub kind: Option<&'a str>,
    /// The Ingress, or the component of a route.
    pub owner: &'a str,
    /// The namespace of its Service.
    pub namespace: &'a str,
    /// Its Service and port, or the redirect in their place.
    pub backend: String,
    /// The method and headers that a route wants.
    pub condition: Condition,
}

impl PathRule<'_> {
    /// The Service that answers; of several that share the requests, the first.
    pub fn service(&self) -> &str {
        self.services().next().unwrap_or(&self.backend)
    }

    /// Every Service that answers.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.backend.split(", ").filter_map(|one| one.split(':').next())
    }

    /// The port of that Service, by name or number; empty without one.
    pub fn port(&self) -> &str {
        self.backend.split_once(':').map_or("", |(_, port)| port)
    }
}

/// Drops the fields that are null: for the API server they are absent.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(all) => all.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Returns true if a file of a bundle is a manifest of objects.
pub(super) fn is_manifest(path: &str) -> bool {
    Place::of(path).is_manifest()
}

/// The objects of a manifest; what is not an object is left out. `None` for a text that is no YAML.
pub(super) fn read(file: &str, manifest: &str) -> Option<Vec<Object>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest).ok()?;
    Some(documents.into_iter().filter_map(|value| Object::of(value, file)).collect())
}
