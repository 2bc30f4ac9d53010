//! The steps of every command that reads an inventory: load, check, plan, emit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::here::Here;
use super::{Format, Global, output};
use crate::bundle::{self, Controllers, Place};
use crate::diag::{self, Diagnostic, Report, Severity};
use crate::emit::{self, BundleFile, Templates};
use crate::inventory::{lock::RawLock, raw};
use crate::language::version::KeepalivedVersion;
use crate::model::{Label, Subdomain};
use crate::pipeline::{self, Options, Planned};
use crate::plan::{self, Keep, NodePlan, Plan};
use crate::source::{Loc, Sources};
use crate::view::json::{Diagnostics, Document};

/// One run: the options, the files read and what was found in them.
pub struct Session {
    pub global: Global,
    pub sources: Sources,
    pub report: Report,
    /// For commands to type next.
    pub here: Here,
    /// The nodes, zones and entrypoints of every datacenter of a fleet.
    pub of_fleet: Arc<BTreeSet<String>>,
    /// The messages kept for a person.
    said: RefCell<String>,
    /// True if the report is part of them.
    diagnosed: bool,
    /// The datacenter of a fleet that it is about.
    datacenter: Option<String>,
}

/// An inventory and its lock as they were read; nothing is read twice.
pub struct Loaded {
    /// `None` where it could not be read, and once a bundle was made of it.
    pub(super) inventory: Option<raw::Inventory>,
    /// The datacenter's name in the inventory, where it has one.
    pub(super) datacenter: Option<Loc<String>>,
    pub(super) lock: Option<RawLock>,
    /// The text that the lock was read from; `None` where there is none.
    pub(super) lock_text: Option<String>,
    /// None for an inventory from standard input.
    pub(super) lock_path: Option<PathBuf>,
    /// The name of the inventory in headers.
    pub(super) name: String,
    /// True if a missing lock is meant, although a bundle was rendered.
    pub(super) may_be_anew: bool,
}

/// The lock beside an inventory.
pub struct LockFile {
    pub path: PathBuf,
    /// The text that a render writes there.
    pub text: String,
    /// The text that stands there; empty if there is none.
    pub old: String,
    /// True if the two are the same.
    pub current: bool,
}

/// Everything that an inventory becomes.
pub struct Rendered {
    pub datacenter: Label,
    /// With `bundle.json`.
    pub files: Vec<BundleFile>,
    pub lock: Option<LockFile>,
    /// The release of keepalived that the nodes run.
    pub version: KeepalivedVersion,
    /// The failure domain of each node that has one.
    pub zones: BTreeMap<Subdomain, Label>,
    /// The controller that reads the Ingresses of each class.
    pub controllers: Controllers,
    /// The host to connect to, for each node that is not reached by its name.
    pub hosts: BTreeMap<Subdomain, String>,
    /// The name in the cluster of each node that has another one there.
    pub hostnames: BTreeMap<Subdomain, Subdomain>,
}

impl Rendered {
    /// Returns the text of `bundle.json`.
    pub fn list(&self) -> Option<&str> {
        let list = Place::List.to_string();
        let found = self.files.iter().find(|file| file.path == list);
        found.map(|file| &*file.body)
    }

    /// The lock, where a render has to write it.
    pub fn stale_lock(&self) -> Option<&LockFile> {
        self.lock.as_ref().filter(|lock| !lock.current)
    }
}

impl Session {
    pub fn new(global: Global) -> Self {
        Self {
            global,
            sources: Sources::default(),
            report: Report::default(),
            here: Here::default(),
            of_fleet: Arc::default(),
            said: RefCell::default(),
            diagnosed: false,
            datacenter: None,
        }
    }

    /// A session that begins once more.
    pub fn anew(&self) -> Self {
        Self { here: self.here.clone(), ..Self::new(self.global.clone()) }
    }

    /// A session for one datacenter: what it says is kept until [`Session::flush`].
    pub fn member(&self, report: Report, datacenter: Option<String>) -> Self {
        let (sources, here) = (self.sources.clone(), self.here.clone());
        let of_fleet = Arc::clone(&self.of_fleet);
        Self { report, datacenter, sources, here, of_fleet, ..Self::new(self.global.clone()) }
    }

