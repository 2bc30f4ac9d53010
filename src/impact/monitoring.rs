//! The effect of a change on those who watch: it is not one on traffic.

use super::{Class, Comparison, Finding};
use crate::bundle::{MonitoringFile, Place};
use crate::model::Entry;

/// One finding for all files of monitoring that differ.
pub(super) fn findings(comparison: Comparison<'_>) -> Option<Finding> {
    let watched = comparison.changed.iter().filter(|file| !file.is_text);
    let files: Vec<(&str, &str)> =
        watched.filter_map(|file| Some((file.path, reader(Place::of(file.path))?))).collect();
    let mut readers: Vec<&str> = files.iter().map(|(_, reader)| *reader).collect();
    readers.sort_unstable();
    readers.dedup();
    let reason = format!("monitoring: {}", readers.join(", "));
    (!files.is_empty()).then(|| {
        Finding::new(Class::Settings, Entry::Datacenter, reason)
            .in_files(files.into_iter().map(|(path, _)| path))
    })
}

/// The words for who must read a file again.
fn reader(place: Place<'_>) -> Option<&'static str> {
    match place {
        Place::PrometheusRule => Some("the object of prometheus-operator"),
        Place::Monitoring(file) => Some(match file {
            MonitoringFile::Rules => "Prometheus must load its rules",
            MonitoringFile::RuleTests => "the tests of the rules",
            MonitoringFile::Dashboard => "the dashboard of Grafana",
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
        | Place::List
        | Place::Foreign(_) => None,
    }
}
