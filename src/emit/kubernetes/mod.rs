//! The manifests: a file per entrypoint's Service and fallback, per domain, per component, and the kustomization.

mod endpoints;
mod file;
mod gateway;
mod ingress;
mod kustomization;
mod service;
mod status;

pub use file::{MANAGED_BY, PART_OF, document};
pub use service::LOAD_BALANCER_CLASS;

use rayon::prelude::*;

use super::{BundleFile, Emitter, Files};
use crate::plan::{Manifest, ManifestFile, Object};
use file::ManifestText;

pub(super) fn emit(emitter: &Emitter<'_>) -> Files {
    let manifests = &emitter.plan.kubernetes.manifests;
    let files: anyhow::Result<Vec<BundleFile>> =
        manifests.par_iter().map(|found| manifest(emitter, found)).collect();
    let mut files = files?;
    files.extend(kustomization::emit(emitter, &files)?);
    files.extend(status::emit(emitter)?);
    Ok(files)
}

fn manifest(emitter: &Emitter<'_>, manifest: &Manifest) -> anyhow::Result<BundleFile> {
    let mut text = ManifestText::new(emitter, path(&manifest.file));
    for legacy in &manifest.legacy {
        let paths: Vec<&str> = legacy.paths.iter().map(AsRef::as_ref).collect();
        text.comment(&format!(
            "Serves the legacy component {}: {}",
            legacy.component,
            paths.join(" ")
        ));
    }
    let class_form = emitter.plan.kubernetes.ingress_class;
    for object in &manifest.objects {
        match object {
            Object::Service(plan) => text.add(&service::service(plan))?,
            Object::Endpoints(plan) => text.add(&endpoints::endpoints(plan))?,
            Object::Slice(plan) => text.add(&endpoints::slice(plan))?,
            Object::Ingress(plan) => text.add(&ingress::ingress(plan, class_form))?,
            Object::Gateway(plan) => text.add(&gateway::gateway(plan))?,
            Object::ListenerSet(plan) => text.add(&gateway::listener_set(plan))?,
            Object::HttpRoute(plan) => text.add(&gateway::route(plan))?,
        }
    }
    Ok(text.finish(manifest.from.clone()))
}

/// Where a manifest lies below `kubernetes/`.
fn path(file: &ManifestFile) -> String {
    match file {
        ManifestFile::Service(entrypoint) => format!("entrypoints/{entrypoint}/service.yaml"),
        ManifestFile::Fallback(entrypoint) => format!("entrypoints/{entrypoint}/fallback.yaml"),
        ManifestFile::Gateway(entrypoint) => format!("entrypoints/{entrypoint}/gateway.yaml"),
        ManifestFile::Listeners(entrypoint, set) => {
            format!("entrypoints/{entrypoint}/listeners-{set:02}.yaml")
        }
        ManifestFile::Domain(host) => format!("domains/{}.yaml", host.object_name()),
        ManifestFile::Component(name) => format!("components/{name}.yaml"),
    }
}
