//! The agent of a node: does what its FrontEndNode says, one thing at a time, and says there how the node is.

mod program;
pub mod verb;
mod work;

use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use lbgen::execute::holders::Line;
use lbgen::language::shell::quoted;
use lbgen::status::Report;
use lbgen::view::kubernetes::API_VERSION;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::{mpsc, watch};

use crate::api::{
    Desired, FrontEndNode, FrontEndNodeSpec, FrontEndNodeStatus, NAMESPACE, Progress,
};
use crate::connection::{self, Steady};
use crate::lease;
use program::Program;
use work::{Came, work};

/// The time between two looks at what does not tell by itself that it changes: checks, files, rules.
const LOOK: Duration = Duration::from_secs(5);
/// The time until a connection, or a program that follows addresses, is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The options of an agent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The node, as the inventory names it
    #[arg(long, env = "NODE_NAME")]
    node: String,
    /// The command that runs a shell on the node, to which a script is added as the last word
    #[arg(
        long,
        env = "LBGEN_ENTER",
        default_value = "nsenter --target 1 --mount --uts --ipc --net --pid -- sh -c"
    )]
    enter: String,
}

struct Agent {
    api: Api<FrontEndNode>,
    node: String,
    program: Program,
    spec: FrontEndNodeSpec,
    status: FrontEndNodeStatus,
    /// The status that the API server has.
    published: Option<FrontEndNodeStatus>,
    /// The request, for the verb that runs.
    wanted: watch::Sender<Option<Desired>>,
    /// The number of the verb that runs.
    running: Option<i64>,
}

/// Runs until the process is told to stop.
pub async fn run(args: Args, client: Client) -> anyhow::Result<()> {
    let api: Api<FrontEndNode> = Api::namespaced(client.clone(), NAMESPACE);
    tokio::spawn(lease::beat(client, args.node.clone()));
    let program = Program::new(&args.node, &args.enter)?;
    let only = connection::watch().fields(&format!("metadata.name={}", args.node));
    let mut objects = Box::pin(watcher(api.clone(), only).backoff(Steady).applied_objects());
    let (changed, mut changes) = mpsc::channel(64);
    tokio::spawn(follow(program.clone(), changed));
    let (came, mut comes) = mpsc::channel(64);
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (wanted, _) = watch::channel(None);
    let mut agent = Agent {
        api,
        node: args.node,
        program,
        spec: FrontEndNodeSpec::default(),
        status: FrontEndNodeStatus::default(),
        published: None,
        wanted,
        running: None,
    };
    loop {
        tokio::select! {
            object = objects.next() => match object.context("the watch has ended")? {
                Ok(object) => agent.hear(object, &came),
                Err(error) => tracing::warn!(%error, "no answer of the API server"),
            },
            Some(happened) = comes.recv() => agent.came(happened, &came).await,
            Some(held) = changes.recv() => agent.holds(&held),
            _ = looks.tick() => if agent.running.is_none() { agent.look().await },
        }
        agent.publish().await;
    }
}

impl Agent {
    /// The object is this now.
    fn hear(&mut self, object: FrontEndNode, came: &mpsc::Sender<Came>) {
        // Somebody has deleted it, and the operator has made it again.
        if object.status.is_none() && self.running.is_none() {
            self.published = None;
        }
        if self.published.is_none() {
            // The work of an agent before this one.
            let before = object.status.unwrap_or_default();
            self.status.number = before.number;
            self.status.progress = before.progress;
            self.status.message.clone_from(&before.message);
        }
        self.spec = object.spec;
        self.wanted.send_replace(self.spec.desired.clone());
        self.begin(came);
    }

    /// Begins what is asked for and not done, once nothing else runs.
    fn begin(&mut self, came: &mpsc::Sender<Came>) {
        let Some(desired) = self.spec.desired.clone() else { return };
        let is_done = desired.number == self.status.number
            && matches!(self.status.progress, Progress::Done | Progress::Failed);
        if self.running.is_some() || desired.number < self.status.number || is_done {
            return;
        }
        self.running = Some(desired.number);
        self.status.number = desired.number;
        self.status.progress = Progress::Running;
        self.status.message = String::new();
        tracing::info!(step = desired.step, act = desired.act, number = desired.number, "begins");
        let wanted = self.wanted.subscribe();
        tokio::spawn(work(self.program.clone(), desired, wanted, came.clone()));
    }

