//! ([`State`], [`State`]) -> [`Impact`]: what a change does to traffic, by class, worst first. Nothing that changes is
//! without a subject and a reason.

mod answer;
mod attachment;
mod canary;
mod changed;
mod cluster;
mod difference;
mod domain;
mod domains;
mod entrypoint;
mod exposed;
mod gateway;
mod lvs;
mod machines;
mod monitoring;
mod node;
mod obsolete;
mod reader;
mod request_routing;
mod reroute;
mod row;
mod served;
mod verdict;
mod vip;
mod virtual_host;
mod wanted;

pub use changed::changed_files;
pub use lvs::unbalanced;
pub use node::{Daemon, NodeChange};
pub(crate) use obsolete::Obsolete;
pub use wanted::wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::bundle::{ChangeKind, Controllers, NodeFile, Place};
use crate::language::version::KeepalivedVersion;
use crate::model::Entry;
use crate::state::{Object, State};

/// The effect of a change on a subject, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Something that was served is not any more.
    Unreachable,
    /// A field that the API server refuses to change.
    Recreate,
    /// Reloaded in any order, two nodes hold it for a while.
    Split,
    /// Nobody holds it for a while.
    Gap,
    /// Another node becomes MASTER.
    Moves,
    /// Other VIPs, another controller or another backend answer.
    Switches,
    /// Its paths go to the legacy proxy.
    ToFallback,
    /// Its paths leave the legacy proxy.
    FromFallback,
    /// Replies leave another way.
    Reroutes,
    /// Another Secret, or TLS comes or goes.
    Tls,
    /// Another node comes after the MASTER.
    Order,
    /// Something changes, and nothing here understands what that does.
    Unknown,
    /// Kernel keys, units, scripts.
    Settings,
    /// Not there any more.
    Removed,
    /// Timers, preemption, tracking, peers, annotations: in place.
    Tuned,
    /// Was not there.
    New,
    /// Comments and order only.
    Text,
}

// Nothing is missing in the list.
const _: () = assert!(Class::Text as usize + 1 == Class::ALL.len());

impl Class {
    /// Every class, worst first.
    pub const ALL: [Self; 17] = [
        Self::Unreachable,
        Self::Recreate,
        Self::Split,
        Self::Gap,
        Self::Moves,
        Self::Switches,
        Self::ToFallback,
        Self::FromFallback,
        Self::Reroutes,
        Self::Tls,
        Self::Order,
        Self::Unknown,
        Self::Settings,
        Self::Removed,
        Self::Tuned,
        Self::New,
        Self::Text,
    ];

    /// As tables and JSON write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Recreate => "recreate",
            Self::Split => "split",
            Self::Gap => "gap",
            Self::Moves => "moves",
            Self::Switches => "switches",
            Self::ToFallback => "to-fallback",
            Self::FromFallback => "from-fallback",
            Self::Reroutes => "reroutes",
            Self::Tls => "tls",
            Self::Order => "order",
            Self::Unknown => "unknown",
            Self::Settings => "settings",
            Self::Removed => "removed",
            Self::Tuned => "tuned",
            Self::New => "new",
            Self::Text => "text",
        }
    }
}

/// The subject of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Something that an inventory names.
    Entry(Entry),
    /// `files[PATH]`
    File(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(entry) => entry.fmt(f),
            Self::File(path) => write!(f, "files[{path}]"),
        }
    }
}

/// One thing that a change does.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The class of the effect.
    pub class: Class,
    /// The subject that is affected.
    pub subject: Subject,
    /// The reason, in words.
    pub reason: String,
    /// The MASTER, or who answered, before.
    pub from: Option<String>,
    /// The MASTER, or who answers, after.
    pub to: Option<String>,
    /// The time for which something is silent.
    pub silent: Option<Duration>,
    /// The files that say so.
    pub files: BTreeSet<String>,
}

/// The effects of a change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Impact {
    /// Worst first; a subject may have several.
    pub findings: Vec<Finding>,
    /// The change of each node's daemon.
    pub nodes: Vec<NodeChange>,
}

