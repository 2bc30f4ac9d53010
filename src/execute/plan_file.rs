//! A rollout that was planned, kept in a file: what `--apply` carries out, and nothing else.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::{sha256, short};
use crate::rollout::Do;

/// A planned rollout.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// Of this form.
    pub version: u32,
    /// The name of the datacenter.
    pub datacenter: String,
    /// The id under which its nodes are claimed, as `status` and the nodes name it; empty where it claims none.
    #[serde(default)]
    pub claim: String,
    /// The inventory's file name.
    pub inventory: String,
    /// The commit that is rolled out, or `None` where git does not have it.
    pub revision: Option<String>,
    /// The bundle that is copied to the nodes: its whole path.
    pub bundle: String,
    /// Every node, dead ones aside.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// The steps, as `rollout --format json` says them.
    pub steps: Vec<Value>,
    /// The script that carries them out; it holds the digests of what runs and of what is copied.
    pub script: String,
    /// Every address that a node may hold before, after or on the way.
    #[serde(default)]
    pub vips: Vec<IpAddr>,
    /// The seconds to go on checking after each step.
    #[serde(default)]
    pub soak: u64,
    /// SHA-256 of the `bundle.json` that runs, where there is one.
    #[serde(default)]
    pub from: Option<String>,
    /// SHA-256 of the `bundle.json` that is rolled out; `None` where nothing is.
    #[serde(default)]
    pub to: Option<String>,
    /// SHA-256 of all of this but itself.
    #[serde(default)]
    pub digest: String,
}

impl PlanFile {
    /// The form that this lbgen writes.
    pub const VERSION: u32 = 3;

    /// With its digest.
    pub fn sealed(mut self) -> anyhow::Result<Self> {
        self.digest = self.own_digest()?;
        Ok(self)
    }

    fn own_digest(&self) -> anyhow::Result<String> {
        let bare = Self { digest: String::new(), ..self.clone() };
        Ok(sha256(serde_json::to_vec(&bare)?))
    }

    /// Reads a file. One that was edited is an error.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the plan {shown}"))?;
        Self::parse(&text, &shown.to_string())
    }

    /// Checks a plan that somebody has kept. One that was edited is an error; `shown` is what messages call it.
    pub fn parse(text: &str, shown: &str) -> anyhow::Result<Self> {
        let plan: Self = serde_json::from_str(text)
            .with_context(|| format!("{shown} is not a plan of `lbgen rollout --save`"))?;
        if plan.version != Self::VERSION {
            bail!("{shown} has version {}: use the lbgen that wrote it", plan.version);
        }
        if plan.digest != plan.own_digest()? {
            bail!("{shown} was changed after it was saved: plan again with `lbgen rollout --save`");
        }
        Ok(plan)
    }

    /// The file.
    pub fn text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The name of the rollout, for a person: the nodes know it by the same.
    pub fn name(&self) -> &str {
        if self.claim.is_empty() { short(&self.digest) } else { &self.claim }
    }

    /// The ids of the steps, in their order.
    pub fn ids(&self) -> Vec<&str> {
        self.steps.iter().filter_map(|step| step["id"].as_str()).collect()
    }

    /// The nodes of which one holds each VIP after a step, by this one and those before it: nobody where there is none.
    pub fn holders_after(&self, id: &str) -> BTreeMap<IpAddr, Vec<String>> {
        let mut holders = BTreeMap::new();
        let last = self.steps.iter().position(|step| step["id"] == id).map_or(0, |at| at + 1);
        for step in &self.steps[..last] {
            for (vip, nodes) in step["holders"].as_object().into_iter().flatten() {
                let nodes = nodes.as_array().into_iter().flatten();
                let nodes = nodes.filter_map(|node| node.as_str().map(str::to_owned)).collect();
                if let Ok(vip) = vip.parse() {
                    holders.insert(vip, nodes);
                }
            }
        }
        holders
    }

    /// Returns true if a step releases the nodes: they forget what they had before, and nothing can be undone from then on.
    pub fn releases(&self, id: &str) -> bool {
        self.step(id).is_some_and(|step| step["do"] == Do::Clean.word())
    }

    /// A step.
    pub fn step(&self, id: &str) -> Option<&Value> {
        self.steps.iter().find(|step| step["id"] == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_was_edited_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        let plan = PlanFile {
            version: PlanFile::VERSION,
            datacenter: "eu1".to_owned(),
            claim: "0123abc".to_owned(),
            inventory: "inventory.yaml".to_owned(),
            revision: Some("abc".to_owned()),
            bundle: "/out/eu1".to_owned(),
            nodes: vec!["lb-1".to_owned()],
            steps: vec![serde_json::json!({ "id": "copy-1" })],
            script: "true\n".to_owned(),
            vips: Vec::new(),
            soak: 0,
            from: None,
            to: None,
            digest: String::new(),
        };
        let plan = plan.sealed().unwrap();
        std::fs::write(&path, plan.text().unwrap()).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap(), plan);
        std::fs::write(&path, plan.text().unwrap().replace("true", "reboot")).unwrap();
        assert!(PlanFile::read(&path).unwrap_err().to_string().contains("was changed"));
    }
}
