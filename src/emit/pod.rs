//! The pods that keepalived runs in: a static pod as a file of the node, or a DaemonSet of the node's own with the files that a
//! new pod begins with.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar, ExecAction,
    HostPathVolumeSource, Namespace, Pod, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
    SeccompProfile, SecurityContext, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta as Metadata};
use serde::Serialize;
use serde_saphyr::LitStr;

use super::kubernetes::ManifestText;
use super::{BundleFile, Emitter, Files, MANAGED_BY, PART_OF, node_file};
use crate::bundle::{NodeFile, Place, sha256, short};
use crate::model::{DaemonForm, Entry};
use crate::plan::{Drain, NodePlan, PodPlan};

/// The namespace of everything that acts on nodes.
pub const NAMESPACE: &str = "lbgen-system";
/// The label of a pod, its DaemonSet and its ConfigMaps that says of which node they are.
pub const OF_NODE: &str = "lbgen.dev/node";
/// The volume with the files that a new pod begins with.
pub const BUNDLE_VOLUME: &str = "bundle";

/// The program of the containers, in the image.
const PROGRAM: &str = "/usr/local/libexec/lbgen/pod";
/// All that it needs (facts D46); without one of them it does not start, or believes a check that fails.
const CAPABILITIES: [&str; 5] = ["NET_ADMIN", "NET_RAW", "SETUID", "SETGID", "KILL"];
/// Those that a real-time priority needs too.
const OF_REAL_TIME: [&str; 2] = ["SYS_NICE", "IPC_LOCK"];
/// Folders of the node that outlive a pod: what the last step of a rollout has installed, its way back, and the drain.
const FOLDERS: [(&str, &str); 4] = [
    ("configuration", "/etc/keepalived"),
    ("lbgen", "/etc/lbgen"),
    ("rollout", "/var/lib/lbgen"),
    ("drain", Drain::DIRECTORY),
];

/// The name of a node's DaemonSet.
pub fn daemon_set(node: &str) -> String {
    format!("keepalived-{node}")
}

/// The pod of a node whose other files are these.
pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan, files: &[Vec<BundleFile>]) -> Files {
    let Some(plan) = &node.pod else { return Ok(Vec::new()) };
    let maker = Maker { emitter, node, plan };
    let file = match plan.form {
        DaemonForm::Host => return Ok(Vec::new()),
        DaemonForm::StaticPod => {
            let path = NodeFile::StaticPod.on(node.node.as_str()).to_string();
            let mut spec = maker.spec(None);
            // The kubelet replaces the pod some time after its file: a rollout waits for the one that was made from it.
            let digest = short(&sha256(serde_json::to_string(&spec)?)).to_owned();
            for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
                container.env.get_or_insert_default().push(variable("LBGEN_POD", &digest));
            }
            let mut text = ManifestText::new(emitter, path);
            text.add(&Pod {
                metadata: Metadata {
                    name: Some("lbgen-keepalived".to_owned()),
                    namespace: Some(NAMESPACE.to_owned()),
                    labels: Some(maker.labels()),
                    ..Metadata::default()
                },
                spec: Some(spec),
                status: None,
            })?;
            let body = text.finish(Vec::new()).body;
            node_file(node, NodeFile::StaticPod, 0o644, body.to_string())
        }
        DaemonForm::DaemonSet => {
            let files = maker.config_map(files);
            let path = Place::Pod(node.node.as_str()).to_string();
            let mut text = ManifestText::new(emitter, path);
            let name = files.metadata.name.clone();
            text.add(&files)?;
            text.add(&maker.daemon_set(name))?;
            text.finish(vec![Entry::Node(node.node.clone())])
        }
    };
    Ok(vec![file])
}

/// The namespace, where any node has a pod.
pub(super) fn namespace(
    emitter: &Emitter<'_>,
    files: &[BundleFile],
) -> anyhow::Result<Option<BundleFile>> {
    let is_pod = |file: &BundleFile| {
        matches!(
            Place::of(&file.path),
            Place::Pod(_) | Place::Node { file: NodeFile::StaticPod, .. }
        )
    };
    if !files.iter().any(is_pod) {
        return Ok(None);
    }
    let mut text = ManifestText::new(emitter, Place::PodNamespace.to_string());
    text.comment("Pods that have the network of their node are admitted by no stricter standard.");
    text.add(&Namespace {
        metadata: Metadata {
            name: Some(NAMESPACE.to_owned()),
            labels: Some(strings([
                (MANAGED_BY, "lbgen"),
                ("pod-security.kubernetes.io/enforce", "privileged"),
            ])),
            ..Metadata::default()
        },
        ..Namespace::default()
    })?;
    Ok(Some(text.finish(vec![Entry::Datacenter])))
}

