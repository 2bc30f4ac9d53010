//! What `kubectl apply -k` reads.

use serde::Serialize;

use super::file::ManifestText;
use super::{BundleFile, Emitter};
use crate::model::Entry;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kustomization<'a> {
    api_version: &'a str,
    kind: &'a str,
    resources: Vec<&'a str>,
}

/// The list of all other manifests.
pub(super) fn emit(emitter: &Emitter<'_>, files: &[BundleFile]) -> anyhow::Result<BundleFile> {
    let mut resources: Vec<&str> =
        files.iter().filter_map(|file| file.path.strip_prefix("kubernetes/")).collect();
    resources.sort_unstable();
    let mut text = ManifestText::new(emitter, "kustomization.yaml".to_owned());
    text.add(&Kustomization {
        api_version: "kustomize.config.k8s.io/v1beta1",
        kind: "Kustomization",
        resources,
    })?;
    Ok(text.finish(vec![Entry::Datacenter]))
}
