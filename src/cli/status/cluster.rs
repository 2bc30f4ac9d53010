//! The objects and Secrets of the cluster, next to those that should be there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, bail};

use crate::bundle::{ChangeKind, Place};
use crate::emit::BundleFile;
use crate::execute;
use crate::state::{Live, State, Tree};
use crate::status::{Finding, codes};

/// Kinds that every cluster knows, and those that only some do, by a kind of the bundle that says so.
const KINDS: &str = "service,endpoints,endpointslice,ingress";
const MORE_KINDS: [(&str, &str); 3] = [
    (
        "Gateway",
        "gateways.gateway.networking.k8s.io,listenersets.gateway.networking.k8s.io,httproutes.gateway.networking.k8s.io",
    ),
    ("EnvoyProxy", "envoyproxies.gateway.envoyproxy.io"),
    ("PrometheusRule", "prometheusrules.monitoring.coreos.com"),
];

/// The differences between the cluster and the bundle.
pub fn findings(tree: &Tree, state: &State, datacenter: &str) -> anyhow::Result<Vec<Finding>> {
    let kinds: BTreeSet<&str> = state.objects.keys().map(|key| key.kind.as_str()).collect();
    let mut asked = KINDS.to_owned();
    for (_, more) in MORE_KINDS.iter().filter(|(kind, _)| kinds.contains(kind)) {
        asked += &format!(",{more}");
    }
    let labels =
        format!("app.kubernetes.io/managed-by=lbgen,app.kubernetes.io/part-of={datacenter}");
    let text = kubectl(&["get", &asked, "-A", "-o", "json", "-l", &labels])?;
    let live = Live::read(&text, datacenter).context("what kubectl prints")?;
    let files: Vec<BundleFile> = tree
        .iter()
        .filter(|(path, _)| Place::of(path).is_manifest())
        .map(|(path, body)| BundleFile {
            path: path.to_owned(),
            mode: 0o644,
            body: body.into(),
            from: Vec::new(),
        })
        .collect();
    let manifests = tree.only(|path| Place::of(path).is_manifest());
    let found = manifests.with_objects(&live, &files);
    let mut findings: Vec<Finding> = found
        .changes(&files)
        .iter()
        .map(|change| Finding {
            code: &codes::OBJECT,
            subject: change.path.to_owned(),
            text: match change.kind {
                ChangeKind::Added => "its objects are missing in the cluster",
                ChangeKind::Removed => "stayed behind in the cluster",
                ChangeKind::Changed | ChangeKind::Mode | ChangeKind::Renamed => {
                    "its objects differ in the cluster"
                }
            }
            .to_owned(),
        })
        .collect();
    findings.extend(secrets(state)?);
    Ok(findings)
}

/// Secrets that objects name and that are not there.
fn secrets(state: &State) -> anyhow::Result<Vec<Finding>> {
    let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for object in state.objects.values() {
        let found = object.secrets();
        if !found.is_empty() {
            wanted.entry(&object.key.namespace).or_default().extend(found);
        }
    }
    let mut findings = Vec::new();
    for (namespace, names) in wanted {
        let there = kubectl(&["get", "secrets", "-n", namespace, "-o", "name"])?;
        let there: BTreeSet<&str> =
            there.lines().filter_map(|line| line.trim().strip_prefix("secret/")).collect();
        findings.extend(names.difference(&there).map(|name| Finding {
            code: &codes::SECRET,
            subject: format!("{namespace}/{name}"),
            text: "no such Secret: the edge serves its default certificate".to_owned(),
        }));
    }
    Ok(findings)
}

/// Runs kubectl.
fn kubectl(arguments: &[&str]) -> anyhow::Result<String> {
    let words = execute::kubectl();
    let program = &words[0];
    let done = Command::new(program)
        .args(&words[1..])
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !done.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