/// core/v1 ConfigMap, its files line by line: a change is read in a diff.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigMap<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    immutable: bool,
    data: BTreeMap<String, LitStr<'a>>,
}

/// The objects of one node.
struct Maker<'a> {
    emitter: &'a Emitter<'a>,
    node: &'a NodePlan,
    plan: &'a PodPlan,
}

impl Maker<'_> {
    fn labels(&self) -> BTreeMap<String, String> {
        strings([
            ("app.kubernetes.io/name", "keepalived"),
            (MANAGED_BY, "lbgen"),
            (PART_OF, self.plan.part_of.as_str()),
            (OF_NODE, self.node.node.as_str()),
        ])
    }

    fn metadata(&self, name: String) -> Metadata {
        Metadata {
            name: Some(name),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some(self.labels()),
            ..Metadata::default()
        }
    }

    /// The files that a new pod begins with, under a name that says which they are: it never changes.
    fn config_map<'b>(&self, files: &'b [Vec<BundleFile>]) -> ConfigMap<'b> {
        let own = files.iter().flatten().filter_map(|file| match Place::of(&file.path) {
            Place::Node { file: place, .. } if place.is_in_pod() => {
                let name = place.to_string();
                let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
                Some((name, LitStr(&file.body)))
            }
            _ => None,
        });
        let data: BTreeMap<String, LitStr<'b>> = own.collect();
        let all: Vec<String> =
            data.iter().map(|(name, body)| format!("{name} {}\n", sha256(body.0))).collect();
        let digest = &sha256(all.concat())[..10];
        ConfigMap {
            api_version: "v1",
            kind: "ConfigMap",
            metadata: self.metadata(format!("{}-{digest}", daemon_set(self.node.node.as_str()))),
            data,
            immutable: true,
        }
    }

    fn daemon_set(&self, files: Option<String>) -> DaemonSet {
        let own = ["app.kubernetes.io/name", OF_NODE];
        let mut selector = self.labels();
        selector.retain(|label, _| own.contains(&label.as_str()));
        DaemonSet {
            metadata: self.metadata(daemon_set(self.node.node.as_str())),
            spec: Some(DaemonSetSpec {
                selector: LabelSelector {
                    match_labels: Some(selector),
                    ..LabelSelector::default()
                },
                template: PodTemplateSpec {
                    metadata: Some(Metadata { labels: Some(self.labels()), ..Metadata::default() }),
                    spec: Some(self.spec(files)),
                },
                // A rollout decides when a pod is replaced.
                update_strategy: Some(DaemonSetUpdateStrategy {
                    type_: Some("OnDelete".to_owned()),
                    rolling_update: None,
                }),
                ..DaemonSetSpec::default()
            }),
            status: None,
        }
    }

    /// The pod, with the ConfigMap of its files; a static pod has none, its files are the node's.
    fn spec(&self, files: Option<String>) -> PodSpec {
        let has_files = files.is_some();
        let mut sweep = self.container("sweep", &["sweep"]);
        if has_files {
            let mounts = sweep.volume_mounts.get_or_insert_default();
            mounts.extend([mount(BUNDLE_VOLUME, "/bundle", true), mount("hold", "/hold", true)]);
        }
        let mut beside = vec![self.container("guard", &["guard"])];
        if let Some(metrics) = &self.emitter.metrics {
            let mut container = self.container("metrics", &["metrics"]);
            let mounts = container.volume_mounts.get_or_insert_default();
            mounts.push(mount("metrics", &metrics.directory, false));
            beside.push(container);
        }
        let mut first = vec![sweep];
        let mut containers = vec![self.keepalived()];
        if self.plan.has_sidecars {
            first.extend(beside.into_iter().map(|container| Container {
                restart_policy: Some("Always".to_owned()),
                ..container
            }));
        } else {
            containers.extend(beside);
        }
        let by_set = self.plan.form == DaemonForm::DaemonSet;
        PodSpec {
            automount_service_account_token: Some(false),
            containers,
            enable_service_links: Some(false),
            host_network: Some(true),
            init_containers: Some(first),
            node_selector: by_set
                .then(|| strings([("kubernetes.io/hostname", self.plan.hostname.as_str())])),
            priority_class_name: Some("system-node-critical".to_owned()),
            // A killed parent hands over only where another process is the first one (facts D47).
            share_process_namespace: Some(true),
            termination_grace_period_seconds: Some(30),
            tolerations: Some(vec![Toleration {
                operator: Some("Exists".to_owned()),
                ..Toleration::default()
            }]),
            volumes: Some(self.volumes(files)),
            ..PodSpec::default()
        }
    }

    /// No liveness probe: it would move VIPs.
    fn keepalived(&self) -> Container {
        let ready = Probe {
            exec: Some(ExecAction { command: Some(vec![PROGRAM.to_owned(), "ready".to_owned()]) }),
            period_seconds: Some(5),
            timeout_seconds: Some(10),
            ..Probe::default()
        };
        // In the foreground, its log to standard output.
        let arguments = ["-n", "-l", "-G"].map(str::to_owned);
        Container {
            args: Some(arguments.into()),
            readiness_probe: Some(ready),
            ..self.container("keepalived", &["run"])
        }
    }

    fn container(&self, name: &str, words: &[&str]) -> Container {
        // A folder of the node lies below /run.
        let mut mounts = vec![mount("run", "/run", false), mount("tmp", "/tmp", false)];
        mounts.extend(FOLDERS.iter().map(|(name, path)| mount(name, path, false)));
        let words = [PROGRAM].iter().chain(words).map(|word| (*word).to_owned());
        Container {
            name: name.to_owned(),
            image: Some(self.plan.image.to_string()),
            command: Some(words.collect()),
            env: Some(vec![
                variable("LBGEN_NODE", self.node.node.as_str()),
                variable("LBGEN_FORM", self.plan.form.word()),
            ]),
            // No limit of memory: a daemon that is killed for it leaves its VIPs behind.
            resources: Some(ResourceRequirements {
                requests: Some(BTreeMap::from([
                    ("cpu".to_owned(), Quantity("10m".to_owned())),
                    ("memory".to_owned(), Quantity("32Mi".to_owned())),
                ])),
                ..ResourceRequirements::default()
            }),
            security_context: Some(self.rights()),
            volume_mounts: Some(mounts),
            ..Container::default()
        }
    }

    fn rights(&self) -> SecurityContext {
        let real_time = OF_REAL_TIME.iter().filter(|_| self.node.rt_priority != 0);
        let added = CAPABILITIES.iter().chain(real_time).map(|name| (*name).to_owned());
        SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                add: Some(added.collect()),
                drop: Some(vec!["ALL".to_owned()]),
            }),
            read_only_root_filesystem: Some(true),
            run_as_user: Some(0),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..SecurityContext::default()
        }
    }

    fn volumes(&self, files: Option<String>) -> Vec<Volume> {
        let host = |name: &str, path: &str| Volume {
            name: name.to_owned(),
            host_path: Some(HostPathVolumeSource {
                path: path.to_owned(),
                type_: Some("DirectoryOrCreate".to_owned()),
            }),
            ..Volume::default()
        };
        let memory = |name: &str| Volume {
            name: name.to_owned(),
            empty_dir: Some(EmptyDirVolumeSource {
                medium: Some("Memory".to_owned()),
                size_limit: Some(Quantity("64Mi".to_owned())),
            }),
            ..Volume::default()
        };
        let mut volumes: Vec<Volume> =
            FOLDERS.iter().map(|(name, path)| host(name, path)).collect();
        volumes.extend([memory("run"), memory("tmp")]);
        if let Some(name) = files {
            // A pod starts without it: its node has the files, after the first time.
            let of_map = |volume: &str, name: String| Volume {
                name: volume.to_owned(),
                config_map: Some(ConfigMapVolumeSource {
                    name,
                    optional: Some(true),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            };
            volumes.push(of_map(BUNDLE_VOLUME, name));
            // While a rollout has it there, a new pod starts no keepalived.
            let hold = format!("keepalived-hold-{}", self.node.node);
            volumes.push(of_map("hold", hold));
        }
        if let Some(metrics) = &self.emitter.metrics {
            volumes.push(host("metrics", &metrics.directory));
        }
        volumes
    }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

fn strings<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
