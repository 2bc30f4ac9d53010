//! What every command that reads an inventory does: load, check, plan, emit.

use std::path::{Path, PathBuf};

use super::{Format, Global, output};
use crate::bundle;
use crate::diag::{self, Report};
use crate::emit::{self, BundleFile, Templates};
use crate::inventory::{self, lock::RawLock, raw};
use crate::model::Label;
use crate::pipeline::{self, Options, Planned};
use crate::plan::{self, Keep, Plan};
use crate::source::Sources;

/// One run: the options, the files read and what was found in them.
pub struct Session {
    pub global: Global,
    pub sources: Sources,
    pub report: Report,
}

/// An inventory and its lock as they were read; nothing is read twice.
pub struct Loaded {
    inventory: Option<raw::Inventory>,
    lock: Option<RawLock>,
    /// None for an inventory from standard input.
    lock_path: Option<PathBuf>,
    /// What headers call the inventory.
    name: String,
}

/// The lock beside an inventory.
pub struct LockFile {
    pub path: PathBuf,
    /// What a render writes there.
    pub text: String,
    /// Whether that is what stands there.
    pub current: bool,
}

/// Everything that an inventory becomes.
pub struct Rendered {
    pub datacenter: Label,
    /// With `bundle.json`.
    pub files: Vec<BundleFile>,
    pub lock: Option<LockFile>,
}

impl Session {
    pub fn new(global: Global) -> Self {
        Self { global, sources: Sources::default(), report: Report::default() }
    }

    /// Reads an inventory and its lock.
    pub fn load(&mut self, path: &Path) -> anyhow::Result<Loaded> {
        let inventory = inventory::load(path, &mut self.sources, &mut self.report)?;
        let lock_path = inventory::lock::path(path);
        let lock = match &lock_path {
            Some(path) => inventory::lock::load(path, &mut self.sources, &mut self.report)?,
            None => None,
        };
        let name = match path.file_name() {
            // It stands in comments of scripts.
            Some(name) if path.as_os_str() != "-" => {
                name.to_string_lossy().replace(char::is_control, "?")
            }
            _ => "standard input".to_owned(),
        };
        Ok(Loaded { inventory, lock, lock_path, name })
    }

    /// What is planned, where the inventory is valid; the report is complete and sorted either way.
    pub fn plan(&mut self, loaded: &Loaded, keep: Keep, allow: &[String]) -> Option<Planned> {
        let options = Options { source: &loaded.name, keep, allow };
        pipeline::run(loaded.inventory.as_ref(), loaded.lock.as_ref(), options, &mut self.report)
    }

    /// [`Session::plan`] for a command that cannot go on without one: what is wrong is said.
    pub fn valid_plan(&mut self, loaded: &Loaded) -> anyhow::Result<Option<Planned>> {
        let planned = self.plan(loaded, Keep::Locked, &[]);
        self.say_diagnostics()?;
        Ok(planned)
    }

    /// The bundle in memory; `None` where the inventory has errors, which were then said.
    pub fn render(&mut self, loaded: &Loaded) -> anyhow::Result<Option<Rendered>> {
        let Some(Planned { plan, .. }) = self.valid_plan(loaded)? else { return Ok(None) };
        let templates = Templates::load(self.global.templates.as_deref())?;
        let mut files = emit::emit(&plan, &templates)?;
        files.push(bundle::manifest_of(&files)?);
        let lock = loaded.lock_file(&plan);
        Ok(Some(Rendered { datacenter: plan.datacenter, files, lock }))
    }

    /// The diagnostics, for a person; warnings not with `--quiet`. Errors are the answer of a JSON run.
    fn say_diagnostics(&mut self) -> anyhow::Result<()> {
        if self.global.format == Format::Json {
            if self.report.has_errors() {
                output::json(&diag::render_json(&self.report, &self.sources))?;
            }
            return Ok(());
        }
        if self.report.has_errors() || !self.global.quiet {
            output::say(&diag::render_human(&self.report, &self.sources, true));
        }
        Ok(())
    }

    /// Says a line to a person who wants to hear it.
    pub fn note(&self, text: &str) {
        if !self.global.quiet && self.global.format == Format::Human {
            output::say(&format!("{text}\n"));
        }
    }
}

impl Loaded {
    /// The lock of a plan; `None` for an inventory from standard input.
    pub fn lock_file(&self, plan: &Plan) -> Option<LockFile> {
        let path = self.lock_path.clone()?;
        let text = plan::lock::text(&plan.vips);
        let current = std::fs::read_to_string(&path).is_ok_and(|there| there == text);
        Some(LockFile { path, text, current })
    }
}
