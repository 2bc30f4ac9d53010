//! Bundles and plans from ConfigMaps, each proven by its digest.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use lbgen::bundle::{Packed, Place, pack, sha256, short, unpack, unpacked};
use lbgen::emit::BundleFile;
use lbgen::execute::PlanFile;
use lbgen::state::Tree;
use lbgen::view::kubernetes::{ABOUT, About, BUNDLE, DIGEST, PIECE, PLAN};

use crate::api::{NAMESPACE, PlanReference};

/// A bundle in memory.
#[derive(Debug)]
pub struct Bundle {
    /// SHA-256 of its `bundle.json`.
    pub digest: String,
    files: BTreeMap<String, BundleFile>,
    /// The facts that a rollout needs besides.
    pub about: About,
}

impl Bundle {
    /// The bundle of a digest.
    pub async fn load(client: &Client, digest: &str) -> anyhow::Result<Self> {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
        let only = ListParams::default().labels(&format!("{BUNDLE}={}", short(digest)));
        let mut maps = api.list(&only).await?.items;
        maps.retain(|map| map.annotations().get(DIGEST).is_some_and(|found| found == digest));
        let number = |map: &ConfigMap| {
            map.name_any().rsplit('-').next().and_then(|text| text.parse::<usize>().ok())
        };
        // The newest facts count.
        maps.sort_by_key(|map| (number(map), map.creation_timestamp()));
        let about = maps.iter().rev().find_map(|map| value(map, ABOUT));
        let pieces = maps.iter().filter_map(|map| value(map, PIECE));
        let bytes: Vec<u8> = pieces.flatten().copied().collect();
        let (false, Some(about)) = (bytes.is_empty(), about) else {
            bail!(
                "no ConfigMap holds the bundle {}: apply what `lbgen render --format kubernetes` prints",
                short(digest)
            );
        };
        Self::of(&bytes, digest, serde_json::from_slice(about)?)
    }

    fn of(bytes: &[u8], digest: &str, about: About) -> anyhow::Result<Self> {
        let files =
            unpack(bytes).context("the bundle is not whole: apply all of its ConfigMaps")?;
        let files: BTreeMap<String, BundleFile> =
            files.into_iter().map(|file| (file.path.clone(), as_rendered(file))).collect();
        let list = files.get(&Place::List.to_string()).map_or("", |file| &*file.body);
        if sha256(list) != digest {
            bail!("the ConfigMaps of {} hold another bundle", short(digest));
        }
        let list: serde_json::Value = serde_json::from_str(list)?;
        for listed in list["files"].as_array().into_iter().flatten() {
            let path = listed["path"].as_str().unwrap_or_default();
            let found = files.get(path).with_context(|| format!("the bundle lacks {path}"))?;
            if Some(sha256(&*found.body).as_str()) != listed["sha256"].as_str() {
                bail!("{path} is not as the bundle's list says");
            }
        }
        Ok(Self { digest: digest.to_owned(), files, about })
    }

    /// Every file, as a render has it in memory.
    pub fn files(&self) -> Vec<BundleFile> {
        self.files.values().cloned().collect()
    }

    /// As a tree, which states are read from.
    pub fn tree(&self) -> Tree {
        Tree::of_files("", self.files.values())
    }

    /// The text of its list.
    pub fn list(&self) -> Option<String> {
        self.text(&Place::List.to_string())
    }

    /// The files of a node, packed, and `DIGEST:PATH` of each.
    pub fn of_node(&self, node: &str) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
        let folder = Place::folder_of(node);
        let own = self.files.values().filter_map(|file| {
            let path = file.path.strip_prefix(&folder)?.trim_start_matches('/');
            Some((path, file.mode, file.body.as_bytes()))
        });
        let own: Vec<_> = own.collect();
        let digests = own.iter().map(|(path, _, body)| format!("{}:{path}", sha256(body)));
        Ok((pack(own.iter().copied())?, digests.collect()))
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<String> {
        self.files.get(path).map(|file| file.body.to_string())
    }
}

/// A file as a render has it in memory; each is text.
fn as_rendered(file: Packed) -> BundleFile {
    let body = String::from_utf8_lossy(&file.body).into_owned().into();
    BundleFile { path: file.path, mode: file.mode, body, from: Vec::new() }
}

fn value<'a>(map: &'a ConfigMap, key: &str) -> Option<&'a [u8]> {
    map.binary_data.as_ref()?.get(key).map(|bytes| bytes.0.as_slice())
}

/// The digest of the bundle that ConfigMaps hold, and its facts, which the last of them has.
pub async fn wanted(client: &Client, maps: &[String]) -> anyhow::Result<(String, About)> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let last = maps.last().context("spec.bundle names no ConfigMap")?;
    let map = api.get_opt(last).await?.with_context(|| format!("there is no ConfigMap {last}"))?;
    let digest =
        map.annotations().get(DIGEST).with_context(|| format!("{last} has no {DIGEST}"))?;
    let about = value(&map, ABOUT).with_context(|| {
        format!("{last} has no {ABOUT}: name all ConfigMaps that `lbgen render --format kubernetes` prints")
    })?;
    Ok((digest.clone(), serde_json::from_slice(about)?))
}

/// A plan from its ConfigMap.
pub async fn plan(client: &Client, reference: &PlanReference) -> anyhow::Result<PlanFile> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let name = &reference.config_map;
    let map = api.get_opt(name).await?.with_context(|| format!("there is no ConfigMap {name}"))?;
    let bytes = map.binary_data.and_then(|mut data| data.remove(PLAN));
    let bytes = bytes.with_context(|| format!("{name} has no {PLAN}"))?;
    let plan = PlanFile::parse(&String::from_utf8_lossy(&unpacked(&bytes.0)?), name)?;
    if plan.digest != reference.digest {
        bail!("{name} holds another plan than the Rollout names");
    }
    Ok(plan)
}
