//! Typed Kubernetes objects as YAML that every reader takes for the same thing.

use std::collections::BTreeMap;

use anyhow::Context;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta as Metadata;
use serde::Serialize;

use super::{BundleFile, Emitter};
use crate::model::Entry;
use crate::plan::ObjectMeta;

/// The text of a file of manifests, document by document.
pub(in crate::emit) struct ManifestText {
    path: String,
    body: String,
    documents: usize,
}

impl ManifestText {
    pub fn new(emitter: &Emitter<'_>, path: String) -> Self {
        Self { path, body: format!("# {}\n", emitter.header), documents: 0 }
    }

    /// A line of comment before the next document.
    pub fn comment(&mut self, line: &str) {
        self.body.push_str(&format!("# {line}\n"));
    }

    pub fn add(&mut self, object: &impl Serialize) -> anyhow::Result<()> {
        if self.documents > 0 {
            self.body.push_str("---\n");
        }
        self.documents += 1;
        self.body.push_str(&document(object).with_context(|| self.path.clone())?);
        Ok(())
    }

    pub fn finish(self, from: Vec<Entry>) -> BundleFile {
        BundleFile { path: self.path, mode: 0o644, body: self.body.into(), from }
    }
}

/// An object as a document of YAML.
pub fn document(object: &impl Serialize) -> anyhow::Result<String> {
    let options = serde_saphyr::ser_options! {
        // Long and multi-line text is quoted: block scalars have too many ways to be misread.
        prefer_block_scalars: false,
    };
    let body = serde_saphyr::to_string_with_options(object, options)?;
    Ok(body.trim_end_matches('\n').to_owned() + "\n")
}

/// The label that says who wrote an object,
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// and the one that says for which datacenter.
pub const PART_OF: &str = "app.kubernetes.io/part-of";

/// Name, namespace, annotations, and the labels that every object of ours has.
pub(super) fn metadata(meta: &ObjectMeta) -> Metadata {
    Metadata {
        name: Some(meta.name.to_string()),
        namespace: Some(meta.namespace.to_string()),
        annotations: (!meta.annotations.is_empty()).then(|| strings(&meta.annotations)),
        labels: Some(BTreeMap::from([
            (MANAGED_BY.to_owned(), "lbgen".to_owned()),
            (PART_OF.to_owned(), meta.part_of.to_string()),
        ])),
        ..Metadata::default()
    }
}

/// A map of typed names as Kubernetes' own types have it.
pub(super) fn strings<K: ToString, V: ToString>(map: &BTreeMap<K, V>) -> BTreeMap<String, String> {
    map.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}
