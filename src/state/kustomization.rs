//! The input of `kubectl apply -k` (kustomization.yaml).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A kustomization.yaml.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kustomization {
    /// The files that it lists.
    pub resources: BTreeSet<String>,
    /// Everything else.
    pub others: BTreeMap<String, Value>,
}

impl Kustomization {
    /// Reads a file; one that is no mapping is a field of its own.
    pub fn read(text: &str) -> Self {
        let value: Value = serde_saphyr::from_str(text).unwrap_or(Value::String(text.to_owned()));
        let Value::Object(mut fields) = value else {
            return Self { others: [(String::new(), value)].into(), ..Self::default() };
        };
        let listed = fields.remove("resources").unwrap_or_default();
        let listed = listed.as_array().into_iter().flatten();
        let resources = listed.filter_map(|item| Some(item.as_str()?.to_owned())).collect();
        Self { resources, others: fields.into_iter().collect() }
    }

    /// Keys that say something else, and files that are listed or not, although they are there as before.
    pub fn differences(from: &Self, to: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = from.others.keys().chain(to.others.keys()).collect();
        let differ = keys.into_iter().filter(|key| from.others.get(*key) != to.others.get(*key));
        differ.map(|key| format!("`{key}` changes")).collect()
    }
}
