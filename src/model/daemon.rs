//! The pods in which keepalived runs, where the service manager of the host does not start it.

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
    for (name, node) in nodes.iter() {
        if node.hostname.is_none() && LabelValue::parse(name.as_str()).is_none() {
            report.push(
                Diagnostic::new(
                    &codes::NAME,
                    node.span,
                    format!("the cluster cannot have a node `{name}`"),
                    "longer than 63 characters, the most of the label `kubernetes.io/hostname`",
                )
                .help("write what the cluster calls it as `hostname`"),
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
        OF_HOST.contains(&program) || FOLDERS_OF_HOST.iter().any(|folder| below(&folder))
    };
    if let Some(word) = words.find(is_of_host) {
        report.push(
            Diagnostic::new(
                &codes::CHECK_OF_HOST,
                check.span,
                format!("a pod of keepalived cannot check this: `{word}` is about the host"),
                "the check runs in the pod, which does not see the host's processes",
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
