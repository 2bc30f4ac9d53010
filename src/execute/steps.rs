//! The means of a driver: something that does steps, and something that keeps what was done.

use serde_json::Value;

use super::journal::{Event, Progress};

/// The wish of whoever looks after a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The next step.
    GoOn,
    /// No step more.
    Stop,
    /// No step more, and the one that runs is ended and undone.
    Undo,
}

/// The record of what a rollout has done, which outlives the program that does it.
pub trait Record {
    /// Keeps an event; it is safe from a crash afterwards.
    fn write(&mut self, event: Event) -> anyhow::Result<()>;
    /// The progress of a plan since it was last begun.
    fn progress(&self, plan: &str) -> Progress;
}

/// Runs single steps: the script of the plan, the agents of a cluster, or a test.
pub trait Steps {
    /// Does a step and checks what must hold then.
    fn run(&self, step: &str) -> Result<(), String>;
    /// Undoes a step.
    fn back(&self, step: &str) -> Result<(), String>;
    /// A check of the user's own, after a step that touches nodes.
    fn verify(&self, step: &Value) -> Result<(), String>;
    /// Asked after each step.
    fn wish(&self) -> Wish;
    /// The last thing, once every step is done.
    fn finish(&self) -> anyhow::Result<()>;
    /// Tells whoever wants to know.
    fn notify(&self, event: &Event);
    /// Says a line to a person.
    fn say(&self, line: &str);
}
