//! The list of manifests that `kubectl apply -k` reads.

use serde::Serialize;

use super::file::ManifestText;
use super::{BundleFile, Emitter};
use crate::bundle::Place;
use crate::model::Entry;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kustomization<'a> {
    api_version: &'a str,
    kind: &'a str,
    resources: Vec<&'a str>,
}

/// The list of all other manifests; `None` without any, which `kubectl apply -k` refuses (facts K23).
pub(in crate::emit) fn emit(
    emitter: &Emitter<'_>,
    files: &[BundleFile],
) -> anyhow::Result<Option<BundleFile>> {
    let manifests = files.iter().filter(|file| Place::of(&file.path).is_manifest());
    let mut resources: Vec<&str> = manifests.filter_map(|file| Place::listed(&file.path)).collect();
    if resources.is_empty() {
        return Ok(None);
    }
    resources.sort_unstable();
    let mut text = ManifestText::new(emitter, Place::Kustomization.to_string());
    text.add(&Kustomization {
        api_version: "kustomize.config.k8s.io/v1beta1",
        kind: "Kustomization",
        resources,
    })?;
    Ok(Some(text.finish(vec![Entry::Datacenter])))
}
