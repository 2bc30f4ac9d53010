//! The manifests: a file per entrypoint's Service and fallback, per domain, per component, and the kustomization.

use std::net::IpAddr;

use k8s_openapi::Resource;
use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service, ServicePort, ServiceSpec,
};
use k8s_openapi::api::discovery::v1::{
    Endpoint, EndpointConditions, EndpointPort as SlicePort, EndpointSlice,
};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta as Metadata;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use rayon::prelude::*;
use serde::Serialize;

use super::BundleFile;
use super::manifest::{Manifest, metadata};
use super::{Emitter, Files};
use crate::model::{BackendPort, ClassForm, EndpointsForm, PathType};
use crate::plan::{ComponentPlan, DomainPlan, EntrypointPlan, FallbackPlan, Family, ObjectMeta};

/// The name of the port between the tiers and to the fallback.
const HTTP: &str = "http";

pub(super) fn emit(emitter: &Emitter<'_>) -> Files {
    let plan = &emitter.plan.kubernetes;
    let mut files = Vec::with_capacity(
        plan.domains.len() + plan.components.len() + 2 * plan.entrypoints.len() + 1,
    );
    for entrypoint in &plan.entrypoints {
        files.push(edge_service(emitter, entrypoint)?);
        if let Some(found) = &entrypoint.fallback {
            files.push(fallback(emitter, entrypoint, found)?);
        }
    }
    let domains: anyhow::Result<Vec<BundleFile>> =
        plan.domains.par_iter().map(|found| domain(emitter, found)).collect();
    let components: anyhow::Result<Vec<BundleFile>> =
        plan.components.par_iter().map(|found| component(emitter, found)).collect();
    files.extend(domains?);
    files.extend(components?);
    files.push(kustomization(emitter, &files)?);
    Ok(files)
}

fn edge_service(emitter: &Emitter<'_>, entrypoint: &EntrypointPlan) -> anyhow::Result<BundleFile> {
    let ports = entrypoint.ports.iter().map(|(name, port)| ServicePort {
        name: Some(name.clone()),
        port: i32::from(*port),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(name.clone())),
        ..ServicePort::default()
    });
    let addresses: Vec<String> = entrypoint.external_ips.iter().map(ToString::to_string).collect();
    let service = Service {
        metadata: metadata(&entrypoint.meta),
        spec: Some(ServiceSpec {
            type_: Some("LoadBalancer".to_owned()),
            external_ips: (!addresses.is_empty()).then_some(addresses),
            external_traffic_policy: Some("Local".to_owned()),
            health_check_node_port: entrypoint.health_check_node_port.map(i32::from),
            selector: Some(entrypoint.selector.clone()),
            ports: Some(ports.collect()),
            ..families(&entrypoint.families)
        }),
        status: None,
    };
    let path = format!("entrypoints/{}/service.yaml", entrypoint.name);
    let mut manifest = Manifest::new(emitter, path, &entrypoint.from);
    manifest.add(&service)?;
    Ok(manifest.finish())
}

/// A Service of these families; without any, of those that the cluster prefers.
fn families(families: &[Family]) -> ServiceSpec {
    let policy = match families {
        [] => return ServiceSpec::default(),
        [_] => "SingleStack",
        _ => "RequireDualStack",
    };
    ServiceSpec {
        ip_families: Some(families.iter().map(|family| family_word(*family).to_owned()).collect()),
        ip_family_policy: Some(policy.to_owned()),
        ..ServiceSpec::default()
    }
}

