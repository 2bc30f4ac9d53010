//! The pods in which keepalived runs, where the service manager of the host does not start it.

use std::collections::BTreeMap;

use super::{Entrypoint, Keepalived, Names, Node, NodeCheck, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::codes::MISSING_KEY;
use crate::inventory::raw;
use crate::language::name::{Image, Label, LabelValue, Name as _, Subdomain};
use crate::language::word::DaemonForm;
use crate::source::{Loc, Span};

/// Pods of one form, a pod per node.
#[derive(Debug)]
pub struct Pod {
    /// A static pod, or that of a DaemonSet.
    pub form: DaemonForm,
    /// The place of `run`.
    pub span: Span,
    /// The image of all of its containers.
    pub image: Loc<Image>,
}

/// The pods; nothing where the host starts keepalived, `None` where they cannot be read.
pub(super) fn build(raw: Option<&raw::Keepalived>, report: &mut Report) -> Option<Option<Pod>> {
    let Some(raw) = raw else { return Some(None) };
    let image = raw.image.as_ref();
    let image = image.map(|raw| value::name_of(raw, "an image", report).map(|name| raw.with(name)));
    let Some(run) = raw.run.as_ref() else { return Some(None) };
    let form = value::word(run, "run", report)?;
    if form == DaemonForm::Host {
        return Some(None);
    }
    let Some(image) = image else {
        report.push(
            Diagnostic::new(
                &MISSING_KEY,
                run.span,
                format!("`run: {form}` needs an `image`"),
                "the image of these pods is not named",
            )
            .help("build `packaging/keepalived/Containerfile`, push it, and write `image: REGISTRY/PATH@sha256:DIGEST`"),
        );
        return None;
    };
    Some(Some(Pod { form, span: run.span, image: image? }))
}

/// Programs that ask the processes or the service manager of the host, which a pod does not see.
const OF_HOST: &[&str] = &[
    "crictl",
    "docker",
    "journalctl",
    "kill",
    "killall",
    "nsenter",
    "pgrep",
    "pidof",
    "podman",
    "ps",
    "rc-service",
    "service",
    "supervisorctl",
    "systemctl",
];

/// Folders of the host that its services write to.
const FOLDERS_OF_HOST: &[&str] = &["/proc", "/run", "/var/run"];

/// Reports what keepalived cannot do in a pod.
pub(super) fn refuse(
    keepalived: &Keepalived,
    nodes: &Names<Subdomain, Node>,
    node_check: Option<&NodeCheck>,
    entrypoints: &Names<Label, Entrypoint>,
    report: &mut Report,
) {
    let Some(pod) = &keepalived.pod else { return };
    let checks = entrypoints.iter().flat_map(|(_, entrypoint)| entrypoint.checks());
    for check in checks.chain(node_check) {
        refuse_of_host(check, report);
    }
    if pod.form == DaemonForm::DaemonSet {
        for (name, entrypoint) in entrypoints.iter() {
            refuse_of_api_server(pod, name, entrypoint, report);
        }
    }
    refuse_names(nodes, report);
}

/// Names that no label can have, and those of two nodes that the cluster calls alike: their pods would share a machine.
fn refuse_names(nodes: &Names<Subdomain, Node>, report: &mut Report) {
    let mut known: BTreeMap<&str, Span> = BTreeMap::new();
    for (name, node) in nodes.iter() {
        let hostname = node.hostname.as_ref();
        let (called, span) = hostname.map_or((name, node.span), |found| (&found.value, found.span));
        for (text, span) in [(name, node.span), (called, span)] {
            if LabelValue::parse(text.as_str()).is_none() {
                let title = format!("pods cannot have the label `{text}`");
                let label = "a node's name is a label of its pod: at most 63 characters";
                report.push(Diagnostic::new(&codes::NAME, span, title, label));
                return;
            }
        }
        if let Some(first) = known.insert(called.as_str(), span) {
            let title = format!("two nodes are `{called}` in the cluster");
            report.push(
                Diagnostic::new(&codes::NAME, span, title, "one machine, and two pods on it")
                    .also(first, "the first one")
                    .help("write for each node what `kubectl get nodes` calls it as `hostname`"),
            );
        }
    }
}

/// A check of processes, which are the host's.
fn refuse_of_host(check: &NodeCheck, report: &mut Report) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let mut words = check.command.as_str().split(|c| !is_word(c)).filter(|word| !word.is_empty());
    let is_of_host = |word: &&str| {
        let program = word.rsplit('/').next().unwrap_or(word);
        let below =
            |folder: &&str| word.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
        // The network of the node is the pod's too.
        let is_network = word.starts_with("/proc/sys/net/") || word.starts_with("/proc/net/");
        OF_HOST.contains(&program) || !is_network && FOLDERS_OF_HOST.iter().any(below)
    };
    if let Some(word) = words.find(is_of_host) {
        report.push(
            Diagnostic::new(
                &codes::CHECK_OF_HOST,
                check.span,
                format!("a pod of keepalived cannot check this: `{word}` is about the host"),
                "the check runs in the pod, which sees neither the host's processes nor its /run",
            )
            .help("ask the service over the network, such as `/usr/bin/curl -fsS -m 1 http://127.0.0.1:8080/health`, or keep `run: host`"),
        );
    }
}

/// Signs of a check that asks the API server: its port, its health endpoints, its name.
const API_SERVER: &[&str] = &[":6443", "/livez", "/readyz", "kube-apiserver"];

/// The pods of a DaemonSet are started by the API server, which could not be reached by a VIP that they hold.
fn refuse_of_api_server(pod: &Pod, name: &Label, entrypoint: &Entrypoint, report: &mut Report) {
    let asks =
        |check: &&NodeCheck| API_SERVER.iter().any(|sign| check.command.as_str().contains(sign));
    let is_api_server = matches!(name.as_str(), "kube-apiserver" | "apiserver" | "kubernetes-api");
    let check = entrypoint.checks().find(asks);
    if entrypoint.tiers().is_some() || !is_api_server && check.is_none() {
        return;
    }
    let span = check.map_or(entrypoint.span, |check| check.span);
    report.push(
        Diagnostic::new(
            &codes::API_SERVER,
            span,
            format!("`{name}` is a VIP of the API server, which a DaemonSet cannot hold"),
            "its pods start only where the API server is reached already",
        )
        .also(pod.span, "started by a DaemonSet")
        .help("write `run: static_pod`, or `run: host`"),
    );
}
