//! `lbgen init`: a commented inventory to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::about::{self, About};
use super::{Exit, output, session::Session};

/// The starter: valid as it stands.
const STARTER: &str = concat!(
    "# yaml-language-server: $schema=inventory.schema.json\n",
    "# The line above is for editors; `lbgen schema >inventory.schema.json` tells them the language.\n\n",
    include_str!("../../inventory-examples/minimal/inventory.yaml")
);

pub const ABOUT: About = About {
    name: "init",
    formats: about::TEXT,
    has_templates: false,
    exits: &[(Exit::Done, "written"), (Exit::Failed, "the file exists, or cannot be written")],
    examples: &[("lbgen init", "write inventory.yaml"), ("lbgen init -", "print it")],
};

/// Returns the git attributes for merges: the lock has a line per VIP; of a rendered file one side is kept, and the
/// next render writes it anew.
fn attributes(lock: &str) -> String {
    format!("{lock} merge=union\nout/** -merge linguist-generated\n")
}

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
    let word = crate::language::shell::quoted(&args.file.to_string_lossy());
    session.note(&format!("wrote {shown}; next: lbgen check {word}"));
    let folder = args.file.parent().unwrap_or(Path::new(""));
    let lock = args.file.with_extension("lock");
    let lock = lock.file_name().unwrap_or_default().to_string_lossy();
    write_attributes(&folder.join(".gitattributes"), &attributes(&lock), session)?;
    Ok(Exit::Done)
}

/// Tells git how to merge, unless somebody has told it something already.
fn write_attributes(path: &Path, attributes: &str, session: &Session) -> anyhow::Result<()> {
    let shown = path.display();
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(attributes.as_bytes())
                .with_context(|| format!("cannot write {shown}"))?;
            session.note(&format!(
                "wrote {shown}, which tells git how to merge the lock and the bundle"
            ));
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let lines = attributes.trim_end().replace('\n', "`, `");
            session.note(&format!("{shown} exists; see that it has `{lines}`"));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {shown}")),
    }
    Ok(())
}
