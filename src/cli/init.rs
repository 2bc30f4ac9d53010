//! `lbgen init`: a commented inventory to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::about::About;
use super::{Exit, output, session::Session};

/// The starter: valid as it stands.
const STARTER: &str = concat!(
    "# yaml-language-server: $schema=inventory.schema.json\n",
    "# The line above is for editors; `lbgen schema >inventory.schema.json` tells them the language.\n\n",
    include_str!("../../inventory-examples/minimal/inventory.yaml")
);

pub const ABOUT: About = About {
    name: "init",
    exits: &[(Exit::Done, "written"), (Exit::Failed, "the file exists, or cannot be written")],
    examples: &[("lbgen init", "write inventory.yaml"), ("lbgen init -", "print it")],
};

#[derive(clap::Args)]
pub struct Args {
    /// The file to write; `-` is standard output. An existing file is never overwritten
    #[arg(default_value = "inventory.yaml", value_name = "FILE")]
    file: PathBuf,
}

pub fn run(args: &Args, session: &Session) -> anyhow::Result<Exit> {
    if args.file.as_os_str() == "-" {
        output::data(STARTER)?;
        return Ok(Exit::Done);
    }
    let shown = args.file.display();
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&args.file) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{shown} exists and was not touched")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {shown}")),
    };
    file.write_all(STARTER.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    session.note(&format!("wrote {shown}; next: lbgen check {shown}"));
    Ok(Exit::Done)
}
