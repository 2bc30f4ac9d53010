//! The configuration language of keepalived, as anybody writes it and as keepalived takes it (keepalived.conf(5)):
//! text -> lines -> statements -> drafts -> a configuration with every default and correction of its release applied.
//! After that nobody asks what was written.

mod complete;
mod draft;
mod grammar;
mod group;
mod include;
mod instance;
mod line;
mod number;
mod reload;
mod statement;
mod track;
mod variable;

pub use group::SyncGroup;
pub use instance::{
    Address, Advert, Authentication, Identity, Instance, Line, Preemption, Transport, Vmac,
};
pub use statement::Statement;
pub use track::{Effect, Track, Tracked, Weight};

use std::collections::BTreeMap;

use crate::bundle::NodeFile;
use crate::language::version::KeepalivedVersion;
use crate::source::FileId;
use crate::state::remark::{Kind, Remark};
use crate::state::{Interfaces, Tree};

/// A keepalived.conf, with its includes.
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
    /// `vrrp_track_process`es, by name.
    pub processes: BTreeMap<String, Process>,
    /// The statements of `global_defs`.
    pub global: Vec<Statement>,
    /// Every other statement of the top level: LVS, static routes and rules, BFD.
    pub others: Vec<Statement>,
    /// keepalived exits with this file: nothing in it holds an address.
    pub is_refused: bool,
    /// True if it includes other files.
    pub has_includes: bool,
}

/// `vrrp_script`
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Its own, which an instance may override.
    pub weight: Weight,
    /// All of its statements.
    pub all: Vec<Statement>,
}

/// `track_file`: a file whose number changes priorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its path.
    pub path: String,
    /// Its own, which an instance may override; the number is multiplied with it.
    pub weight: Weight,
}

/// `vrrp_track_process`
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Its own, which an instance may override.
    pub weight: Weight,
    /// All of its statements.
    pub all: Statement,
}

/// Returns true if a file of a node may be part of its configuration.
pub(super) fn is_readable(path: &str) -> bool {
    path.contains("/etc/keepalived/") || path.ends_with(".conf")
}

/// A node and everything known of it beside its configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host<'a> {
    pub tree: &'a Tree,
    pub node: &'a str,
    /// Its files that may be part of a configuration.
    pub files: &'a BTreeMap<&'a str, FileId>,
    pub version: KeepalivedVersion,
    pub interfaces: &'a Interfaces,
}

impl Host<'_> {
    /// Its configuration; `None` where it has none.
    pub fn configuration(self) -> (Option<Configuration>, Vec<Remark>) {
        match self.statements() {
            Some((statements, has_includes, mut remarks)) => {
                let found = Configuration::of(statements, self, &mut remarks);
                (Some(Configuration { has_includes, ..found }), remarks)
            }
            None => (None, Vec::new()),
        }
    }

    /// Every statement of its configuration that keepalived takes, and whether some are included; `None` where it has
    /// none.
    pub fn statements(self) -> Option<(Vec<Statement>, bool, Vec<Remark>)> {
        let path = NodeFile::Configuration.on(self.node).to_string();
        self.tree.get(&path)?;
        let mut lines = line::Lines::read(self.tree, self.node, self.files, &path);
        let statements = statement::statements(lines.found, self.version, &mut lines.remarks);
        Some((statements, lines.has_includes, lines.remarks))
    }
}

impl Configuration {
    /// The user that runs scripts which name none.
    pub fn script_user(&self) -> &str {
        let written = self.global.iter().find(|found| found.key() == "script_user");
        written.and_then(|user| user.value()).unwrap_or("root")
    }

    fn of(statements: Vec<Statement>, host: Host<'_>, remarks: &mut Vec<Remark>) -> Self {
        let mut found = Self::default();
        let (mut drafts, mut groups) = (Vec::new(), Vec::new());
        let mut sessions: BTreeMap<String, Weight> = BTreeMap::new();
        for statement in statements {
            let name = statement.value().unwrap_or_default().to_owned();
            // A name is known from its definition on.
            let weight_of = |kind: Tracked, name: &str| match kind {
                Tracked::Script => Some(found.scripts.get(name)?.weight),
                Tracked::File => Some(found.files.get(name)?.weight),
                Tracked::Process => Some(found.processes.get(name)?.weight),
                Tracked::Bfd => sessions.get(name).copied(),
                Tracked::Interface => Some(Weight::default()),
            };
            let mut reader = draft::Reader { weight_of, remarks };
            match statement.key() {
                "vrrp_instance" => drafts.push(reader.draft(statement)),
                "vrrp_sync_group" => groups.push(group::read(&statement, &mut reader)),
                "global_defs" => found.global.extend(statement.block.unwrap_or_default()),
                "vrrp_script" => {
                    let script = Script::of(statement);
                    if script.all.iter().any(|inner| inner.key() == "script") {
                        found.scripts.entry(name).or_insert(script);
                    }
                }
                "track_file" | "vrrp_track_file" => {
                    found.files.entry(name).or_insert_with(|| Watched::of(&statement));
                }
                "vrrp_track_process" => {
                    let weight = Track::own_weight(statement.inner(), 0);
                    found.processes.entry(name).or_insert(Process { weight, all: statement });
                }
                "bfd_instance" => {
                    sessions.insert(name, Track::own_weight(statement.inner(), 0));
                    found.others.push(statement);
                }
                _ => found.others.push(statement),
            }
        }
        complete::complete(&mut found, drafts, groups, host.interfaces, remarks);
        found.is_refused = remarks.iter().any(|remark| remark.kind == Kind::Refused);
        found
    }

    /// A switch of `global_defs`.
    fn has_global(&self, key: &str) -> bool {
        let found = self.global.iter().rev().find(|statement| statement.key() == key);
        found.is_some_and(|statement| draft::truth(statement) == Some(true))
    }

    /// A value of `global_defs`; the last one counts.
    fn global_value(&self, key: &str) -> Option<&str> {
        self.global.iter().rev().find(|found| found.key() == key)?.value()
    }

    /// The instances that take part: none where keepalived exits.
    pub fn running(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|_| !self.is_refused)
    }

    /// The file that drains the node, where an instance follows one with weight 0.
    pub fn drain_file(&self, instance: &Instance) -> Option<&str> {
        let zero = |track: &&Track| track.weight == Weight::default();
        let track = instance.tracked(Tracked::File).find(zero)?;
        self.files.get(&track.name).map(|file| file.path.as_str())
    }
}

impl Script {
    fn of(statement: Statement) -> Self {
        let all = statement.block.unwrap_or_default();
        Self { weight: Track::own_weight(&all, 0), all }
    }
}

impl Watched {
    fn of(statement: &Statement) -> Self {
        let file = statement.inner().iter().find(|inner| inner.key() == "file");
        Self {
            path: file.and_then(Statement::value).unwrap_or_default().to_owned(),
            weight: Track::own_weight(statement.inner(), 1),
        }
    }
}
