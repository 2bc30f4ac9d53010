//! The effects of a change on machines outside of the cluster that serve a component.

use super::cluster::Cluster;
use super::entrypoint::service_findings;
use super::request_routing::RequestRouting;
use super::{Class, Finding};
use crate::bundle::ChangeKind;
use crate::model::Entry;

impl Cluster<'_> {
    /// The findings for the Service and the addresses in a component's file, where the component stays.
    pub(super) fn machines(
        &self,
        path: &str,
        entry: &Entry,
        [before, after]: [&RequestRouting<'_>; 2],
    ) -> Vec<Finding> {
        let mut changed = self.comparison.changed.iter();
        if !changed.any(|file| file.path == path && file.kind == ChangeKind::Changed) {
            return Vec::new();
        }
        let pairs = self.pairs(path).into_iter().filter(|(key, ..)| key.is_of_service());
        let mut found = Vec::new();
        for (key, from, to) in pairs {
            let finding = |class, reason| Finding::new(class, entry.clone(), reason);
            match (from, to) {
                (Some(_), Some(_)) => found.extend(service_findings(entry, key, from, to)),
                // The addresses come and go with it, or in another form.
                _ if key.kind != "Service" => {}
                (None, _) if before.leads_to(key) => found.push(finding(
                    Class::Switches,
                    format!("machines outside of the cluster answer behind {key} from now on"),
                )),
                (_, None) if after.leads_to(key) => found.push(finding(
                    Class::Unreachable,
                    format!("{key} is deleted, and requests lead to it: nothing answers until it is made again"),
                )),
                (None, _) => found.push(finding(Class::New, format!("{key} is new"))),
                (_, None) => found.push(finding(Class::Removed, format!("{key} is deleted"))),
            }
        }
        found
    }
}
