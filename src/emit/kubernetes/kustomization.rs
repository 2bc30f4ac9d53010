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
pub(super) fn emit(
    emitter: &Emitter<'_>,
    files: &[BundleFile],
) -> anyhow::Result<Option<BundleFile>> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut resources: Vec<&str> =
        files.iter().filter_map(|file| Place::listed(&file.path)).collect();
    resources.sort_unstable();
    let mut text = ManifestText::new(emitter, Place::Kustomization.to_string());
    text.add(&Kustomization {
        api_version: "kustomize.config.k8s.io/v1beta1",
        kind: "Kustomization",
        resources,
    })?;
    Ok(Some(text.finish(vec![Entry::Datacenter])))
}
