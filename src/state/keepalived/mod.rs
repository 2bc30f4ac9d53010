//! The configuration language of keepalived, as anybody writes it (keepalived.conf(5)).

mod instance;
mod known;
mod line;
mod statement;

pub use instance::{Address, Advert, Authentication, Instance, Preemption, Track};
pub use statement::Statement;

use std::collections::BTreeMap;

use crate::source::FileId;
use crate::state::{Remark, Tree};

/// What a keepalived.conf says, with its includes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configuration {
    /// VRRP instances, in the order of the file.
    pub instances: Vec<Instance>,
    /// Instances that go together.
    pub groups: Vec<SyncGroup>,
    /// `vrrp_script`s, by name.
    pub scripts: BTreeMap<String, Script>,
    /// `track_file`s, by name.
    pub files: BTreeMap<String, Watched>,
    /// The statements of `global_defs`.
    pub global: Vec<Statement>,
    /// Every other statement of the top level: LVS, static routes and rules, BFD.
    pub others: Vec<Statement>,
}

/// `vrrp_sync_group`
#[derive(Debug, Clone, PartialEq)]
pub struct SyncGroup {
    /// Its name.
    pub name: String,
    /// Names of instances.
    pub members: Vec<String>,
    /// Its other statements.
    pub others: Vec<Statement>,
}

/// `vrrp_script`
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// What it adds to a priority; 0 is FAULT.
    pub weight: i32,
    /// All of its statements.
    pub all: Vec<Statement>,
}

/// `track_file`: a file whose number changes priorities.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Its path.
    pub path: String,
    /// What its number is multiplied with; 0 is FAULT while that is not 0.
    pub weight: i32,
}

/// Whether a file of a node may be part of its configuration.
pub(super) fn is_readable(path: &str) -> bool {
    path.contains("/etc/keepalived/") || path.ends_with(".conf")
}

/// The configuration of a node of the tree; `None` where it has none.
pub(super) fn read(
    tree: &Tree,
    node: &str,
    files: &BTreeMap<&str, FileId>,
) -> (Option<Configuration>, Vec<Remark>) {
    match statements(tree, node, files) {
        Some((statements, mut remarks)) => {
            (Some(Configuration::of(statements, &mut remarks)), remarks)
        }
        None => (None, Vec::new()),
    }
}

/// Every statement of a node's configuration, as it stands; `None` where it has none.
pub(super) fn statements(
    tree: &Tree,
    node: &str,
    files: &BTreeMap<&str, FileId>,
) -> Option<(Vec<Statement>, Vec<Remark>)> {
    let path = format!("nodes/{node}/etc/keepalived/keepalived.conf");
    tree.get(&path)?;
    let (lines, mut remarks) = line::Lines::read(tree, node, files, &path);
    let statements = statement::statements(lines, &mut remarks);
    Some((statements, remarks))
}

impl Configuration {
    fn of(statements: Vec<Statement>, remarks: &mut Vec<Remark>) -> Self {
        let mut found = Self::default();
        let mut instances = Vec::new();
        for statement in statements {
            match (statement.key(), statement.value()) {
                ("global_defs", _) => found.global.extend(statement.block.unwrap_or_default()),
                ("vrrp_instance", Some(_)) => instances.push(statement),
                ("vrrp_sync_group", Some(name)) => {
                    let group = SyncGroup::of(name, &statement);
                    found.groups.push(group);
                }
                ("vrrp_script", Some(name)) => {
                    let name = name.to_owned();
                    found.scripts.insert(name, Script::of(statement));
                }
                ("track_file" | "vrrp_track_file", Some(name)) => {
                    let name = name.to_owned();
                    found.files.insert(name, Watched::of(&statement));
                }
                (key, _) => {
                    if !known::TOP.contains(&key) {
                        let text = format!("`{key}` is not a word that lbgen knows here");
                        remarks.push(Remark { at: statement.at, text });
                    }
                    found.others.push(statement);
                }
            }
        }
        let defaults = instance::Defaults::of(&found);
        let read = |statement: Statement| Instance::of(statement, &defaults, remarks);
        found.instances = instances.into_iter().map(read).collect();
        found
    }

    /// Whether an advert counts only if its sender is a peer (`vrrp_check_unicast_src`).
    pub fn checks_senders(&self) -> bool {
        self.has_global("vrrp_check_unicast_src")
    }

    fn has_global(&self, key: &str) -> bool {
        self.global.iter().any(|statement| statement.key() == key)
    }

    /// A number of `global_defs`.
    fn global_number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.global.iter().rev().find(|found| found.key() == key)?.value()?.parse().ok()
    }

    /// The file that drains the node, where an instance follows one with weight 0.
    pub fn drain_file(&self, instance: &Instance) -> Option<&str> {
        let zero =
            |track: &&Track| track.weight.unwrap_or_else(|| self.file_weight(&track.name)) == 0;
        let track = instance.files.iter().find(zero)?;
        self.files.get(&track.name).map(|file| file.path.as_str())
    }

    fn file_weight(&self, name: &str) -> i32 {
        self.files.get(name).map_or(1, |file| file.weight)
    }

    /// What a failing script does to an instance: `None` is FAULT.
    pub fn script_weight(&self, track: &Track) -> Option<i32> {
        let default = || self.scripts.get(&track.name).map_or(0, |script| script.weight);
        Some(track.weight.unwrap_or_else(default)).filter(|weight| *weight != 0)
    }
}

impl SyncGroup {
    fn of(name: &str, statement: &Statement) -> Self {
        let mut group = Self { name: name.to_owned(), members: Vec::new(), others: Vec::new() };
        for inner in statement.inner() {
            if inner.key() == "group" {
                // One on a line, or several.
                let rest = inner.words[1..].iter();
                let lines = inner.inner().iter().flat_map(|member| &member.words);
                group.members.extend(rest.chain(lines).cloned());
            } else {
                group.others.push(inner.clone());
            }
        }
        group
    }
}

impl Script {
    fn of(statement: Statement) -> Self {
        let all = statement.block.unwrap_or_default();
        let weight = all.iter().find(|inner| inner.key() == "weight");
        let weight = weight.and_then(|inner| inner.value()?.parse().ok());
        Self { weight: weight.unwrap_or(0), all }
    }
}

impl Watched {
    fn of(statement: &Statement) -> Self {
        let value = |key: &str| {
            statement
                .inner()
                .iter()
                .find(|inner| inner.key() == key)
                .and_then(|inner| inner.value())
        };
        Self {
            path: value("file").unwrap_or_default().to_owned(),
            weight: value("weight").and_then(|weight| weight.parse().ok()).unwrap_or(1),
        }
    }
}