/// A file that differs.
#[derive(Debug, Clone, Copy)]
pub struct ChangedFile<'a> {
    /// Below the bundle's folder.
    pub path: &'a str,
    /// The kind of the difference.
    pub kind: ChangeKind,
    /// True where only comments and empty lines differ.
    pub is_text: bool,
}

/// Returns true if two texts differ in comments and empty lines only: of shell, YAML and keepalived alike.
pub fn is_same_but_comments(old: &str, new: &str) -> bool {
    fn lines(text: &str) -> impl Iterator<Item = &str> {
        text.lines().filter(|line| {
            let line = line.trim_start();
            // The first line of a script names its interpreter.
            line.starts_with("#!") || !(line.is_empty() || line.starts_with('#'))
        })
    }
    lines(old).eq(lines(new))
}

/// Two states and the files in which they differ.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// The running state.
    pub from: &'a State,
    /// The state after the change.
    pub to: &'a State,
    /// Every file that differs.
    pub changed: &'a [ChangedFile<'a>],
    /// The release of keepalived that the nodes run.
    pub version: KeepalivedVersion,
    /// The programs that read the objects of a state that names none.
    pub controllers: &'a Controllers,
}

impl<'a> Comparison<'a> {
    /// The programs that read the objects of each state.
    fn readers(self) -> [&'a Controllers; 2] {
        [self.from, self.to].map(|state| state.controllers.as_ref().unwrap_or(self.controllers))
    }
}

impl Impact {
    /// Returns the effects of a change on traffic.
    pub fn of(comparison: Comparison<'_>) -> Self {
        let mut findings = vip::findings(comparison);
        findings.extend(lvs::findings(comparison));
        findings.extend(node::findings(comparison));
        findings.extend(cluster::findings(comparison));
        findings.extend(exposed::findings(comparison));
        findings.extend(reader::findings(comparison));
        findings.extend(monitoring::findings(comparison));
        findings.iter_mut().for_each(|finding| finding.add_followers(comparison));
        findings.extend(unreadable(comparison));
        findings.extend(unexplained(comparison, &findings));
        let mut findings = merged(findings);
        findings.sort_by(|a, b| (a.class, &a.subject).cmp(&(b.class, &b.subject)));
        Self { findings, nodes: node::changes(comparison) }
    }

    /// Returns true if nothing happens.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.nodes.iter().all(|node| node.daemon == Daemon::Untouched)
    }
}

/// Merges findings that say the same of two files.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut once: Vec<Finding> = Vec::new();
    let mut places = BTreeMap::new();
    for finding in findings {
        let Finding { class, subject, reason, from, to, .. } = finding.clone();
        let key = (class, subject, reason, from, to);
        match places.get(&key) {
            Some(at) => {
                let known: &mut Finding = &mut once[*at];
                known.files.extend(finding.files);
            }
            None => {
                places.insert(key, once.len());
                once.push(finding);
            }
        }
    }
    once
}

/// Files that are no YAML on one side: what seems to come or go may have been there.
fn unreadable(comparison: Comparison<'_>) -> impl Iterator<Item = Finding> {
    let sides = [(comparison.from, "what runs"), (comparison.to, "the new bundle")];
    sides.into_iter().flat_map(move |(state, side)| {
        let broken = comparison.changed.iter().filter(|file| state.unreadable.contains(file.path));
        broken.map(move |file| {
            let reason = format!("not YAML in {side}; lbgen cannot say what this does");
            let subject = Subject::File(file.path.to_owned());
            Finding::new(Class::Unknown, subject, reason).in_files([file.path])
        })
    })
}

/// Files that no finding names: either they say the same, or nothing here can tell what they say.
fn unexplained(comparison: Comparison<'_>, findings: &[Finding]) -> Vec<Finding> {
    let named: BTreeSet<&str> =
        findings.iter().flat_map(|finding| &finding.files).map(String::as_str).collect();
    let open = comparison.changed.iter().filter(|file| !named.contains(file.path));
    open.filter_map(|file| {
        let (class, reason) = unmentioned(comparison, file)?;
        let subject = Subject::File(file.path.to_owned());
        Some(Finding::new(class, subject, reason).in_files([file.path]))
    })
    .collect()
}

