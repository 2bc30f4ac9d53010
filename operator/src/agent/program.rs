//! The node's program, run where the node's files and its keepalived are.

use std::process::Stdio;

use anyhow::Context;
use lbgen::emit::Templates;
use lbgen::language::shell::quoted;
use tokio::process::{Child, Command};

use crate::api::Desired;

/// The way to a shell on the node, and the program.
#[derive(Debug, Clone)]
pub struct Program {
    /// The command to which the text of a shell script is added as the last word.
    enter: Vec<String>,
    node: String,
    text: String,
}

/// One at a time, also after an agent that was killed: what it has started is waited for. Nothing that the program starts keeps
/// the lock (`-o`).
const ALONE: &str = "mkdir -p /run/lbgen; exec flock -o /run/lbgen/agent.lock sh -c ";

impl Program {
    /// The program of this lbgen, for a node.
    pub fn new(node: &str, enter: &str) -> anyhow::Result<Self> {
        let text = Templates::load(None)?.node_program()?;
        let enter = enter.split_whitespace().map(str::to_owned).collect();
        Ok(Self { enter, node: node.to_owned(), text })
    }

    /// Does a line of it, as the rollout that asks for it.
    pub fn start(&self, desired: &Desired, line: &str) -> anyhow::Result<Child> {
        let whole = format!(
            "me={} claim_id={} claimant={} run=agent.{}\n{}\n{line}",
            quoted(&self.node),
            quoted(&desired.claim),
            quoted(&desired.claimant),
            desired.number,
            self.text
        );
        self.spawn(&format!("{ALONE}{}", quoted(&whole)))
    }

    /// Asks it something that changes nothing.
    pub fn ask(&self, line: &str) -> anyhow::Result<Child> {
        self.spawn(&format!("me={}\n{}\n{line}", quoted(&self.node), self.text))
    }

    fn spawn(&self, script: &str) -> anyhow::Result<Child> {
        let (program, words) =
            self.enter.split_first().context("no command that enters the node")?;
        Command::new(program)
            .args(words)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {program}"))
    }
}
