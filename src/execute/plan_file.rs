//! A rollout that was planned, kept in a file: what `--apply` carries out, and nothing else.

use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::sha256;

/// A planned rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// Of this form.
    pub version: u32,
    /// The name of the datacenter.
    pub datacenter: String,
    /// The inventory's file name.
    pub inventory: String,
    /// The commit that is rolled out, or `None` where git does not have it.
    pub revision: Option<String>,
    /// The bundle that is copied to the nodes: its whole path.
    pub bundle: String,
    /// The steps, as `rollout --format json` says them.
    pub steps: Vec<Value>,
    /// The script that carries them out; it holds the digests of what runs and of what is copied.
    pub script: String,
    /// SHA-256 of all of this but itself.
    #[serde(default)]
    pub digest: String,
}

impl PlanFile {
    /// The form that this lbgen writes.
    pub const VERSION: u32 = 1;

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
        let plan: Self = serde_json::from_str(&text)
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

    /// The ids of the steps, in their order.
    pub fn ids(&self) -> Vec<&str> {
        self.steps.iter().filter_map(|step| step["id"].as_str()).collect()
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
            version: 1,
            datacenter: "eu1".to_owned(),
            inventory: "inventory.yaml".to_owned(),
            revision: Some("abc".to_owned()),
            bundle: "/out/eu1".to_owned(),
            steps: vec![serde_json::json!({ "id": "copy-1" })],
            script: "true\n".to_owned(),
            digest: String::new(),
        };
        let plan = plan.sealed().unwrap();
        std::fs::write(&path, plan.text().unwrap()).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap(), plan);
        std::fs::write(&path, plan.text().unwrap().replace("true", "reboot")).unwrap();
        assert!(PlanFile::read(&path).unwrap_err().to_string().contains("was changed"));
    }
}
