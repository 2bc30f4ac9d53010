//! `lbgen explain`: what a code means, with a wrong and a right example.

use std::fmt::Write as _;

use anyhow::bail;
use clap_complete::ArgValueCompleter;

use super::about::{self, About};
use super::complete;
use super::session::Session;
use super::{Exit, Format, output};
use crate::diag::{Code, Explanation, nearest, printable};
use crate::lint;
use crate::view::json::{Codes, Document, Explained};

pub const ABOUT: About = About {
    name: "explain",
    formats: about::DATA,
    has_templates: false,
    exits: &[(Exit::Done, "done"), (Exit::Failed, "unknown code")],
    examples: &[
        ("lbgen explain LB203", "why it matters, with a wrong and a right example"),
        ("lbgen explain --all", "every code, as Markdown"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    /// The code of a message, such as LB203
    #[arg(value_name = "CODE", required_unless_present = "all", add = ArgValueCompleter::new(complete::codes))]
    code: Option<String>,
    /// Every code, as Markdown
    #[arg(long, conflicts_with = "code")]
    all: bool,
}

pub fn run(args: &Args, session: &Session) -> anyhow::Result<Exit> {
    let every = lint::all_codes();
    let codes: Vec<&Code> = match &args.code {
        None => every,
        Some(id) => match every.iter().find(|code| is_meant(code, id)) {
            Some(code) => vec![code],
            None => {
                let ids: Vec<&str> = every.iter().map(|code| code.id).collect();
                let id = printable(id);
                match nearest(&id.to_uppercase(), &ids) {
                    Some(near) => bail!("there is no code {id}; did you mean {near}?"),
                    None => bail!("there is no code {id}; `lbgen explain --all` lists them"),
                }
            }
        },
    };
    match session.global.format {
        Format::Json => {
            let codes = codes.iter().map(|code| Explained::of(code)).collect();
            output::json(&Document::of(Codes { codes }))?;
        }
        _ if args.all => output::data(&reference(&codes))?,
        _ => codes.iter().try_for_each(|code| output::data(&for_a_person(code)))?,
    }
    Ok(Exit::Done)
}

/// `LB101`, `lb101` and `101` are one code.
fn is_meant(code: &Code, written: &str) -> bool {
    code.id.eq_ignore_ascii_case(written) || code.id.strip_prefix("LB") == Some(written)
}

fn for_a_person(code: &Code) -> String {
    let explanation = code.explain();
    let mut text = format!("{} ({}): {}\n", code.id, code.severity.word(), code.summary);
    let _ = write!(text, "\n{}", explanation.reason);
    text + &examples(&explanation, indented)
}

/// Both examples, their blocks drawn by `block`.
fn examples(explanation: &Explanation, block: fn(&str) -> String) -> String {
    let mut text = String::new();
    let both = [("Wrong", &explanation.wrong), ("Right", &explanation.right)];
    // What `import` says is about the files of others.
    for (title, example) in both.into_iter().filter(|(_, example)| !example.inventory.is_empty()) {
        let _ = write!(text, "\n{title}:\n\n{}", block(&example.inventory));
        if !example.lock.is_empty() {
            let _ = write!(text, "\nwith the lock\n\n{}", block(&example.lock));
        }
    }
    text
}

fn indented(block: &str) -> String {
    // A NUL, which one example is about, would not reach the reader.
    block.lines().map(|line| format!("    {}\n", line.replace('\0', "\\0"))).collect()
}

/// Every code as one page of Markdown.
fn reference(codes: &[&Code]) -> String {
    let mut text = String::from(
        "# Every message of lbgen\n\n\
         Written by `lbgen explain --all`. What an example leaves out stands as in the inventory that `lbgen init` writes.\n\n\
         | code | severity | what it says |\n| --- | --- | --- |\n",
    );
    for code in codes {
        let anchor = code.id.to_lowercase();
        let (id, severity, summary) = (code.id, code.severity.word(), code.summary);
        let _ = writeln!(text, "| [{id}](#{anchor}) | {severity} | {summary} |");
    }
    for code in codes {
        let explanation = code.explain();
        let _ = write!(text, "\n## {}\n\n{}: {}.\n", code.id, code.severity.word(), code.summary);
        let _ = write!(text, "\n{}", explanation.reason);
        text += &examples(&explanation, fenced);
    }
    text
}

fn fenced(block: &str) -> String {
    format!("```yaml\n{}```\n", block.replace('\0', "\\0"))
}