    /// Prints what was kept for a person: the diagnostics, then the rest.
    pub fn flush(&mut self) {
        let said = self.said.take();
        // Errors are the answer itself of a JSON run; warnings of one that succeeded are for a person all the same.
        let answered = self.global.format == Format::Json && self.report.has_errors();
        let diagnosed = std::mem::take(&mut self.diagnosed) && !answered;
        if self.global.quiet {
            self.report.retain(|diagnostic| diagnostic.code.severity == Severity::Error);
        }
        if diagnosed && (self.report.has_errors() || !self.global.quiet) {
            output::say(&diag::render_human(&self.report, &self.sources, true));
        }
        if !said.is_empty() {
            output::say(&said);
        }
    }

    /// Takes over what a datacenter's session has to say. What two datacenters include is said once.
    pub fn absorb(&mut self, member: &Session) {
        self.diagnosed |= member.diagnosed;
        self.report.extend(&member.report);
        self.report.sort();
        self.said.borrow_mut().push_str(&member.said.take());
    }

    /// A person is to see the diagnostics; warnings not with `--quiet`. A JSON run that fails answers with them
    /// ([`Answer::failed`](super::answer::Answer::failed)).
    pub fn say_diagnostics(&mut self) {
        self.diagnosed = true;
    }

    /// Returns true if the command cannot go on: a person is to see why, and for a program it is the answer.
    pub fn refuses(&mut self) -> anyhow::Result<bool> {
        self.report.sort();
        self.say_diagnostics();
        let refuses = self.report.has_errors();
        if refuses && self.global.format == Format::Json {
            output::json(&Document::of(Diagnostics::of(&self.report, &self.sources)))?;
        }
        Ok(refuses)
    }

    /// Plans a valid inventory, or returns `None`; the report is complete and sorted either way.
    pub fn plan(&mut self, loaded: &Loaded, keep: Keep, allow: &[String]) -> Option<Planned> {
        let options = Options { source: &loaded.name, keep, allow };
        pipeline::run(loaded.inventory.as_ref(), loaded.lock.as_ref(), options, &mut self.report)
    }

    /// [`Session::plan`] for a command that cannot go on without one: what is wrong is said.
    pub fn valid_plan(&mut self, loaded: &Loaded) -> Option<Planned> {
        let planned = self.plan(loaded, Keep::Locked, &[]);
        if planned.is_some() {
            self.warn_of_missing_lock(loaded);
        }
        self.say_diagnostics();
        planned
    }

    /// The bundle in memory, to be compared with the one in `output`; `None` where the inventory has errors, which were
    /// then said.
    pub fn render(
        &mut self,
        loaded: &mut Loaded,
        output: &Path,
    ) -> anyhow::Result<Option<Rendered>> {
        let bundle = output.join(loaded.datacenter());
        let folder = self.global.templates.clone();
        // Planning keeps one core busy.
        let (planned, (newer, templates)) = rayon::join(
            || self.plan(loaded, Keep::Locked, &[]),
            || (bundle::newer_writer(&bundle), Templates::load(folder.as_deref())),
        );
        // Beside the files they would be a fifth of all memory.
        free((loaded.inventory.take(), loaded.lock.take()));
        if let Some(planned) = &planned {
            self.refuse_missing_lock(loaded, output, &planned.datacenter.name);
            if let Some(writer) = &newer {
                self.warn_of_newer(loaded, &bundle, writer);
            }
        }
        self.say_diagnostics();
        let is_right = !self.report.has_errors();
        let Some(Planned { plan, datacenter, .. }) = planned.filter(|_| is_right) else {
            return Ok(None);
        };
        let version = datacenter.keepalived.version;
        let zone = |node: &NodePlan| Some((node.node.clone(), node.zone.clone()?));
        let zones = plan.nodes.iter().filter_map(zone).collect();
        let controllers = Controllers::of(&datacenter);
        let hosts = datacenter.nodes.iter();
        let hosts = hosts.filter_map(|(name, node)| Some((name.clone(), node.host.clone()?)));
        let hosts = hosts.collect();
        let hostnames = datacenter
            .nodes
            .iter()
            .filter_map(|(name, node)| Some((name.clone(), node.hostname.as_ref()?.value.clone())));
        let hostnames = hostnames.collect();
        drop(datacenter);
        let lock = loaded.lock_file(&plan);
        let templates = templates?;
        let datacenter = plan.datacenter.clone();
        let mut files = emit::emit_last(plan, &templates)?;
        files.push(bundle::list_of(&files, &controllers)?);
        Ok(Some(Rendered {
            datacenter,
            files,
            lock,
            version,
            zones,
            controllers,
            hosts,
            hostnames,
        }))
    }

