//! The files for Prometheus, Grafana and the blackbox exporter, and what a node needs to report.

mod blackbox;
mod dashboard;
mod node;
mod rule;
mod single_test;
mod unit_test;

pub(super) use node::emit as of_node;

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Serialize;

use super::{BundleFile, Emitter, Files, MANAGED_BY, PART_OF, document};
use crate::bundle::{MonitoringFile, NodeFile, Place, sha256, short};
use crate::language::word::RulesForm;
use crate::model::Entry;
use crate::plan::MonitoringPlan;

/// The object of prometheus-operator (monitoring.coreos.com/v1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrometheusRule<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: rule::Rules,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: String,
    namespace: &'a str,
    labels: BTreeMap<&'static str, &'a str>,
}

/// The files of a datacenter; `files` are those of its nodes, whose configuration the rules know.
pub(super) fn emit(emitter: &Emitter<'_>, plan: &MonitoringPlan, files: &[BundleFile]) -> Files {
    // Without metrics of the nodes nobody reports which configuration they have.
    let configured = files.iter().filter(|_| emitter.metrics.is_some());
    let digests: BTreeMap<&str, String> = configured.filter_map(digest).collect();
    let rules = rule::rules(plan, &digests);
    let mut found = Vec::new();
    match plan.settings.rules {
        RulesForm::File => {
            found.push(yaml(emitter, Place::Monitoring(MonitoringFile::Rules), &rules)?);
            let tests = unit_test::tests(plan, &digests);
            found.push(yaml(emitter, Place::Monitoring(MonitoringFile::RuleTests), &tests)?);
        }
        RulesForm::PrometheusRule => {
            let labels =
                BTreeMap::from([(MANAGED_BY, "lbgen"), (PART_OF, plan.datacenter.as_str())]);
            let name = format!("lbgen-{}", plan.datacenter);
            let object = PrometheusRule {
                api_version: "monitoring.coreos.com/v1",
                kind: "PrometheusRule",
                metadata: Metadata { name, namespace: plan.namespace.as_str(), labels },
                spec: rules,
            };
            found.push(yaml(emitter, Place::PrometheusRule, &object)?);
        }
        RulesForm::None => {}
    }
    if plan.settings.has_dashboard {
        let body = serde_json::to_string_pretty(&dashboard::dashboard(plan, &emitter.header))?;
        found.push(file(Place::Monitoring(MonitoringFile::Dashboard), body + "\n"));
    }
    let targets = blackbox::targets(plan);
    found.push(yaml(emitter, Place::Monitoring(MonitoringFile::Blackbox), &targets)?);
    Ok(found)
}

/// The node of a keepalived.conf, and the digest that its metrics have of it.
fn digest(file: &BundleFile) -> Option<(&str, String)> {
    match Place::of(&file.path) {
        Place::Node { node, file: NodeFile::Configuration } => {
            Some((node, short(&sha256(file.body.as_bytes())).to_owned()))
        }
        _ => None,
    }
}

fn yaml(
    emitter: &Emitter<'_>,
    place: Place<'_>,
    body: &impl Serialize,
) -> anyhow::Result<BundleFile> {
    let text = document(body).with_context(|| place.to_string())?;
    Ok(file(place, format!("# {}\n{text}", emitter.header)))
}

fn file(place: Place<'_>, body: String) -> BundleFile {
    let from = vec![Entry::Datacenter];
    BundleFile { path: place.to_string(), mode: 0o644, body: body.into(), from }
}
