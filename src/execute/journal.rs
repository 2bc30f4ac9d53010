//! The journal of a rollout, written before and after each step: a line of JSON each, on the disk before the next
//! thing happens.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::Record;
use crate::bundle::short;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// The rollout begins.
    Start,
    /// A step begins.
    Begin,
    /// A step has ended, and what must hold then holds.
    Done,
    /// A step has failed.
    Failed,
    /// A step is being undone.
    Undo,
    /// A step was undone.
    Undone,
    /// Every step is done.
    Finish,
    /// The claims were released; the rest is left as it is.
    Abandon,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since 1970.
    pub at: u64,
    /// Who, and from where.
    pub who: String,
    /// The commit that is rolled out.
    pub rev: Option<String>,
    /// The name of the rollout: the nodes know it by the same.
    #[serde(default)]
    pub rollout: String,
    /// The digest of the plan.
    pub plan: String,
    /// The step, but at the beginning and the end of all.
    pub step: Option<String>,
    /// The kind of event.
    pub event: Happened,
}

/// The journal of a rollout.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Everything that is written there.
    events: Vec<Event>,
}

/// The progress of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Steps that are done and were not undone, in the order in which they were done.
    pub done: Vec<String>,
    /// A step that has begun, or begun to be undone, and has not ended.
    pub open: Option<String>,
}

impl Journal {
    /// Opens a journal, or begins one, and keeps every other lbgen out of it. A line that was not written to its end is
    /// passed over: what it was about may have happened or not, as for a line that is missing.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot write the journal {shown}"))?;
        if file.try_lock().is_err() {
            bail!(
                "the rollout of {shown} is under way: wait for that lbgen, or stop it with Ctrl-C"
            );
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read the journal {shown}"));
            }
        };
        let mut events = Vec::new();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (number, line) in whole.lines().enumerate() {
            let event = serde_json::from_str(line)
                .with_context(|| format!("{shown}:{}: not a line of a journal", number + 1))?;
            events.push(event);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            // A torn line stays a line of its own, and is not read.
            file.set_len(whole.len() as u64 + u64::from(!whole.is_empty()))?;
            file.flush()?;
        }
        Ok(Self { path: path.to_owned(), file, events })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The plan that was begun and neither finished nor abandoned, by its digest.
    pub fn unfinished(&self) -> Option<&str> {
        let last = self.events.last()?;
        let is_over = matches!(last.event, Happened::Finish | Happened::Abandon)
            || self.progress(&last.plan) == Progress::default() && last.event == Happened::Undone;
        (!is_over).then_some(last.plan.as_str())
    }

    /// Refuses to begin a plan beside one that is not finished.
    pub fn refuse_second(&self) -> anyhow::Result<()> {
        let Some(plan) = self.unfinished() else { return Ok(()) };
        let last = self.events.last().map(|event| (event.who.as_str(), event.rollout.as_str()));
        let (by, name) = last.unwrap_or(("somebody", short(plan)));
        bail!(
            "the rollout {name} by {by} is not finished ({}): go on with --resume, undo it with --back-all, or give it up with --abandon; nodes that have died since are left out with --down",
            self.path.display()
        );
    }
}

impl Record for Journal {
    /// Writes an event down; it is on the disk afterwards.
    fn write(&mut self, event: Event) -> anyhow::Result<()> {
        let line = serde_json::to_string(&event)? + "\n";
        let cannot = || format!("cannot write the journal {}", self.path.display());
        self.file.write_all(line.as_bytes()).with_context(cannot)?;
        self.file.sync_all().with_context(cannot)?;
        self.events.push(event);
        Ok(())
    }

    fn progress(&self, plan: &str) -> Progress {
        let own = self.events.iter().filter(|event| event.plan == plan);
        let mut progress = Progress::default();
        for event in own {
            let step = event.step.clone();
            match (event.event, step) {
                (Happened::Start, _) => progress = Progress::default(),
                (Happened::Begin, step) => progress.open = step,
                // Half undone is not done.
                (Happened::Undo, step) => {
                    progress.done.retain(|done| Some(done) != step.as_ref());
                    progress.open = step;
                }
                (Happened::Done, Some(step)) => {
                    progress.open = None;
                    if !progress.done.contains(&step) {
                        progress.done.push(step);
                    }
                }
                (Happened::Undone, Some(step)) => {
                    progress.open = None;
                    progress.done.retain(|done| *done != step);
                }
                _ => {}
            }
        }
        progress
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    #[allow(clippy::disallowed_types, reason = "a journal says when, and is in no bundle")]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(step: Option<&str>, event: Happened) -> Event {
        Event {
            at: 1,
            who: "anna@desk".to_owned(),
            rev: None,
            rollout: "0123abc".to_owned(),
            plan: "p".to_owned(),
            step: step.map(str::to_owned),
            event,
        }
    }

    #[test]
    fn a_journal_says_how_far_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.journal");
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.unfinished(), None);
        for (step, happened) in [
            (None, Happened::Start),
            (Some("a"), Happened::Begin),
            (Some("a"), Happened::Done),
            (Some("b"), Happened::Begin),
        ] {
            journal.write(event(step, happened)).unwrap();
        }
        // Killed while it wrote.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + "{\"at\": 5, \"wh").unwrap();
        assert!(Journal::open(&path).is_err(), "another lbgen has it");
        drop(journal);
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.unfinished(), Some("p"));
        let progress = journal.progress("p");
        assert_eq!(
            (progress.done.as_slice(), progress.open.as_deref()),
            (&["a".to_owned()][..], Some("b"))
        );
        assert!(journal.refuse_second().is_err());
        journal.write(event(Some("b"), Happened::Undone)).unwrap();
        journal.write(event(Some("a"), Happened::Undo)).unwrap();
        journal.write(event(Some("a"), Happened::Undone)).unwrap();
        drop(journal);
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.unfinished(), None, "all of it was undone");
        assert!(journal.refuse_second().is_ok());
    }
}
