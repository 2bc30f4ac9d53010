//! What every command that reads an inventory does: load, check, plan, emit.

use std::path::Path;

use super::{Format, Global, output};
use crate::bundle::{self, BundleFile};
use crate::diag::{self, Report};
use crate::emit::{self, Templates};
use crate::model::Datacenter;
use crate::plan::Plan;
use crate::source::Sources;
use crate::{inventory, lint, model, plan};

/// One run: the options, the files read and what was found in them.
pub struct Session {
    pub global: Global,
    pub sources: Sources,
    pub report: Report,
}

/// Everything that an inventory becomes.
pub struct Rendered {
    pub datacenter: String,
    /// With `bundle.json`.
    pub files: Vec<BundleFile>,
}

impl Session {
    pub fn new(global: Global) -> Self {
        Self { global, sources: Sources::default(), report: Report::default() }
    }

    /// The datacenter and its plan, where the inventory is valid; the report is complete and sorted either way.
    pub fn plan(
        &mut self,
        path: &Path,
        allow: &[String],
    ) -> anyhow::Result<Option<(Datacenter, Plan)>> {
        let raw = inventory::load(path, &mut self.sources, &mut self.report)?;
        let source = match path.file_name() {
            Some(name) if path.as_os_str() != "-" => name.to_string_lossy().into_owned(),
            _ => "standard input".to_owned(),
        };
        let planned = raw.as_ref().and_then(|raw| {
            let datacenter = model::build(raw, &source, &mut self.report)?;
            lint::check(&datacenter, &mut self.report);
            let plan = plan::plan(&datacenter, &mut self.report)?;
            Some((datacenter, plan))
        });
        if let Some(raw) = &raw {
            lint::waive(raw, allow, &mut self.report);
        }
        self.report.sort();
        Ok(planned.filter(|_| !self.report.has_errors()))
    }

    /// The bundle in memory; `None` where the inventory has errors, which were then said.
    pub fn render(&mut self, path: &Path) -> anyhow::Result<Option<Rendered>> {
        let planned = self.plan(path, &[])?;
        self.say_diagnostics()?;
        let Some((_, plan)) = planned else { return Ok(None) };
        let templates = Templates::load(self.global.templates.as_deref())?;
        let mut files = emit::emit(&plan, &templates)?;
        files.push(bundle::manifest_of(&files)?);
        Ok(Some(Rendered { datacenter: plan.datacenter, files }))
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