    /// Without its lock a fleet is planned anew, and what is shown may not be what runs. For commands that read no bundle:
    /// it is looked for where a render puts it, here or beside the inventory.
    pub fn warn_of_missing_lock(&self, loaded: &Loaded) {
        let Some(path) = &loaded.lock_path else { return };
        let beside = path.parent().unwrap_or(Path::new("")).join("out");
        let bundles = [Path::new("out"), &beside].map(|folder| folder.join(loaded.datacenter()));
        let bundle = bundles.iter().find(|bundle| bundle.join("bundle.json").exists());
        if let Some(bundle) = bundle.filter(|_| loaded.lacks_lock()) {
            self.note(&format!(
                "warning: {} is missing, but {} was rendered: numbers and orders are planned anew here, and may not be those that run; restore the lock from git",
                path.display(),
                bundle.display()
            ));
        }
    }

    /// Without its lock a fleet that runs would be planned anew.
    fn refuse_missing_lock(&mut self, loaded: &Loaded, output: &Path, datacenter: &Label) {
        let rendered = || output.join(datacenter.as_str()).join("bundle.json").exists();
        let (Some(path), Some(place)) = (&loaded.lock_path, &loaded.datacenter) else { return };
        if loaded.lacks_lock() && rendered() {
            self.report.push(
                Diagnostic::new(
                    &plan::codes::LOCK_MISSING,
                    place.span,
                    format!("{} is missing, but a bundle of `{datacenter}` was rendered", path.display()),
                    "planned anew",
                )
                .note("numbers and failover orders may differ from those that run: VIPs would move and VRRP instances would be recreated")
                .help(format!(
                    "restore the lock from git; `--new-lock` plans anew, and `{}` shows what that changes",
                    self.here.command_on_bundle("diff", &["--new-lock"])
                )),
            );
            self.report.sort();
        }
    }

    /// A later lbgen may write what this one does not know.
    fn warn_of_newer(&mut self, loaded: &Loaded, bundle: &Path, writer: &str) {
        let Some(place) = &loaded.datacenter else { return };
        let own = env!("CARGO_PKG_VERSION");
        self.report.push(
            Diagnostic::new(
                &plan::codes::NEWER,
                place.span,
                format!("{} was rendered by lbgen {writer}, and this is {own}", bundle.display()),
                "its bundle",
            )
            .note("a render brings the older form back")
            .help(format!("use lbgen {writer}")),
        );
        self.report.sort();
    }

    /// Says a line to a person who asked for more.
    pub fn detail(&self, text: impl FnOnce() -> String) {
        if self.global.verbose {
            self.note(&text());
        }
    }

    /// [`Session::note`] for what does not name the datacenter itself.
    pub fn remark(&self, text: &str) {
        match &self.datacenter {
            Some(name) => self.note(&format!("{name}: {text}")),
            None => self.note(text),
        }
    }

    /// Says a line to a person, whoever wants to hear it.
    pub fn say(&self, text: &str) {
        let mut said = self.said.borrow_mut();
        said.push_str(text);
        said.push('\n');
    }

    /// Says a line to a person who wants to hear it.
    pub fn note(&self, text: &str) {
        if !self.global.quiet && self.global.format == Format::Human {
            self.say(text);
        }
    }
}

/// Frees a large value on a thread that has nothing else to do; at the end of a run it goes with the process.
pub(super) fn free(value: impl Send + 'static) {
    rayon::spawn(move || drop(value));
}

impl Loaded {
    /// Returns the name of the inventory in headers.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the datacenter's name in the inventory, or the file's name if it has none.
    pub fn datacenter(&self) -> &str {
        self.datacenter.as_ref().map_or(&self.name, |name| &name.value)
    }

    /// Returns true if there is no lock, and nobody said that this is meant.
    fn lacks_lock(&self) -> bool {
        self.lock_text.is_none() && !self.may_be_anew
    }

    /// Returns true if somebody has changed the lock since it was read.
    pub fn is_stale(&self) -> bool {
        let path = self.lock_path.as_deref();
        path.is_some_and(|path| std::fs::read_to_string(path).ok() != self.lock_text)
    }

    /// The lock of a plan; `None` for an inventory from standard input.
    pub fn lock_file(&self, plan: &Plan) -> Option<LockFile> {
        let path = self.lock_path.clone()?;
        let text = plan::lock::text(plan);
        let current = self.lock_text.as_ref() == Some(&text);
        let old = self.lock_text.clone().unwrap_or_default();
        Some(LockFile { path, text, old, current })
    }
}
