//! Which inventories: a file, standard input, or a directory as a fleet.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use glob::Pattern;

use super::session::{Loaded, Session};
use crate::diag::{Report, nearest};
use crate::inventory::{self, Fleet, Library, lock, raw};
use crate::source::{Loc, Sources};

/// Which inventories.
#[derive(clap::Args, Clone)]
pub struct Input {
    /// An inventory file, a directory of inventories (a fleet), or `-` for standard input (without a lock)
    #[arg(default_value = "inventory.yaml", value_name = "INVENTORY")]
    pub inventory: PathBuf,
    /// Only these datacenters of a fleet, by names or patterns such as `eu*`
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    datacenter: Vec<String>,
    /// Plan everything anew where the lock is missing beside a rendered bundle: VIPs move and numbers change
    #[arg(long)]
    new_lock: bool,
}

/// A datacenter that a command is about.
pub struct Member {
    /// The session that holds what is read and found for it.
    pub session: Session,
    /// The inventory and lock that were read.
    pub loaded: Loaded,
}

/// The datacenters that a command is about.
pub struct Members {
    /// By the order of their files.
    pub list: Vec<Member>,
    /// True if they belong to a fleet, which may have only one.
    pub is_fleet: bool,
}

impl Input {
    /// For a command whose arguments are something else.
    pub fn of(inventory: PathBuf, datacenter: Vec<String>) -> Self {
        Self { inventory, datacenter, new_lock: false }
    }

    /// Returns true if the inventory is read from standard input.
    pub fn is_stdin(&self) -> bool {
        self.inventory.as_os_str() == "-"
    }

    /// [`Input::load`] for a command that cannot go on where the fleet as a whole has errors: they are said.
    pub fn read(&self, session: &mut Session) -> anyhow::Result<Option<Members>> {
        let members = self.load(session)?;
        Ok((!session.refuses()?).then_some(members))
    }

    /// Reads the inventories and their locks. What is wrong with the fleet as a whole is in the session's report; its
    /// sources have every file, under the ids that the members' sessions know.
    pub fn load(&self, session: &mut Session) -> anyhow::Result<Members> {
        session.here.with_inventory(&self.inventory);
        let is_fleet = !self.is_stdin() && self.inventory.is_dir();
        let mut read: Vec<(Loaded, Report)> = Vec::new();
        let mut keep = |path: &Path, inventory, mut report, sources: &mut Sources| {
            let mut loaded = Loaded::of(path, inventory, sources, &mut report)?;
            loaded.may_be_anew = self.new_lock;
            read.push((loaded, report));
            anyhow::Ok(())
        };
        let Session { sources, report: of_fleet, .. } = session;
        if self.is_stdin() {
            let mut report = Report::default();
            let inventory = inventory::load(&self.inventory, sources, &mut report)?;
            keep(&self.inventory, inventory, report, sources)?;
        } else {
            let Fleet { library, members } = match is_fleet {
                true => Fleet::read(&self.inventory, sources, of_fleet)?,
                false => Fleet::of_one(&self.inventory, sources)?,
            };
            for path in self.chosen(&library, members)? {
                let mut report = Report::default();
                let inventory = library.inventory(&path, &mut report);
                keep(&path, inventory, report, sources)?;
            }
        }
        if is_fleet {
            let inventories = || read.iter().filter_map(|(loaded, _)| loaded.inventory.as_ref());
            inventory::warn_of_shared(&inventories().collect::<Vec<_>>(), of_fleet);
            session.of_fleet = Arc::new(names(inventories()));
        }
        let list = read.into_iter().map(|(loaded, report)| {
            let name = is_fleet.then(|| loaded.datacenter().to_owned());
            Member { session: session.member(report, name), loaded }
        });
        Ok(Members { list: list.collect(), is_fleet })
    }

    /// The inventories that `--datacenter` asks for.
    fn chosen(&self, library: &Library, members: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
        if self.datacenter.is_empty() {
            return Ok(members);
        }
        let name = |path: &Path| {
            let path = path.canonicalize().ok()?;
            library.datacenter(&path).map(|name| name.value.to_owned())
        };
        let named: Vec<(Option<String>, PathBuf)> =
            members.into_iter().map(|path| (name(&path), path)).collect();
        let mut chosen = vec![false; named.len()];
        for written in &self.datacenter {
            let pattern = Pattern::new(written)
                .with_context(|| format!("--datacenter {written} is not a pattern"))?;
            let before = chosen.clone();
            for (chosen, (name, _)) in chosen.iter_mut().zip(&named) {
                *chosen |= name.as_ref().is_some_and(|name| pattern.matches(name));
            }
            let known: Vec<&str> = named.iter().filter_map(|(name, _)| name.as_deref()).collect();
            if chosen == before && !known.iter().any(|name| pattern.matches(name)) {
                match nearest(written, &known) {
                    Some(near) => {
                        bail!("no datacenter is called `{written}`; did you mean `{near}`?")
                    }
                    None => {
                        bail!("no datacenter is called `{written}`; valid: {}", known.join(", "))
                    }
                }
            }
        }
        Ok(named
            .into_iter()
            .zip(chosen)
            .filter(|(_, chosen)| *chosen)
            .map(|((_, path), _)| path)
            .collect())
    }
}

/// The nodes, zones and entrypoints that any of the datacenters has.
fn names<'a>(inventories: impl Iterator<Item = &'a raw::Inventory>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for raw in inventories {
        let nodes = raw.nodes.iter().flat_map(|map| map.iter());
        for (name, entry) in nodes {
            names.insert(name.clone());
            let zone = entry.value.as_ref().and_then(|node| node.zone.as_ref());
            names.extend(zone.map(|zone| zone.value.text.clone()));
        }
        names.extend(raw.entrypoints.iter().flat_map(|map| map.keys().cloned()));
    }
    names
}

impl Loaded {
    /// An inventory, and the lock beside it.
    fn of(
        path: &Path,
        inventory: Option<inventory::raw::Inventory>,
        sources: &mut Sources,
        report: &mut Report,
    ) -> anyhow::Result<Self> {
        let lock_path = lock::path(path);
        let lock_text = lock_path.as_deref().and_then(|path| std::fs::read_to_string(path).ok());
        let lock = match &lock_path {
            Some(path) => lock::load(path, sources, report)?,
            None => None,
        };
        let name = match path.file_name() {
            // It stands in comments of scripts.
            Some(name) if path.as_os_str() != "-" => {
                name.to_string_lossy().replace(char::is_control, "?")
            }
            _ => "standard input".to_owned(),
        };
        let written = inventory.as_ref().and_then(|raw| raw.datacenter.as_ref());
        let datacenter =
            written.map(|name| Loc { value: name.value.text.clone(), span: name.span });
        Ok(Self { inventory, datacenter, lock, lock_text, lock_path, name, may_be_anew: false })
    }
}
