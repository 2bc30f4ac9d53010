//! The effects of a change, and its rollout.

use serde::Serialize;

use crate::impact::Impact;
use crate::rollout::Rollout;
use crate::view::seconds;

/// A change.
#[derive(Debug, Serialize)]
pub struct Change {
    /// In one line.
    pub verdict: String,
    /// Worst first.
    pub findings: Vec<ChangeRow>,
    /// Titles of the rollout's steps.
    pub steps: Vec<String>,
}

/// One thing that a change does.
#[derive(Debug, Serialize)]
pub struct ChangeRow {
    /// The severity.
    pub class: &'static str,
    /// The subject.
    pub on: String,
    /// The MASTER or the answer before.
    pub from: String,
    /// The MASTER or the answer after.
    pub to: String,
    /// Seconds.
    pub silent: String,
    /// In words.
    pub why: String,
}

impl Change {
    /// Builds the data of a change from its impact and its rollout.
    pub fn of(impact: &Impact, rollout: &Rollout) -> Self {
        let findings = impact.findings.iter().map(|found| ChangeRow {
            class: found.class.word(),
            on: found.subject.to_string(),
            from: found.from.clone().unwrap_or_default(),
            to: found.to.clone().unwrap_or_default(),
            silent: found.silent.map_or(String::new(), |time| format!("{:.2} s", seconds(time))),
            why: found.reason.clone(),
        });
        let steps = rollout.steps.iter().map(|step| {
            let moves: Vec<String> = step.moves.iter().map(|moved| moved.line()).collect();
            match moves.is_empty() {
                true => step.title.clone(),
                false => format!("{} ({})", step.title, moves.join("; ")),
            }
        });
        Self { verdict: impact.verdict(), findings: findings.collect(), steps: steps.collect() }
    }
}
