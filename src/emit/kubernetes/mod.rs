//! The manifests: a file per entrypoint's Service and fallback, per domain, per component, and the kustomization.

mod endpoints;
mod file;
mod gateway;
mod ingress;
mod kustomization;
mod service;
mod status;

pub(super) use file::ManifestText;
pub use file::{MANAGED_BY, PART_OF, document};
pub(super) use kustomization::emit as kustomization;
pub use service::LOAD_BALANCER_CLASS;

use rayon::prelude::*;

use super::{BundleFile, Emitter, Files};
use crate::bundle::Place;
use crate::model::ClassForm;
use crate::plan::{KubernetesPlan, Manifest, ManifestFile, Object};

pub(super) fn emit(emitter: &Emitter<'_>, plan: &KubernetesPlan) -> Files {
    // In small parts: half of the domains would be one, and the other cores idle when the nodes are written.
    let manifests = plan.manifests.par_iter().with_max_len(64);
    let files: anyhow::Result<Vec<BundleFile>> =
        manifests.map(|found| manifest(emitter, found, plan.ingress_class)).collect();
    let mut files = files?;
    files.extend(status::emit(emitter, plan)?);
    Ok(files)
}

fn manifest(
    emitter: &Emitter<'_>,
    manifest: &Manifest,
    class_form: ClassForm,
) -> anyhow::Result<BundleFile> {
    let mut text = ManifestText::new(emitter, path(&manifest.file));
    for legacy in &manifest.legacy {
        let paths: Vec<&str> = legacy.paths.iter().map(AsRef::as_ref).collect();
        text.comment(&format!(
            "Serves the legacy component {}: {}",
            legacy.component,
            paths.join(" ")
        ));
    }
    for object in &manifest.objects {
        match object {
            Object::Service(plan) => text.add(&service::service(plan))?,
            Object::Endpoints(plan) => text.add(&endpoints::endpoints(plan))?,
            Object::Slice(plan) => text.add(&endpoints::slice(plan))?,
            Object::Ingress(plan) => text.add(&ingress::ingress(plan, class_form))?,
            Object::EnvoyProxy(meta) => text.add(&gateway::envoy_proxy(meta))?,
            Object::Gateway(plan) => text.add(&gateway::gateway(plan))?,
            Object::ListenerSet(plan) => text.add(&gateway::listener_set(plan))?,
            Object::HttpRoute(plan) => text.add(&gateway::route(plan))?,
        }
    }
    Ok(text.finish(manifest.from.clone()))
}

/// The path of a manifest in the bundle.
fn path(file: &ManifestFile) -> String {
    match file {
        ManifestFile::Service(entrypoint) => Place::Service(entrypoint.as_str()).to_string(),
        ManifestFile::Fallback(entrypoint) => Place::Fallback(entrypoint.as_str()).to_string(),
        ManifestFile::Gateway(entrypoint) => Place::Gateway(entrypoint.as_str()).to_string(),
        ManifestFile::Listeners(entrypoint, set) => {
            let number = format!("{set:02}");
            Place::Listeners { entrypoint: entrypoint.as_str(), number: &number }.to_string()
        }
        ManifestFile::Domain(host) => Place::Domain(host.object_name().as_str()).to_string(),
        ManifestFile::Component(name) => Place::Component(name.as_str()).to_string(),
    }
}
