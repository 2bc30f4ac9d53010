//! The pod that keepalived runs in.

use super::{NodePlan, Planner};
use crate::diag::{Diagnostic, Report};
use crate::model::{DaemonForm, Datacenter, Image, Label, codes};

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
    /// True where a container beside keepalived can outlive it by right: native sidecars (KEP-753, Kubernetes 1.29).
    pub has_sidecars: bool,
}

/// The most bytes of an annotation (apimachinery, TotalAnnotationSizeLimitB): `kubectl apply` keeps the whole object in one.
const LIMIT: usize = 262_144;
/// Bytes of a node's files besides its instances; of an instance, in all of them; and of each of its peers. Measured, and rounded
/// up.
const PROGRAMS: usize = 26_000;
const INSTANCE: usize = 1_600;
const PEER: usize = 30;

/// Reports nodes whose files no ConfigMap can bring. The sizes are near enough, and known before any file is written.
pub(in crate::plan) fn refuse_too_large(
    datacenter: &Datacenter,
    nodes: &[NodePlan],
    report: &mut Report,
) -> Option<()> {
    let Some(pod) = &datacenter.keepalived.pod else { return Some(()) };
    if pod.form != DaemonForm::DaemonSet {
        return Some(());
    }
    let size = |node: &NodePlan| {
        let instances = node.instances.iter();
        PROGRAMS + instances.map(|found| INSTANCE + PEER * found.peers.len()).sum::<usize>()
    };
    let largest = nodes.iter().map(|node| (size(node), &node.node)).max();
    let Some((largest, node)) = largest.filter(|(largest, _)| *largest > LIMIT) else {
        return Some(());
    };
    let title = format!(
        "the files of `{node}` are too large for a ConfigMap: about {} KiB",
        largest / 1024
    );
    report.push(
        Diagnostic::new(&codes::RANGE, pod.span, title, "`kubectl apply` takes 256 KiB")
            .note("the more VIPs a node may hold, and the more nodes each of them has, the larger they are")
            .help("write `run: static_pod`, or list fewer nodes in the VIPs' `nodes`"),
    );
    None
}

impl Planner<'_> {
    pub(super) fn pod(&self) -> Option<PodPlan> {
        let pod = self.datacenter.keepalived.pod.as_ref()?;
        let hostname = self.node.hostname.as_ref();
        let hostname = hostname.map_or(self.name.to_string(), |name| name.value.to_string());
        Some(PodPlan {
            form: pod.form,
            image: pod.image.value.clone(),
            part_of: self.datacenter.name.clone(),
            hostname,
            has_sidecars: self.datacenter.kubernetes.version.at_least(29),
        })
    }
}
