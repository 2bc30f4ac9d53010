//! `lbgen completions` and `lbgen man`: generated from the command line's own definition.

use clap::CommandFactory;

use super::{Cli, Exit, output};

#[derive(clap::Args)]
pub struct Args {
    /// For which shell
    shell: clap_complete::Shell,
}

pub fn completions(args: &Args) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lbgen", &mut text);
    output::data(&String::from_utf8(text)?)?;
    Ok(Exit::Done)
}

pub fn man() -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    output::data(&String::from_utf8(text)?)?;
    Ok(Exit::Done)
}
