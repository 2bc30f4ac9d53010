//! The command line: one file per command, each thin. Data goes to stdout, what is said to a person to stderr.

mod about;
mod align;
mod answer;
mod check;
mod complete;
mod diff;
mod explain;
mod here;
mod import;
mod init;
mod input;
mod origin;
mod output;
mod plan;
mod progress;
mod render;
mod report;
mod rollout;
mod schema;
mod session;
mod simulate;
mod status;
mod stream;
mod table;
mod trace;
mod trouble;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::CompleteEnv;

use about::About;
use input::Input;
use session::Session;

/// The outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done; nothing differs, nothing is wrong.
    Done = 0,
    /// Differences, or errors found by `check`.
    Found = 1,
    /// The command could not be done.
    Failed = 2,
}

/// Turn one inventory of a datacenter's front end into keepalived configuration, policy routing and Kubernetes objects
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
    /// Output format; see `lbgen COMMAND --help` for those of a command
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Print no warnings and no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say what is read, compared and written
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Use the files in DIR instead of the embedded templates of the same name
    #[arg(long, global = true, value_name = "DIR")]
    templates: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text
    Human,
    /// One JSON document with a `version`
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// GitHub workflow commands
    Github,
    /// Markdown, for a pull request
    Markdown,
    /// A POSIX script
    Sh,
    /// Objects for the operator, as YAML
    Kubernetes,
}

#[derive(Subcommand)]
enum Command {
    /// Write the bundle, the generated files, into OUTPUT/<datacenter>
    Render(render::Args),
    /// Show what a render would change, and what that does to traffic
    Diff(diff::Args),
    /// Plan the steps from what runs to the new bundle
    Rollout(Box<rollout::Args>),
    /// Ask the nodes who holds what right now, and say whether that is right
    Status(status::Args),
    /// Report every problem in the inventory
    Check(check::Args),
    /// Show who holds what, in which order, with which numbers
    Plan(plan::Args),
    /// Show who holds each VIP when nodes fail
    Simulate(simulate::Args),
    /// Show who answers a request, and why
    Trace(trace::Args),
    /// Show what differs between the datacenters of a fleet
    Align(align::Args),
    /// Write an HTML page that shows who holds what, what happens when nodes fail, and who answers a URL
    Report(report::Args),
    /// Explain a message code, with a wrong and a right example
    Explain(explain::Args),
    /// Write a commented starter inventory
    Init(init::Args),
    /// Write an inventory from the files of a running fleet, whichever tool wrote them
    Import(import::Args),
    /// Write the JSON Schema of the inventory to stdout, for editors
    Schema(schema::Args),
    /// Write the completion script of a shell to stdout
    Completions(complete::CompletionsArgs),
    /// Write the manual page of a command to stdout
    Man(complete::ManArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    CompleteEnv::with_factory(about::command).var(complete::VARIABLE).complete();
    // This thread works where it would wait for the others: handing work over costs as much as a small step of it.
    // The pool that is there by default would do, too.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
    let matches = about::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    cli.global.color.write_global();
    // Before the command, any format is taken: it is not known yet which command follows.
    let about = matches.subcommand_name().and_then(about::of);
    if let Some(About { name, formats, .. }) = about
        && !formats.contains(&cli.global.format)
    {
        let message = format!("`{name}` does not have this format; see `lbgen {name} --help`");
        about::command().error(clap::error::ErrorKind::ArgumentConflict, message).exit();
    }
    let mut session = Session::new(cli.global);
    let done = match &cli.command {
        Command::Render(args) => render::run(args, &mut session),
        Command::Diff(args) => diff::run(args, &mut session),
        Command::Rollout(args) => rollout::run(args, &mut session),
        Command::Status(args) => status::run(args, &mut session),
        Command::Check(args) => check::run(args, &mut session),
        Command::Plan(args) => plan::run(args, &mut session),
        Command::Simulate(args) => simulate::run(args, &mut session),
        Command::Trace(args) => trace::run(args, &mut session),
        Command::Align(args) => align::run(args, &mut session),
        Command::Report(args) => report::run(args, &mut session),
        Command::Explain(args) => explain::run(args, &session),
        Command::Init(args) => init::run(args, &session),
        Command::Import(args) => import::run(args, &mut session),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => complete::completions(args),
        Command::Man(args) => complete::man(args),
    };
    session.flush();
    let exit = done.unwrap_or_else(|error| {
        output::say(&format!("error: {error:#}\n"));
        Exit::Failed
    });
    ExitCode::from(exit as u8)
}
