//! `lbgen schema`: the inventory's JSON Schema for editors, or its keys as a page for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Exit, output};
use crate::inventory::language;
use crate::inventory::shape::{Keys, Shape};
use crate::schema;

#[derive(clap::Args)]
pub struct Args {
    /// Every key and what it is for, as Markdown
    #[arg(long)]
    reference: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Exit> {
    match args.reference {
        true => output::data(&reference())?,
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
        Shape::Text | Shape::Number => {}
        Shape::List(inner) | Shape::Map(inner) => section(inner, seen, text),
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
        Shape::Text => "a value".to_owned(),
        Shape::Number => "a whole number".to_owned(),
        Shape::List(item) => match **item {
            Shape::Text => "a list of values".to_owned(),
            _ => "a list".to_owned(),
        },
        Shape::Map(value) => format!("names, each with {}", takes(value)),
        Shape::Keys(_) => "keys".to_owned(),
        Shape::Either(one, other) => format!("{}, or {}", takes(one), takes(other)),
    }
}
