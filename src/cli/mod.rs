//! The command line: one file per command, each thin. Data goes to stdout, what is said to a person to stderr.

mod check;
mod complete;
mod diff;
mod explain;
mod init;
mod output;
mod plan;
mod render;
mod schema;
mod session;
mod simulate;
mod stream;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use session::Session;

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done; nothing differs, nothing is wrong.
    Done = 0,
    /// Differences, or errors found by `check`.
    Found = 1,
    /// It could not be done.
    Failed = 2,
}

/// One inventory of a datacenter's front end in; keepalived, policy routing and Kubernetes objects out
#[derive(Parser)]
#[command(name = "lbgen", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// Options of every command.
#[derive(clap::Args, Clone)]
struct Global {
    #[command(flatten)]
    color: colorchoice_clap::Color,
    /// Form of what is written to stdout
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Replace embedded templates by the files of the same name in DIR
    #[arg(long, global = true, value_name = "DIR")]
    templates: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person
    Human,
    /// One JSON document with a `version`
    Json,
    /// SARIF 2.1.0, of `check`
    Sarif,
    /// Workflow commands of GitHub, of `check`
    Github,
}

/// Which inventory.
#[derive(clap::Args, Clone)]
struct Input {
    /// The inventory; `-` is standard input
    #[arg(default_value = "inventory.yaml", value_name = "INVENTORY")]
    inventory: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Write the bundle
    Render(render::Args),
    /// Show what a render would change
    Diff(diff::Args),
    /// Find every problem of the inventory
    Check(check::Args),
    /// Show who holds what, in which order, with which numbers
    Plan(plan::Args),
    /// Show who holds each VIP when nodes fail
    Simulate(simulate::Args),
    /// Say what a code means, with a wrong and a right example
    Explain(explain::Args),
    /// Write a commented inventory to start from
    Init(init::Args),
    /// Write the JSON Schema of the inventory to stdout, for editors
    Schema(schema::Args),
    /// Write the completions of a shell to stdout
    Completions(complete::Args),
    /// Write the manual page to stdout
    Man,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.global.color.write_global();
    if matches!(cli.global.format, Format::Sarif | Format::Github)
        && !matches!(cli.command, Command::Check(_))
    {
        let message = "--format sarif and github are for `check`";
        Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message).exit();
    }
    let mut session = Session::new(cli.global);
    let done = match &cli.command {
        Command::Render(args) => render::run(args, &mut session),
        Command::Diff(args) => diff::run(args, &mut session),
        Command::Check(args) => check::run(args, &mut session),
        Command::Plan(args) => plan::run(args, &mut session),
        Command::Simulate(args) => simulate::run(args, &mut session),
        Command::Explain(args) => explain::run(args, &session),
        Command::Init(args) => init::run(args, &session),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => complete::completions(args),
        Command::Man => complete::man(),
    };
    let exit = done.unwrap_or_else(|error| {
        output::say(&format!("error: {error:#}\n"));
        Exit::Failed
    });
    ExitCode::from(exit as u8)
}
