//! `lbgen check`: every problem of the inventory, at once.

use anyhow::bail;
use rayon::prelude::*;

use super::about::About;
use super::input::{Member, Members};
use super::progress::Progress;
use super::{Exit, Format, Input, output, session::Session};
use crate::diag::{self, Severity, count, printable};
use crate::emit::{self, Templates};
use crate::lint;
use crate::pipeline::Planned;
use crate::plan::Keep;
use crate::view::json::{self, CheckedFleet, Diagnostics, Document};

pub const ABOUT: About = About {
    name: "check",
    formats: &[Format::Human, Format::Json, Format::Sarif, Format::Github],
    has_templates: true,
    exits: &[
        (Exit::Done, "no errors (and with --deny warnings no warnings)"),
        (Exit::Found, "errors found"),
        (Exit::Failed, "the inventory or a template cannot be read, or a usage error"),
    ],
    examples: &[
        ("lbgen check", "check inventory.yaml"),
        (
            "lbgen check --deny warnings --format github eu1.yaml",
            "annotate a pull request, and fail on warnings too",
        ),
        ("lbgen check --allow LB202", "without one kind of warning"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Also exit 1 for these: `warnings`
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    deny: Option<String>,
    /// Ignore warnings with these codes
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    allow: Vec<String>,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let allow: Vec<String> = args.allow.iter().map(|code| code.to_ascii_uppercase()).collect();
    for code in &allow {
        if let Some(reason) = lint::why_not_waivable(code) {
            bail!("--allow {}: {reason}", printable(code));
        }
    }
    let Members { list, is_fleet } = args.input.load(session)?;
    session.report.retain(|diagnostic| {
        diagnostic.code.severity == Severity::Error
            || !allow.iter().any(|code| code == diagnostic.code.id)
    });
    let of_fleet = session.report.clone();
    let progress = Progress::through(list.len(), "checking", &session.global);
    // Templates of the caller's own have to render what is checked.
    let own = session.global.templates.as_deref();
    let templates = own.map(|folder| Templates::load(Some(folder))).transpose()?;
    let checked: anyhow::Result<Vec<Member>> = list
        .into_par_iter()
        .map(|mut member| {
            let planned = member.session.plan(&member.loaded, Keep::Locked, &allow);
            member.session.warn_of_missing_lock(&member.loaded);
            if let Some(planned) = &planned {
                if let Some(templates) = &templates {
                    emit::emit(&planned.plan, templates)?;
                }
                member.session.detail(|| summary(planned));
            }
            progress.step();
            Ok(member)
        })
        .collect();
    drop(progress);
    let checked = checked?;
    for member in &checked {
        // What two datacenters include is said once.
        session.absorb(&member.session);
    }
    session.report.sort();
    let (report, sources) = (&session.report, &session.sources);
    let denied = args.deny.is_some() && report.count(Severity::Warning) > 0;
    match session.global.format {
        Format::Json if is_fleet => output::json(&Document::of(CheckedFleet {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            diagnostics: Diagnostics::of(&of_fleet, sources).diagnostics,
            datacenters: checked
                .iter()
                .map(|member| {
                    let found = Diagnostics::of(&member.session.report, sources);
                    json::Member::of(member.loaded.datacenter(), found)
                })
                .collect(),
        }))?,
        Format::Json => output::json(&Document::of(Diagnostics::of(report, sources)))?,
        Format::Sarif => output::json(&diag::render_sarif(report, sources, &lint::all_codes()))?,
        Format::Github => output::data(&diag::render_github(report, sources))?,
        Format::Human | Format::Markdown
            if session.global.quiet && !report.has_errors() && !denied => {}
        Format::Human | Format::Markdown | Format::Sh | Format::Kubernetes => {
            output::say(&diag::render_human(report, sources, true));
            if report.is_empty() {
                session.note("no problems found");
            }
        }
    }
    Ok(if session.report.has_errors() || denied { Exit::Found } else { Exit::Done })
}

/// Returns a summary of what was checked, for `--verbose`.
fn summary(planned: &Planned) -> String {
    let datacenter = &planned.datacenter;
    let counts = [
        count(datacenter.nodes.len(), "node"),
        count(datacenter.vips.len(), "VIP"),
        count(datacenter.entrypoints.len(), "entrypoint"),
        count(datacenter.domains.len(), "domain"),
        count(datacenter.components.len(), "component"),
    ];
    format!("{}: {}", datacenter.name, counts.join(", "))
}
