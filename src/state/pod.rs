//! The pod that keepalived runs in on a node, as a file of the node or the DaemonSet of a bundle says.

use serde_json::Value;

use super::Tree;
use crate::bundle::{Home, NodeFile, Place};
use crate::emit::BUNDLE_VOLUME;
use crate::language::word::DaemonForm;

/// A pod of keepalived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// A static pod, or that of a DaemonSet.
    pub form: DaemonForm,
    /// Its specification without the name of the ConfigMap that it was made from: that changes with every configuration, and a
    /// pod that runs takes files from nobody but a rollout.
    spec: Value,
}

impl Pod {
    /// The pod of a node; `None` where the host starts keepalived.
    pub(super) fn of(tree: &Tree, node: &str) -> Option<Self> {
        let of_daemon_set = || {
            let text = tree.get(&Place::Pod(node).to_string())?;
            let documents: Vec<Value> = serde_saphyr::from_multiple(text).ok()?;
            let is_set = |value: &Value| value["kind"] == "DaemonSet";
            let set = documents.into_iter().find(is_set)?;
            Some(Self::new(DaemonForm::DaemonSet, set["spec"]["template"]["spec"].clone()))
        };
        let of_file = || {
            let text = tree.get(&NodeFile::StaticPod.on(node).to_string())?;
            let pod: Value = serde_saphyr::from_str(text).ok()?;
            Some(Self::new(DaemonForm::StaticPod, pod["spec"].clone()))
        };
        of_file().or_else(of_daemon_set)
    }

    /// The image of its containers.
    pub fn image(&self) -> Option<&str> {
        self.spec["containers"][0]["image"].as_str()
    }

    /// The label `kubernetes.io/hostname` of the node that a DaemonSet has it on.
    pub fn hostname(&self) -> Option<&str> {
        self.spec["nodeSelector"]["kubernetes.io/hostname"].as_str()
    }

    fn new(form: DaemonForm, mut spec: Value) -> Self {
        for volume in spec["volumes"].as_array_mut().into_iter().flatten() {
            if volume["name"] == BUNDLE_VOLUME {
                volume["configMap"] = Value::Null;
            }
        }
        Self { form, spec }
    }
}

/// The form of a node, by its pod.
pub fn form(pod: Option<&Pod>) -> DaemonForm {
    pod.map_or(DaemonForm::Host, |pod| pod.form)
}

/// Returns true if commands reach a node through the API server alone, of the pods that it has in several states: keepalived has
/// no other form there. The host's own files are out of reach then.
pub fn is_only_reached<'a>(pods: impl IntoIterator<Item = Option<&'a Pod>>) -> bool {
    let mut forms = pods.into_iter().map(form).peekable();
    forms.peek().is_some() && forms.all(|form| form == DaemonForm::DaemonSet)
}

/// The home of a node's own programs, by its pod.
pub fn home(pod: Option<&Pod>) -> Home {
    if pod.is_some() { Home::Pod } else { Home::Host }
}
