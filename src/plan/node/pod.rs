//! The pod that keepalived runs in.

use super::Planner;
use crate::model::{DaemonForm, Image, Label, LabelValue, Name as _};

/// The pod of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPlan {
    /// A static pod, or that of a DaemonSet.
    pub form: DaemonForm,
    /// The image of its containers.
    pub image: Image,
    /// The datacenter, for its labels.
    pub part_of: Label,
    /// The label `kubernetes.io/hostname` of the node.
    pub hostname: String,
    /// The name of the node as labels of ours have it.
    pub label: String,
    /// True where a container beside keepalived can outlive it by right: native sidecars (KEP-753, Kubernetes 1.29).
    pub has_sidecars: bool,
}

impl Planner<'_> {
    pub(super) fn pod(&self) -> Option<PodPlan> {
        let pod = self.datacenter.keepalived.pod.as_ref()?;
        let hostname = self.node.hostname.as_ref();
        let hostname = hostname.map_or(self.name.to_string(), ToString::to_string);
        let has_label = LabelValue::parse(self.name.as_str()).is_some();
        Some(PodPlan {
            label: if has_label { self.name.to_string() } else { hostname.clone() },
            form: pod.form,
            image: pod.image.value.clone(),
            part_of: self.datacenter.name.clone(),
            hostname,
            has_sidecars: self.datacenter.kubernetes.version.at_least(29),
        })
    }
}