    /// A verb has come to something.
    async fn came(&mut self, happened: Came, came: &mpsc::Sender<Came>) {
        let Came { number, progress, message } = happened;
        debug_assert_eq!(number, self.status.number);
        match progress {
            Progress::Failed => tracing::warn!(number, "failed: {message}"),
            _ => tracing::info!(number, ?progress),
        }
        if matches!(progress, Progress::Done | Progress::Failed) {
            // With the end comes how the node is then.
            self.look().await;
            self.running = None;
        }
        (self.status.progress, self.status.message) = (progress, message);
        if self.running.is_none() {
            self.publish().await;
            self.begin(came);
        }
    }

    /// The node has these addresses.
    fn holds(&mut self, addresses: &[String]) {
        self.status.holds =
            self.spec.vips.iter().filter(|vip| addresses.contains(vip)).cloned().collect();
    }

    /// Asks the node's program how the node is.
    async fn look(&mut self) {
        let files: Vec<String> = self.spec.files.iter().map(|file| quoted(file)).collect();
        let asked = async {
            let out =
                self.program.ask(&format!("state {}", files.join(" ")))?.wait_with_output().await?;
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let report = Report::read(&text).map_err(anyhow::Error::msg)?;
            let boot: serde_json::Value = serde_json::from_str(text.trim())?;
            anyhow::Ok((report, boot["boot_id"].as_str().unwrap_or_default().to_owned()))
        };
        match tokio::time::timeout(Duration::from_secs(20), asked).await {
            Ok(Ok((report, boot))) => {
                self.status.take(report, &self.spec.vips);
                self.status.boot_id = boot;
            }
            Ok(Err(error)) => tracing::warn!("the node's program does not answer: {error:#}"),
            Err(_) => tracing::warn!("the node's program says nothing for 20 s"),
        }
    }

    /// Writes the status where it is not what the API server has.
    async fn publish(&mut self) {
        // Nothing is said of a node that nobody asks for.
        if self.spec == FrontEndNodeSpec::default() || self.published.as_ref() == Some(&self.status)
        {
            return;
        }
        let patch = json!({
            "apiVersion": API_VERSION,
            "kind": "FrontEndNode",
            "metadata": { "name": self.node },
            "status": self.status,
        });
        let parameters = PatchParams::apply("lbgen-agent").force();
        let patch = Patch::Apply(&patch);
        let written = self.api.patch_status(&self.node, &parameters, &patch);
        match tokio::time::timeout(Duration::from_secs(5), written).await {
            Ok(Ok(_)) => self.published = Some(self.status.clone()),
            Ok(Err(error)) => tracing::warn!(%error, "cannot write the status"),
            Err(_) => tracing::warn!("the API server does not answer for 5 s"),
        }
    }
}

/// Follows the addresses of the node: all of them, whenever one comes or goes.
async fn follow(program: Program, changed: mpsc::Sender<Vec<String>>) {
    loop {
        let listen = async {
            let mut child = program.ask("follow")?;
            // It ends with its input.
            let input = child.stdin.take();
            let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
            let mut held: Vec<String> = Vec::new();
            let mut is_whole = false;
            while let Some(line) = lines.next_line().await? {
                match Line::of(&line) {
                    Some(Line::Has(address) | Line::Came(address)) => {
                        held.push(address.to_string());
                    }
                    Some(Line::Went(address)) => {
                        held.retain(|held| *held != address.to_string());
                    }
                    Some(Line::Following) => is_whole = true,
                    None => continue,
                }
                if is_whole {
                    changed.send(held.clone()).await?;
                }
            }
            drop(input);
            anyhow::Ok(())
        };
        if let Err(error) = listen.await {
            tracing::warn!("cannot follow the addresses: {error:#}");
        }
        tokio::time::sleep(AGAIN).await;
    }
}