/// Returns what is said of a file that no finding mentions, or `None` if nothing has to be.
fn unmentioned(comparison: Comparison<'_>, file: &ChangedFile<'_>) -> Option<(Class, String)> {
    const SAME: &str = "only comments or the order of lines change";
    let place = Place::of(file.path);
    if file.kind == ChangeKind::Mode && place != Place::List {
        return Some((Class::Text, "only its permissions change".to_owned()));
    }
    if file.is_text && place != Place::List {
        return Some((Class::Text, SAME.to_owned()));
    }
    let unknown = |what: &str| (Class::Unknown, format!("{what}; lbgen cannot say what this does"));
    let (from, to) = (comparison.from, comparison.to);
    let objects = |state: &'_ State| -> Vec<Object> {
        state.objects.values().filter(|object| object.file == file.path).cloned().collect()
    };
    Some(match place {
        Place::List => return None,
        // What differs beside instances and lists has been said of the node.
        Place::Node { file, .. } => match file {
            NodeFile::Configuration
            | NodeFile::PolicyRouting(_)
            | NodeFile::Expected
            | NodeFile::Metrics(_) => (Class::Text, SAME.to_owned()),
            NodeFile::Sysctl
            | NodeFile::Networkd
            | NodeFile::Unit
            | NodeFile::Tmpfiles
            | NodeFile::StaticPod
            | NodeFile::Loaded
            | NodeFile::MetricsService
            | NodeFile::MetricsTimer
            | NodeFile::Check(..)
            | NodeFile::Foreign(_) => unknown("changed"),
        },
        Place::Domain(_)
        | Place::Component(_)
        | Place::Service(_)
        | Place::Fallback(_)
        | Place::Gateway(_)
        | Place::Listeners { .. }
            if objects(from) == objects(to) =>
        {
            (Class::Text, SAME.to_owned())
        }
        Place::Domain(_)
        | Place::Component(_)
        | Place::Service(_)
        | Place::Fallback(_)
        | Place::Gateway(_)
        | Place::Listeners { .. } => unknown(match file.kind {
            ChangeKind::Added => "new",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed | ChangeKind::Mode | ChangeKind::Renamed => "its objects differ",
        }),
        // What is more has been said of it.
        Place::Kustomization if file.kind != ChangeKind::Changed => return None,
        Place::Kustomization => (Class::Text, SAME.to_owned()),
        // A pod that runs takes its files from a rollout.
        Place::Pod(_) => (Class::Text, "the files that a new pod would begin with".to_owned()),
        Place::PodNamespace => (Class::Settings, "the namespace of keepalived's pods".to_owned()),
        // Only its comments differ.
        Place::PrometheusRule | Place::Monitoring(_) => (Class::Text, SAME.to_owned()),
        Place::StatusScript | Place::Foreign(_) => unknown("changed"),
    })
}

impl Finding {
    fn new(class: Class, subject: impl Into<Subject>, reason: impl Into<String>) -> Self {
        Self {
            class,
            subject: subject.into(),
            reason: reason.into(),
            from: None,
            to: None,
            silent: None,
            files: BTreeSet::new(),
        }
    }

    /// A node's `expected` and the digest in its metrics follow its configuration: a finding about that is about them.
    fn add_followers(&mut self, comparison: Comparison<'_>) {
        let followers = comparison.changed.iter().filter_map(|file| {
            let Place::Node { node, file: NodeFile::Expected | NodeFile::Metrics(_) } =
                Place::of(file.path)
            else {
                return None;
            };
            let conf = NodeFile::Configuration.on(node).to_string();
            self.files.contains(&conf).then(|| file.path.to_owned())
        });
        let followers: Vec<String> = followers.collect();
        self.files.extend(followers);
    }

    fn in_files<'a>(mut self, files: impl IntoIterator<Item = &'a str>) -> Self {
        self.files.extend(files.into_iter().map(str::to_owned));
        self
    }
}

impl From<Entry> for Subject {
    fn from(entry: Entry) -> Self {
        Self::Entry(entry)
    }
}
