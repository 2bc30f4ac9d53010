//! The effect of a change on those who watch: it is not one on traffic.

use std::collections::{BTreeMap, BTreeSet};

use super::{Class, Comparison, Finding};
use crate::bundle::{ChangeKind, MonitoringFile, Place};
use crate::model::Entry;

/// One finding for all files of monitoring that differ.
pub(super) fn findings(comparison: Comparison<'_>) -> Option<Finding> {
    let mut nouns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut files = Vec::new();
    let mut changed = comparison.changed.iter().map(|file| file.path);
    let kustomization = changed.find(|path| Place::of(path) == Place::Kustomization);
    for file in comparison.changed.iter().filter(|file| !file.is_text) {
        let place = Place::of(file.path);
        let Some(noun) = noun(place) else { continue };
        let verb = match file.kind {
            ChangeKind::Added => "adds",
            ChangeKind::Changed | ChangeKind::Mode | ChangeKind::Renamed => "changes",
            ChangeKind::Removed => "removes",
        };
        nouns.entry(verb).or_default().insert(noun);
        files.push(file.path);
        // It is listed there.
        if place == Place::PrometheusRule && verb != "changes" {
            files.extend(kustomization);
        }
    }
    let parts = nouns.iter().map(|(verb, nouns)| {
        let nouns: Vec<&str> = nouns.iter().copied().collect();
        format!("{verb} {}", nouns.join(", "))
    });
    let parts: Vec<String> = parts.collect();
    // prometheus-operator loads its object by itself.
    let is_loaded = nouns.iter().any(|(verb, nouns)| *verb != "removes" && nouns.contains(RULES));
    let loads = if is_loaded { "; Prometheus must load them" } else { "" };
    let reason = format!("monitoring {}{loads}", parts.join("; "));
    (!files.is_empty())
        .then(|| Finding::new(Class::Settings, Entry::Datacenter, reason).in_files(files))
}

const RULES: &str = "the rules";

/// The words for a file.
fn noun(place: Place<'_>) -> Option<&'static str> {
    match place {
        Place::PrometheusRule => Some("the PrometheusRule"),
        Place::Monitoring(file) => Some(match file {
            MonitoringFile::Rules => RULES,
            MonitoringFile::RuleTests => "the tests of the rules",
            MonitoringFile::Dashboard => "the dashboard",
            MonitoringFile::Blackbox => "the targets of the blackbox exporter",
        }),
        Place::Node { .. }
        | Place::Domain(_)
        | Place::Component(_)
        | Place::Service(_)
        | Place::Fallback(_)
        | Place::Gateway(_)
        | Place::Listeners { .. }
        | Place::Kustomization
        | Place::StatusScript
        | Place::PodNamespace
        | Place::Pod(_)
        | Place::List
        | Place::Foreign(_) => None,
    }
}
