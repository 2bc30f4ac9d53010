//! `lbgen diff`: what a render would change.

use std::path::PathBuf;

use serde_json::json;

use super::about::About;
use super::{Exit, Format, Input, output, render, session::Session};
use crate::bundle::{self, Disk, Turn};

pub const ABOUT: About = About {
    name: "diff",
    exits: &[
        (Exit::Done, "no changes"),
        (Exit::Found, "a render would change something"),
        (Exit::Failed, "the inventory has errors, or the bundle cannot be read"),
    ],
    examples: &[
        ("lbgen diff", "compare out/<datacenter> with what a render would write"),
        ("lbgen diff --stat", "one line per file"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The directory that holds the bundle
    #[arg(short, long, value_name = "DIR", default_value = "out")]
    output: PathBuf,
    /// One line per file
    #[arg(long)]
    stat: bool,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let loaded = session.load(&args.input.inventory)?;
    let Some(rendered) = session.render(&loaded, &args.output)? else {
        return Ok(Exit::Failed);
    };
    let _turn = Turn::to_read(&args.output);
    let disk = Disk::open(&args.output, rendered.datacenter.as_str())?;
    let changes = bundle::changes(&disk, &rendered.files)?;
    session.detail(|| {
        format!("compared {} files with {}", rendered.files.len(), disk.root().display())
    });
    if changes.is_empty() {
        session.note("no changes");
    }
    match session.global.format {
        Format::Json => output::json(&json!({
            "version": 1,
            "datacenter": rendered.datacenter,
            "changes": render::listing(&changes),
        }))?,
        _ if args.stat => output::data(&bundle::stat(rendered.datacenter.as_str(), &changes))?,
        _ => output::data(&bundle::unified(rendered.datacenter.as_str(), &changes))?,
    }
    Ok(if changes.is_empty() { Exit::Done } else { Exit::Found })
}
