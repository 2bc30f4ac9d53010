//! `lbgen align`: what differs between the datacenters of a fleet.

use std::collections::BTreeSet;

use anyhow::{anyhow, bail};
use rayon::prelude::*;

use super::about::About;
use super::input::{Input, Member, Members};
use super::session::Session;
use super::table::table;
use super::{Exit, Format, output};
use crate::align::{Alignment, Difference, Facts, Side, Value};
use crate::diag::{count, nearest};
use crate::view::json::{Aligned, AlignedPlace, Diagnostics, Document};

pub const ABOUT: About = About {
    name: "align",
    formats: &[Format::Human, Format::Json, Format::Markdown],
    has_templates: false,
    exits: &[
        (Exit::Done, "the datacenters do not differ, apart from waived differences"),
        (Exit::Found, "they differ"),
        (Exit::Failed, "an inventory has errors, or there are not two datacenters"),
    ],
    examples: &[
        ("lbgen align fleet/", "what differs between the datacenters of a directory"),
        ("lbgen align fleet/ --against eu1", "what differs from eu1"),
        ("lbgen align fleet/ --format markdown", "as a table for a pull request"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Compare with this datacenter alone
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let Some(Members { list, .. }) = args.input.read(session)? else { return Ok(Exit::Failed) };
    if list.len() < 2 {
        bail!("align compares datacenters: give it a directory with at least two inventories");
    }
    let read: Vec<(Member, Option<Side>)> = list
        .into_par_iter()
        .map(|mut member| {
            let planned = member.session.valid_plan(&member.loaded);
            let side = planned.map(|planned| Side {
                name: planned.datacenter.name.to_string(),
                facts: Facts::of(&planned.datacenter, &planned.plan),
                waived: planned.datacenter.align,
            });
            (member, side)
        })
        .collect();
    let all = read.len();
    let mut sides = Vec::new();
    for (member, side) in read {
        session.absorb(&member.session);
        sides.extend(side);
    }
    if sides.len() < all {
        if session.global.format == Format::Json {
            output::json(&Document::of(Diagnostics::of(&session.report, &session.sources)))?;
        }
        return Ok(Exit::Failed);
    }
    let names: Vec<&str> = sides.iter().map(|side| side.name.as_str()).collect();
    let model = args.against.as_deref().map(|name| model(name, &names)).transpose()?;
    let alignment = Alignment::of(&sides, model);
    say_unused(&sides, &alignment, session);
    let same = alignment.differences.is_empty();
    match session.global.format {
        Format::Json => output::json(&Document::of(document(&names, model, &alignment)))?,
        Format::Markdown => output::data(&markdown(&names, &alignment))?,
        _ if same => session.note(&format!("{} do not differ", count(names.len(), "datacenter"))),
        _ => output::paged(&text(&names, &alignment), session.global.quiet)?,
    }
    Ok(if same { Exit::Done } else { Exit::Found })
}

fn model(name: &str, names: &[&str]) -> anyhow::Result<usize> {
    let found = names.iter().position(|other| *other == name);
    found.ok_or_else(|| match nearest(name, names) {
        Some(near) => anyhow!("no datacenter is called `{name}`; did you mean `{near}`?"),
        None => anyhow!("no datacenter is called `{name}`; valid: {}", names.join(", ")),
    })
}

/// Waivers that nothing needed would hide the differences of tomorrow.
fn say_unused(sides: &[Side], alignment: &Alignment, session: &Session) {
    let mut said = BTreeSet::new();
    for (side, used) in sides.iter().zip(&alignment.used) {
        let unused = side.waived.iter().enumerate().filter(|(index, _)| !used.contains(index));
        for (_, waiver) in unused {
            let (line, _) = session.sources.line_column(waiver.span);
            let file = &session.sources.get(waiver.span.file).path;
            let path = &waiver.value;
            said.insert(format!(
                "{file}:{line}: nothing that differs is at `{path}`, which is allowed to"
            ));
        }
    }
    for text in said {
        session.note(&text);
    }
}

fn text(names: &[&str], alignment: &Alignment) -> String {
    let mut headers = vec!["WHERE"];
    headers.extend(names);
    let rows = alignment.differences.iter().map(|difference| {
        let mut row = vec![difference.place.to_string()];
        row.extend(difference.values.iter().map(Value::to_string));
        row
    });
    let sum = count(alignment.differences.len(), "difference");
    table(&headers, rows) + &format!("{sum} between {}\n", count(names.len(), "datacenter"))
}

fn markdown(names: &[&str], alignment: &Alignment) -> String {
    if alignment.differences.is_empty() {
        return format!("{} do not differ.\n", count(names.len(), "datacenter"));
    }
    let escaped = |text: &str| match text {
        "" => String::new(),
        text => format!("`{}`", text.replace('|', "\\|")),
    };
    let mut text =
        format!("| where | {} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len() + 1));
    for difference in &alignment.differences {
        let values: Vec<String> =
            difference.values.iter().map(|value| escaped(&value.to_string())).collect();
        text +=
            &format!("| {} | {} |\n", escaped(&difference.place.to_string()), values.join(" | "));
    }
    text
}

fn document<'a>(
    names: &'a [&'a str],
    model: Option<usize>,
    alignment: &'a Alignment,
) -> Aligned<'a> {
    let values = |difference: &'a Difference| {
        let of_all = names.iter().zip(&difference.values);
        let said = of_all.filter_map(|(name, value)| match value {
            Value::Says(text) => Some((*name, Some(text.as_str()))),
            Value::Absent => Some((*name, None)),
            Value::Excused => None,
        });
        said.collect()
    };
    let place = |difference: &'a Difference| AlignedPlace {
        path: difference.place.to_string(),
        values: values(difference),
    };
    Aligned {
        datacenters: names,
        against: model.map(|model| names[model]),
        differences: alignment.differences.iter().map(place).collect(),
    }
}
