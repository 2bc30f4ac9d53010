//! A fleet of the lab whose rollouts the operator carries out.

use std::fs;
use std::ops::{Deref, DerefMut};

use super::crew::Crew;
use crate::lab::edits::Edit;
use crate::stage::{Replayed, Stage};

/// Nodes with the real keepalived, an operator and an agent for each of them.
pub struct Fleet {
    crew: Crew,
    pub stage: Stage,
}

impl Deref for Fleet {
    type Target = Crew;

    fn deref(&self) -> &Crew {
        &self.crew
    }
}

impl DerefMut for Fleet {
    fn deref_mut(&mut self) -> &mut Crew {
        &mut self.crew
    }
}

impl Fleet {
    /// The fleet runs what an edit begins with; the objects of what it leads to are there, and nothing is approved.
    pub fn new(edit: &'static Edit) -> Self {
        let stage = Stage::new(edit);
        let mut fleet = Self { crew: Crew::new(stage.work.path()), stage };
        let names: Vec<String> = fleet.stage.lab.nodes.keys().cloned().collect();
        for name in names {
            fleet.revive_agent(&name);
        }
        fleet.start_operator();
        let bundle = fleet.lbgen(&["render", "--format", "kubernetes"]);
        fleet.make_namespaces();
        fleet.cluster.apply(&bundle);
        let rollout = fleet.lbgen(
            &[&["rollout", "--from", "old", "--format", "kubernetes"], edit.options].concat(),
        );
        fleet.cluster.apply(&rollout);
        fleet
    }

    /// Starts the agent of a node, under the name that the cluster has for it.
    pub fn revive_agent(&mut self, name: &str) {
        let work = self.stage.work.path();
        let inventory = fs::read_to_string(work.join("inventory.yaml")).unwrap();
        let hostname = format!("{name}.example.net");
        let has_other = inventory.contains(&format!("hostname: {hostname}"));
        let enter = format!("{} {name}", work.join("on").display());
        self.start_agent(if has_other { &hostname } else { name }, &enter);
    }

    /// Ends the operator and the agents; everything is as the edit says then.
    pub fn finish(self) -> Replayed {
        drop(self.crew);
        self.stage.finish()
    }
}
