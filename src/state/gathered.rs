//! Files gathered node by node, from a fleet that lbgen runs already.

use super::Tree;
use crate::bundle::{NodeFile, Place};
use crate::emit::BundleFile;

impl Tree {
    /// The tree with what nodes do not say as it will be: the bundle's own list, monitoring, and the cluster unless its
    /// objects are given. Nodes that lbgen has not written to yet have all of that before them.
    pub fn with_unsaid(mut self, wanted: &[BundleFile], has_objects: bool) -> Self {
        if !self.is_rolled_out() {
            return self;
        }
        let is_unsaid = |place: Place<'_>| match place {
            Place::List | Place::Monitoring(_) | Place::PodNamespace | Place::Pod(_) => true,
            Place::Node { .. } => false,
            Place::Domain(_)
            | Place::Component(_)
            | Place::Service(_)
            | Place::Fallback(_)
            | Place::Gateway(_)
            | Place::Listeners { .. }
            | Place::Kustomization
            | Place::StatusScript
            | Place::PrometheusRule
            | Place::Foreign(_) => !has_objects,
        };
        for file in wanted.iter().filter(|file| is_unsaid(Place::of(&file.path))) {
            self.insert(file.path.clone(), file.body.clone());
        }
        self
    }

    /// Returns true if it was gathered node by node, from nodes that run what lbgen wrote.
    pub fn is_rolled_out(&self) -> bool {
        let is_expected = |(path, _): (&str, &str)| {
            matches!(Place::of(path), Place::Node { file: NodeFile::Expected, .. })
        };
        self.bare && self.iter().any(is_expected)
    }
}
