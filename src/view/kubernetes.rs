//! The objects that the operator reads: bundles and plans in ConfigMaps, by their digests, and what refers to them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bundle::{Place, pack, packed, sha256, short};
use crate::emit::{self, BundleFile, NAMESPACE};
use crate::execute::PlanFile;

/// The group and version of the operator's objects.
pub const API_VERSION: &str = "lbgen.dev/v1alpha1";
/// The label of the ConfigMaps of a bundle: the digest's first digits.
pub const BUNDLE: &str = "lbgen.dev/bundle";
/// The annotation with the whole digest: SHA-256 of `bundle.json`.
pub const DIGEST: &str = "lbgen.dev/digest";
/// The key of a piece of a bundle.
pub const PIECE: &str = "bundle.tar.gz";
/// The key of the facts that a rollout needs and no file of a bundle says.
pub const ABOUT: &str = "about.json";
/// The key of a plan.
pub const PLAN: &str = "plan.json.gz";

/// The bytes of a bundle that one ConfigMap holds. As base64 they stay below 256 KiB, which is all that `kubectl apply` can
/// keep of an object in its annotation; the API server takes 1 MiB.
const PIECE_BYTES: usize = 180_000;

/// Facts that a rollout needs and no file of a bundle says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The release of keepalived that the nodes run.
    pub keepalived: String,
    /// The failure domain of each node that has one.
    pub zones: BTreeMap<String, String>,
    /// The name in the cluster of each node that has another one there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hostnames: BTreeMap<String, String>,
}

/// The ConfigMaps of a bundle, and the FrontEnd that names them.
pub fn bundle(datacenter: &str, files: &[BundleFile], about: &About) -> anyhow::Result<String> {
    let list = Place::List.to_string();
    let list = files.iter().find(|file| file.path == list).map_or("", |file| &*file.body);
    let digest = sha256(list);
    let contents = files.iter().map(|file| (file.path.as_str(), file.mode, file.body.as_bytes()));
    let bytes = pack(contents)?;
    let stem = format!("bundle-{datacenter}-{}", short(&digest));
    let labels = json!({ (BUNDLE): short(&digest), (emit::PART_OF): datacenter });
    let mut objects = Vec::new();
    let mut names = Vec::new();
    for (number, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
        let name = format!("{stem}-{number}");
        objects.push(config_map(&name, &labels, &digest, (PIECE, piece)));
        names.push(name);
    }
    // The same files may come with other facts.
    let about = serde_json::to_string(about)?;
    let name = format!("{stem}-about-{}", short(&sha256(&about)));
    objects.push(config_map(&name, &labels, &digest, (ABOUT, about.as_bytes())));
    names.push(name);
    objects.push(json!({
        "apiVersion": API_VERSION,
        "kind": "FrontEnd",
        "metadata": { "name": datacenter, "namespace": NAMESPACE },
        "spec": { "bundle": { "configMaps": names } },
    }));
    text(&objects)
}

/// The Rollout that carries a plan out, and the ConfigMap with the plan, as YAML.
pub fn rollout(plan: &PlanFile) -> anyhow::Result<String> {
    text(&rollout_objects(plan)?)
}

/// The ConfigMap with a plan, and the Rollout that carries it out. Nobody has approved it.
pub fn rollout_objects(plan: &PlanFile) -> anyhow::Result<[Value; 2]> {
    let name = format!("{}-{}", plan.datacenter, short(&plan.digest));
    let map = format!("plan-{name}");
    let labels = json!({ (emit::PART_OF): plan.datacenter });
    let bytes = packed(plan.text()?.as_bytes())?;
    Ok([
        config_map(&map, &labels, &plan.digest, (PLAN, &bytes)),
        json!({
            "apiVersion": API_VERSION,
            "kind": "Rollout",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": {
                "frontEnd": plan.datacenter,
                "from": plan.from.as_deref().unwrap_or_default(),
                "to": plan.to.as_deref().unwrap_or_default(),
                "plan": { "configMap": map, "digest": plan.digest },
            },
        }),
    ])
}

fn config_map(name: &str, labels: &Value, digest: &str, (key, bytes): (&str, &[u8])) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": labels,
            "annotations": { (DIGEST): digest },
        },
        "immutable": true,
        "binaryData": { (key): STANDARD.encode(bytes) },
    })
}

fn text(objects: &[Value]) -> anyhow::Result<String> {
    let documents: anyhow::Result<Vec<String>> = objects.iter().map(emit::document).collect();
    // Those of a fleet follow one another.
    Ok(documents?.iter().map(|document| format!("---\n{document}")).collect())
}
