//! Nodes, reached over the network: commands, and what comes back; and a planned rollout, carried out step by step.

pub mod driver;
pub mod holders;
pub mod journal;
pub mod plan_file;
mod ssh;
mod steps;

pub use driver::{Driver, OnFailure, Outcome};
pub use holders::Holders;
pub use journal::Journal;
pub use plan_file::PlanFile;
pub use ssh::Ssh;
pub use steps::{Record, Steps, Wish};

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::language::name::Subdomain;

/// The nodes of a datacenter.
pub trait Fleet: Sync {
    /// Runs a command of a shell on a node and returns what it prints.
    fn ask(&self, node: &Subdomain, command: &str) -> Result<String, Failure>;
}

/// The reason why a node gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It cannot be reached: the connection fails, or nothing comes back.
    Unreached(String),
    /// The command failed there.
    Failed(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(why) | Self::Failed(why) => f.write_str(why),
        }
    }
}

/// The program and its first words that a variable names, as the script of a rollout reads it, or the usual one.
pub fn program_of(variable: &str, usual: &str) -> Vec<String> {
    let own = std::env::var(variable).ok().filter(|own| !own.trim().is_empty());
    let own = own.unwrap_or(usual.to_owned());
    own.split_whitespace().map(str::to_owned).collect()
}

/// kubectl, or what `LBGEN_KUBECTL` names instead.
pub fn kubectl() -> Vec<String> {
    program_of("LBGEN_KUBECTL", "kubectl")
}

/// Connections that are open at one time.
pub const PARALLEL: usize = 32;

/// Asks every node, [`PARALLEL`] at a time; the answers are in the order of the questions.
pub fn ask_all(
    fleet: &impl Fleet,
    questions: &[(Subdomain, String)],
) -> Vec<Result<String, Failure>> {
    let next = AtomicUsize::new(0);
    let unasked = || Err(Failure::Unreached("was not asked".to_owned()));
    let answers: Mutex<Vec<_>> = Mutex::new(questions.iter().map(|_| unasked()).collect());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL.min(questions.len()) {
            scope.spawn(|| {
                while let Some((at, (node, command))) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    questions.get(at).map(|question| (at, question))
                } {
                    let answer = fleet.ask(node, command);
                    answers.lock().unwrap_or_else(PoisonError::into_inner)[at] = answer;
                }
            });
        }
    });
    answers.into_inner().unwrap_or_else(PoisonError::into_inner)
}
