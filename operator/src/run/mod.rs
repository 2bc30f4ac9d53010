//! The operator: one of several works, and carries out the rollouts that were approved.

mod bundle;
mod cluster;
mod controller;
mod events;
mod fleet;
mod front_end;
mod group;
mod moment;
mod nodes;
mod patience;
mod planner;
mod record;
mod rollouts;
mod steps;
mod wishes;

use kube::Client;
use tokio::signal::unix::{SignalKind, signal};

use crate::lease::Election;
use crate::serve::{self, Health};
use controller::Controller;
use nodes::Nodes;

/// The time for giving up the Lease.
const RELEASE: std::time::Duration = std::time::Duration::from_secs(3);

/// The options of the operator.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address of /livez, /readyz and /metrics
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: String,
    /// The name of this operator among several
    #[arg(long, env = "POD_NAME")]
    name: Option<String>,
}

/// Runs until the process is told to stop, or has lost its Lease.
pub async fn run(args: Args, client: Client) -> anyhow::Result<()> {
    let health = Health::default();
    serve::start(&args.listen, health.clone())?;
    let me = args.name.unwrap_or_else(|| format!("{}-{}", crate::host_name(), std::process::id()));
    let election = Election::new(client.clone(), "lbgen-operator", &me);
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let won = tokio::select! {
        won = election.win() => won,
        _ = end.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tracing::info!("{me} works");
    health.leads();
    let nodes = Nodes::watch(client.clone());
    let controller = Controller::new(client, nodes, health);
    let stop = controller.stop();
    // A thread of its own: it waits for nodes more than it computes.
    let mut working = tokio::task::spawn_blocking(move || controller.work());
    tokio::select! {
        why = election.hold(won) => {
            // At once, in the middle of whatever it is: another one begins.
            tracing::error!("{why}; stopping");
            std::process::exit(1);
        }
        _ = end.recv() => {}
        _ = interrupt.recv() => {}
        ended = &mut working => {
            ended?;
            anyhow::bail!("the controller has ended");
        }
    }
    // The step that runs is left as it is: whoever works next goes on with it.
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    // At once, whether it could be given up or not: nobody works without the Lease.
    if !matches!(tokio::time::timeout(RELEASE, election.release()).await, Ok(Ok(()))) {
        tracing::warn!("the Lease could not be given up: it expires");
    }
    std::process::exit(0);
}
