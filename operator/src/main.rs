//! Carries out rollouts that `lbgen` has planned, in a cluster: agents on the nodes instead of ssh, objects instead of a terminal. Git
//! decides what runs, and nothing is rendered here.

mod agent;
mod api;
mod connection;
mod lease;
mod log;
mod run;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Carry out lbgen's rollouts in a cluster
#[derive(Parser)]
#[command(name = "lbgen-operator", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The form of logs on stderr
    #[arg(long, global = true, env = "LBGEN_LOG", default_value = "text")]
    log: log::Format,
}

/// It gives back what a bundle took while it was read.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Subcommand)]
enum Command {
    /// Carry out the rollouts that were approved; one of several operators works
    Run(run::Args),
    /// Do on a node what the operator asks for, and say how the node is
    Agent(agent::Args),
    /// Write the CustomResourceDefinitions to stdout
    Definitions,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = async {
        let cli = Cli::parse();
        log::start(cli.log);
        match cli.command {
            Command::Run(args) => run::run(args, connection::connect().await?).await,
            Command::Agent(args) => agent::run(args, connection::connect().await?).await,
            Command::Definitions => {
                print!("{}", api::definitions()?);
                Ok(())
            }
        }
    };
    match done.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The name of this machine.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "operator".to_owned(), |name| name.trim().to_owned())
}