fn family_word(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

fn fallback(
    emitter: &Emitter<'_>,
    entrypoint: &EntrypointPlan,
    fallback: &FallbackPlan,
) -> anyhow::Result<BundleFile> {
    let service = Service {
        metadata: metadata(&fallback.meta),
        spec: Some(ServiceSpec {
            selector: Some(std::collections::BTreeMap::new()),
            ports: Some(vec![ServicePort {
                name: Some(HTTP.to_owned()),
                port: 80,
                protocol: Some("TCP".to_owned()),
                target_port: Some(IntOrString::String(HTTP.to_owned())),
                ..ServicePort::default()
            }]),
            ..families(&fallback.families)
        }),
        status: None,
    };
    let path = format!("entrypoints/{}/fallback.yaml", entrypoint.name);
    let mut manifest =
        Manifest::new(emitter, path, &[format!("entrypoints.{}.fallback", entrypoint.name)]);
    for (name, paths) in &fallback.catch_all.legacy {
        manifest.from.push(format!("components.{name}"));
        manifest.comment(&format!("Serves the legacy component {name}: {}", paths.join(" ")));
    }
    manifest.add(&service)?;
    if matches!(fallback.form, EndpointsForm::Endpoints | EndpointsForm::Both) {
        manifest.add(&endpoints(fallback))?;
    }
    if matches!(fallback.form, EndpointsForm::Slices | EndpointsForm::Both) {
        for family in &fallback.families {
            manifest.add(&slice(fallback, *family))?;
        }
    }
    let catch_all = &fallback.catch_all;
    let backend = backend(
        &fallback.meta.name,
        ServiceBackendPort { name: Some(HTTP.to_owned()), number: None },
    );
    let everything = || vec![ingress_path("/", PathType::Prefix, backend.clone())];
    let mut rules = vec![rule(None, everything())];
    rules.extend(catch_all.hosts.iter().map(|host| rule(Some(host), everything())));
    manifest.add(&ingress(emitter, &catch_all.meta, &catch_all.class, rules, None))?;
    Ok(manifest.finish())
}

fn endpoints(fallback: &FallbackPlan) -> Endpoints {
    let mut metadata = metadata(&fallback.meta);
    if fallback.form == EndpointsForm::Both {
        let skip = ("endpointslice.kubernetes.io/skip-mirror".to_owned(), "true".to_owned());
        metadata.labels.get_or_insert_default().extend([skip]);
    }
    let address =
        |ip: &IpAddr| EndpointAddress { ip: ip.to_string(), ..EndpointAddress::default() };
    Endpoints {
        metadata,
        subsets: Some(vec![EndpointSubset {
            addresses: Some(fallback.addresses.iter().map(address).collect()),
            ports: Some(vec![EndpointPort {
                name: Some(HTTP.to_owned()),
                port: i32::from(fallback.port),
                ..EndpointPort::default()
            }]),
            ..EndpointSubset::default()
        }]),
    }
}

fn slice(fallback: &FallbackPlan, family: Family) -> MetadataFirst {
    let mut metadata = metadata(&fallback.meta);
    metadata.name =
        Some(format!("{}-{}", fallback.meta.name, family_word(family).to_ascii_lowercase()));
    metadata.labels.get_or_insert_default().extend([
        ("endpointslice.kubernetes.io/managed-by".to_owned(), "lbgen".to_owned()),
        ("kubernetes.io/service-name".to_owned(), fallback.meta.name.clone()),
    ]);
    let addresses = fallback.addresses.iter().filter(|address| Family::of(**address) == family);
    let slice = EndpointSlice {
        metadata,
        address_type: family_word(family).to_owned(),
        endpoints: addresses
            .map(|address| Endpoint {
                addresses: vec![address.to_string()],
                conditions: Some(EndpointConditions {
                    ready: Some(true),
                    ..EndpointConditions::default()
                }),
                ..Endpoint::default()
            })
            .collect(),
        ports: Some(vec![SlicePort {
            name: Some(HTTP.to_owned()),
            port: Some(i32::from(fallback.port)),
            ..SlicePort::default()
        }]),
    };
    MetadataFirst {
        api_version: EndpointSlice::API_VERSION,
        kind: EndpointSlice::KIND,
        metadata: slice.metadata,
        address_type: slice.address_type,
        endpoints: slice.endpoints,
        ports: slice.ports,
    }
}

/// An EndpointSlice as people write it: its type sorts `metadata` between its other fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetadataFirst {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    address_type: String,
    endpoints: Vec<Endpoint>,
    ports: Option<Vec<SlicePort>>,
}

