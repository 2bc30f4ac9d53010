//! `lbgen schema`: the inventory's JSON Schema for editors, or its keys as a page for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::builder::PossibleValuesParser;

use super::about::{self, About};
use super::{Exit, output};
use crate::inventory::language;
use crate::language::shape::{Keys, Shape};
use crate::schema;
use crate::view::json;

pub const ABOUT: About = About {
    name: "schema",
    formats: about::DATA,
    has_templates: false,
    exits: &[(Exit::Done, "done")],
    examples: &[
        ("lbgen schema >inventory.schema.json", "for an editor with a YAML language server"),
        ("lbgen schema --included >included.schema.json", "for the files of teams"),
        ("lbgen schema --reference", "every key, as Markdown"),
        ("lbgen schema --json diff", "for a program that reads `lbgen diff --format json`"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    /// Every key with its values and meaning, as Markdown
    #[arg(long)]
    reference: bool,
    /// The schema of a file that an inventory includes: everything is optional
    #[arg(long, conflicts_with = "reference")]
    included: bool,
    /// The schema of the documents that a command prints with `--format json`
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["reference", "included"], value_parser = command_names())]
    json: Option<String>,
}

/// The commands that print documents.
fn command_names() -> PossibleValuesParser {
    PossibleValuesParser::new(json::COMMANDS.iter().map(|command| command.name))
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(name) = &args.json {
        let of = json::COMMANDS.iter().filter(|command| command.name == name);
        of.map(json::Command::schema).try_for_each(|schema| output::json(&schema))?;
        return Ok(Exit::Done);
    }
    match args.reference {
        true => output::data(&reference())?,
        false if args.included => output::json(&schema::included())?,
        false => output::json(&schema::inventory())?,
    }
    Ok(Exit::Done)
}

fn reference() -> String {
    let mut text =
        String::from("# Every key of an inventory\n\nWritten by `lbgen schema --reference`.\n");
    section(&language(), &mut BTreeSet::new(), &mut text);
    text
}

/// The maps of known keys below a shape, each once, in the order of the language.
fn section(shape: &Shape, seen: &mut BTreeSet<&'static str>, text: &mut String) {
    match shape {
        Shape::Text(_) | Shape::Words(_) | Shape::Boolean | Shape::Number { .. } => {}
        Shape::List(list) => section(&list.item, seen, text),
        Shape::Map { value, .. } => section(value, seen, text),
        Shape::Either(one, other) => {
            section(one, seen, text);
            section(other, seen, text);
        }
        Shape::Keys(keys) => {
            if seen.insert(keys.name) {
                table(keys, text);
                for field in &keys.fields {
                    section(&(field.shape)(), seen, text);
                }
            }
        }
    }
}

fn table(keys: &Keys, text: &mut String) {
    let about = keys.about.trim_end_matches('.');
    let _ = write!(text, "\n## {about}\n\n| key | takes | what for |\n| --- | --- | --- |\n");
    for field in &keys.fields {
        let required = if field.required { " (required)" } else { "" };
        let takes = takes(&(field.shape)());
        let _ = writeln!(text, "| `{}`{required} | {takes} | {} |", field.name, field.about);
    }
}

fn takes(shape: &Shape) -> String {
    match shape {
        Shape::Text(rule) if rule.about.is_empty() => "text".to_owned(),
        Shape::Text(rule) => rule.about.to_owned(),
        Shape::Words(words) => format!("`{}`", words.join("`, `")),
        Shape::Boolean => "`true`, `false`".to_owned(),
        Shape::Number { from, to: u64::MAX } => format!("a number from {from}"),
        Shape::Number { from, to } => format!("{from} to {to}"),
        Shape::List(list) => {
            let least = if list.nonempty { ", at least one" } else { "" };
            format!("a list{least}; each: {}", takes(&list.item))
        }
        Shape::Map { key, value } if key.about.is_empty() => {
            format!("names, each with {}", takes(value))
        }
        Shape::Map { key, value } => format!("names ({}), each with {}", key.about, takes(value)),
        Shape::Keys(_) => "keys".to_owned(),
        Shape::Either(one, other) => format!("{}, or {}", takes(one), takes(other)),
    }
}