fn domain(emitter: &Emitter<'_>, domain: &DomainPlan) -> anyhow::Result<BundleFile> {
    let port = ServiceBackendPort { name: None, number: Some(i32::from(domain.port)) };
    let path = ingress_path("/", PathType::ImplementationSpecific, backend(&domain.service, port));
    let tls = domain.tls_secret.as_ref().map(|secret| {
        vec![IngressTLS {
            hosts: Some(vec![domain.host.clone()]),
            secret_name: Some(secret.clone()),
        }]
    });
    let rules = vec![rule(Some(&domain.host), vec![path])];
    let mut manifest =
        Manifest::new(emitter, format!("domains/{}.yaml", domain.meta.name), &domain.from);
    manifest.add(&ingress(emitter, &domain.meta, &domain.class, rules, tls))?;
    Ok(manifest.finish())
}

fn component(emitter: &Emitter<'_>, component: &ComponentPlan) -> anyhow::Result<BundleFile> {
    let port = match &component.backend.port {
        BackendPort::Name(name) => {
            ServiceBackendPort { name: Some(name.to_string()), number: None }
        }
        BackendPort::Number(number) => {
            ServiceBackendPort { name: None, number: Some(i32::from(*number)) }
        }
    };
    let backend = backend(component.backend.service.as_str(), port);
    let paths = || {
        component
            .paths
            .iter()
            .map(|(path, kind)| ingress_path(path, *kind, backend.clone()))
            .collect()
    };
    let rules = match component.hosts.as_slice() {
        [] => vec![rule(None, paths())],
        hosts => hosts.iter().map(|host| rule(Some(host), paths())).collect(),
    };
    let mut manifest =
        Manifest::new(emitter, format!("components/{}.yaml", component.meta.name), &component.from);
    manifest.add(&ingress(emitter, &component.meta, &component.class, rules, None))?;
    Ok(manifest.finish())
}

/// An Ingress of a class, named by the field or by the annotation, never both.
fn ingress(
    emitter: &Emitter<'_>,
    meta: &ObjectMeta,
    class: &str,
    rules: Vec<IngressRule>,
    tls: Option<Vec<IngressTLS>>,
) -> Ingress {
    let mut metadata = metadata(meta);
    let mut class_name = None;
    match emitter.plan.kubernetes.ingress_class {
        ClassForm::Field => class_name = Some(class.to_owned()),
        ClassForm::Annotation => {
            let annotation = ("kubernetes.io/ingress.class".to_owned(), class.to_owned());
            metadata.annotations.get_or_insert_default().extend([annotation]);
        }
    }
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: class_name,
            rules: Some(rules),
            tls,
            ..IngressSpec::default()
        }),
        status: None,
    }
}

fn rule(host: Option<&str>, paths: Vec<HTTPIngressPath>) -> IngressRule {
    IngressRule { host: host.map(str::to_owned), http: Some(HTTPIngressRuleValue { paths }) }
}

fn ingress_path(path: &str, kind: PathType, backend: IngressBackend) -> HTTPIngressPath {
    let path_type = match kind {
        PathType::Prefix => "Prefix",
        PathType::Exact => "Exact",
        PathType::ImplementationSpecific => "ImplementationSpecific",
    };
    HTTPIngressPath { path: Some(path.to_owned()), path_type: path_type.to_owned(), backend }
}

fn backend(service: &str, port: ServiceBackendPort) -> IngressBackend {
    IngressBackend {
        service: Some(IngressServiceBackend { name: service.to_owned(), port: Some(port) }),
        resource: None,
    }
}

/// What `kubectl apply -k` reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kustomization<'a> {
    api_version: &'a str,
    kind: &'a str,
    resources: Vec<&'a str>,
}

fn kustomization(emitter: &Emitter<'_>, files: &[BundleFile]) -> anyhow::Result<BundleFile> {
    let mut resources: Vec<&str> =
        files.iter().filter_map(|file| file.path.strip_prefix("kubernetes/")).collect();
    resources.sort_unstable();
    let mut manifest =
        Manifest::new(emitter, "kustomization.yaml".to_owned(), &["datacenter".to_owned()]);
    manifest.add(&Kustomization {
        api_version: "kustomize.config.k8s.io/v1beta1",
        kind: "Kustomization",
        resources,
    })?;
    Ok(manifest.finish())
}
