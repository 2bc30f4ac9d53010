//! A planned rollout, carried out step by step: what the script does for a person, with a journal.

use std::time::Instant;

use anyhow::bail;

use super::journal::{Event, Happened, now};
use super::plan_file::PlanFile;
use super::steps::{Record, Steps, Wish};

/// The reaction to a step that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Leaves everything as it is: each state on the way is safe.
    #[default]
    Stop,
    /// Undoes the step.
    Back,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every step is done.
    Finished,
    /// Somebody asked to stop after this step.
    Stopped(String),
    /// This step failed. It was undone if that was asked for; otherwise every state that it may have left is a planned one.
    Failed(String),
    /// This step was to be undone, and that failed for this reason.
    Stuck(String, String),
}

/// A plan and the record of it.
pub struct Driver<'a, S, R> {
    /// The plan to carry out.
    pub plan: &'a PlanFile,
    /// The record of each event.
    pub record: &'a mut R,
    /// Runs a step, or undoes it.
    pub steps: S,
    /// Who does it.
    pub who: String,
    /// The last step to do.
    pub until: Option<String>,
    /// The reaction to a failure.
    pub on_failure: OnFailure,
}

impl<S: Steps, R: Record> Driver<'_, S, R> {
    fn note(&mut self, step: Option<&str>, event: Happened) -> anyhow::Result<()> {
        let event = Event {
            at: now(),
            who: self.who.clone(),
            rev: self.plan.revision.clone(),
            rollout: self.plan.name().to_owned(),
            plan: self.plan.digest.clone(),
            step: step.map(str::to_owned),
            event,
        };
        self.steps.notify(&event);
        self.record.write(event)
    }

    /// Begins the plan.
    pub fn start(&mut self) -> anyhow::Result<Outcome> {
        self.note(None, Happened::Start)?;
        self.resume()
    }

    /// Does what is not done yet. A step that was begun is done again: its acts find what they did already.
    pub fn resume(&mut self) -> anyhow::Result<Outcome> {
        let done = self.record.progress(&self.plan.digest).done;
        let ids: Vec<String> = self.plan.ids().into_iter().map(str::to_owned).collect();
        for (index, id) in ids.iter().enumerate().filter(|(_, id)| !done.contains(id)) {
            let step = self.plan.step(id).cloned().unwrap_or_default();
            let title = step["title"].as_str().unwrap_or_default();
            self.steps.say(&format!("step {} of {}, {id}: {title}", index + 1, ids.len()));
            self.note(Some(id), Happened::Begin)?;
            let began = Instant::now();
            let touches_nodes = step["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty());
            let result = self.steps.run(id).and_then(|()| match touches_nodes {
                true => self.steps.verify(&step),
                false => Ok(()),
            });
            if let Err(why) = result {
                self.note(Some(id), Happened::Failed)?;
                self.steps.say(&match self.steps.wish() == Wish::Undo {
                    true => format!("{id} was stopped"),
                    false => format!("{id} failed: {why}"),
                });
                let is_back = self.on_failure == OnFailure::Back || self.steps.wish() == Wish::Undo;
                return Ok(match is_back {
                    true => match self.undo(id)? {
                        Ok(()) => Outcome::Failed(id.clone()),
                        Err(why) => Outcome::Stuck(id.clone(), why),
                    },
                    false => Outcome::Failed(id.clone()),
                });
            }
            self.note(Some(id), Happened::Done)?;
            self.steps.say(&format!("{id} done in {:.1} s", began.elapsed().as_secs_f64()));
            let is_last = index + 1 == ids.len();
            let is_enough = self.until.as_ref() == Some(id) || self.steps.wish() != Wish::GoOn;
            if is_enough && !is_last {
                return Ok(Outcome::Stopped(id.clone()));
            }
        }
        // Before it is written down as finished: whoever goes on after a crash in between does it again.
        self.steps.finish()?;
        self.note(None, Happened::Finish)?;
        Ok(Outcome::Finished)
    }

    fn undo(&mut self, id: &str) -> anyhow::Result<Result<(), String>> {
        let back = self.plan.step(id).and_then(|step| step["back"].as_str()).unwrap_or_default();
        if back.is_empty() {
            return Ok(Err(format!("{id} cannot be undone by itself")));
        }
        if self.is_staging(id) {
            let staged = self.staged();
            for other in staged.iter().filter(|other| *other != id) {
                self.note(Some(other), Happened::Undone)?;
            }
        }
        self.note(Some(id), Happened::Undo)?;
        self.steps.say(&format!("undoing {id}"));
        let result = self.steps.back(id);
        if result.is_ok() {
            self.note(Some(id), Happened::Undone)?;
        }
        Ok(result)
    }

    /// Ends the way back of a step that failed, where whoever began it was stopped: perhaps at its end.
    pub fn back_open(&mut self) -> anyhow::Result<Outcome> {
        let Some(open) = self.record.progress(&self.plan.digest).open else {
            return Ok(Outcome::Failed(String::new()));
        };
        Ok(match self.undo(&open)? {
            Ok(()) => Outcome::Failed(open),
            Err(why) => Outcome::Stuck(open, why),
        })
    }

    /// With the claim of nodes goes what was staged: whoever goes on begins with these steps.
    fn is_staging(&self, id: &str) -> bool {
        const STAGING: &[&str] = &["verify", "copy", "test"];
        self.plan.step(id).is_some_and(|step| STAGING.iter().any(|word| step["do"] == *word))
    }

    /// Those of them that are done.
    fn staged(&self) -> Vec<String> {
        let mut done = self.record.progress(&self.plan.digest).done;
        done.retain(|id| self.is_staging(id));
        done
    }

    /// Undoes everything that was done, the last step first. Steps without a way back are left: what they did harms nobody
    /// who runs the old files.
    pub fn back_all(&mut self) -> anyhow::Result<Outcome> {
        let progress = self.record.progress(&self.plan.digest);
        if let Some(id) = progress.open.as_ref().filter(|id| self.plan.releases(id)) {
            bail!(
                "{id} has begun to release the nodes, and those that are released keep nothing to go back to: finish the rollout (--resume; in a cluster, goBack: false); to go back afterwards, render the revision that ran before, and roll that out"
            );
        }
        let mut steps = progress.done;
        steps.extend(progress.open.filter(|open| !steps.contains(open)));
        for id in steps.iter().rev() {
            let has_way = self
                .plan
                .step(id)
                .is_some_and(|step| step["back"].as_str().is_some_and(|back| !back.is_empty()));
            if !has_way {
                self.steps.say(&format!("{id} has nothing to undo"));
                self.note(Some(id), Happened::Undone)?;
                continue;
            }
            if let Err(why) = self.undo(id)? {
                return Ok(Outcome::Stuck(id.clone(), why));
            }
        }
        self.note(None, Happened::Abandon)?;
        Ok(Outcome::Finished)
    }

    /// Releases the claims, and leaves everything else as it is.
    pub fn abandon(&mut self) -> anyhow::Result<Outcome> {
        let first = self.plan.ids().first().copied().unwrap_or_default().to_owned();
        for id in &self.staged() {
            self.note(Some(id), Happened::Undo)?;
        }
        if let Err(why) = self.steps.back(&first) {
            return Ok(Outcome::Stuck(first, why));
        }
        self.note(None, Happened::Abandon)?;
        Ok(Outcome::Finished)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::super::Journal;
    use super::*;

    /// Steps that only say what they did; one may fail once.
    struct Fake<'a> {
        did: &'a RefCell<Vec<String>>,
        fails: &'a RefCell<Option<&'static str>>,
    }

    impl Steps for Fake<'_> {
        fn run(&self, step: &str) -> Result<(), String> {
            if self.fails.borrow().is_some_and(|fails| fails == step) {
                self.fails.replace(None);
                return Err("no power".to_owned());
            }
            self.did.borrow_mut().push(step.to_owned());
            Ok(())
        }

        fn back(&self, step: &str) -> Result<(), String> {
            self.did.borrow_mut().push(format!("back {step}"));
            Ok(())
        }

        fn verify(&self, _: &Value) -> Result<(), String> {
            Ok(())
        }

        fn wish(&self) -> Wish {
            Wish::GoOn
        }

        fn finish(&self) -> anyhow::Result<()> {
            Ok(())
        }

        fn notify(&self, _: &Event) {}

        fn say(&self, _: &str) {}
    }

    fn plan() -> PlanFile {
        plan_of(&[("", "give_up lb-1"), ("", ""), ("", "restore lb-1")])
    }

    /// A plan of steps that do something and have a way back.
    fn plan_of(steps: &[(&str, &str)]) -> PlanFile {
        let step = |id: &str, does: &str, back: &str| json!({ "id": id, "do": does, "title": id, "nodes": ["lb-1"], "back": back });
        let plan = PlanFile {
            version: PlanFile::VERSION,
            claim: String::new(),
            nodes: vec!["lb-1".to_owned()],
            datacenter: "eu1".to_owned(),
            inventory: "inventory.yaml".to_owned(),
            revision: None,
            bundle: "out/eu1".to_owned(),
            steps: ["a", "b", "c"]
                .iter()
                .zip(steps)
                .map(|(id, (does, back))| step(id, does, back))
                .collect(),
            script: String::new(),
            vips: Vec::new(),
            soak: 0,
            from: None,
            to: None,
            digest: String::new(),
        };
        plan.sealed().unwrap()
    }

    /// Does something with the plan and a journal; returns the outcome and what was done.
    fn with(
        path: &Path,
        fails: Option<&'static str>,
        run: impl FnOnce(&mut Driver<'_, Fake<'_>, Journal>) -> anyhow::Result<Outcome>,
    ) -> (Outcome, Vec<String>) {
        let (plan, did, fails) = (plan(), RefCell::default(), RefCell::new(fails));
        let mut journal = Journal::open(path).unwrap();
        let outcome = run(&mut Driver {
            plan: &plan,
            record: &mut journal,
            steps: Fake { did: &did, fails: &fails },
            who: "anna@desk".to_owned(),
            until: None,
            on_failure: OnFailure::Stop,
        });
        (outcome.unwrap(), did.into_inner())
    }

    #[test]
    fn a_plan_goes_on_from_every_line_of_its_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.journal");
        let (outcome, did) = with(&path, None, |driver| driver.start());
        assert_eq!(
            (outcome, did),
            (Outcome::Finished, ["a", "b", "c"].map(str::to_owned).to_vec())
        );
        let whole = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        for kept in 1..lines.len() - 1 {
            std::fs::write(&path, lines[..kept].concat()).unwrap();
            let (outcome, did) = with(&path, None, |driver| driver.resume());
            assert_eq!(outcome, Outcome::Finished);
            // A finished step is not repeated; one that was begun is.
            let done = lines[..kept].iter().filter(|line| line.contains("\"done\"")).count();
            assert_eq!(did, ["a", "b", "c"][done..].to_vec(), "after {kept} lines");
            assert_eq!(Journal::open(&path).unwrap().unfinished(), None);
        }
    }

    #[test]
    fn a_failure_that_gives_up_the_claim_begins_with_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let staging =
            [("verify", "give_up lb-1"), ("copy", "give_up lb-1"), ("test", "give_up lb-1")];
        let plan = plan_of(&staging);
        let (did, fails) = (RefCell::default(), RefCell::new(Some("c")));
        let mut journal = Journal::open(&folder.path().join("x.journal")).unwrap();
        let mut driver = Driver {
            plan: &plan,
            record: &mut journal,
            steps: Fake { did: &did, fails: &fails },
            who: "anna@desk".to_owned(),
            until: None,
            on_failure: OnFailure::Back,
        };
        assert_eq!(driver.start().unwrap(), Outcome::Failed("c".to_owned()));
        // It is undone, and nothing is left to undo.
        assert_eq!(driver.back_open().unwrap(), Outcome::Failed(String::new()));
        assert_eq!(driver.resume().unwrap(), Outcome::Finished);
        let expected = ["a", "b", "back c", "a", "b", "c"].map(str::to_owned);
        assert_eq!(did.into_inner(), expected);
    }

    #[test]
    fn a_failure_stops_and_everything_can_be_undone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.journal");
        let (outcome, did) = with(&path, Some("c"), |driver| driver.start());
        assert_eq!(outcome, Outcome::Failed("c".to_owned()));
        assert_eq!(did, ["a", "b"]);
        assert!(Journal::open(&path).unwrap().refuse_second().is_err());
        let (outcome, did) = with(&path, None, |driver| driver.back_all());
        // A step that was begun is undone too; one that has no way back is passed over.
        assert_eq!(
            (outcome, did),
            (Outcome::Finished, ["back c", "back a"].map(str::to_owned).to_vec())
        );
        assert!(Journal::open(&path).unwrap().refuse_second().is_ok());
        let (outcome, did) = with(&path, None, |driver| {
            driver.until = Some("b".to_owned());
            driver.start()
        });
        assert_eq!(
            (outcome, did),
            (Outcome::Stopped("b".to_owned()), ["a", "b"].map(str::to_owned).to_vec())
        );
        let (_, did) = with(&path, Some("c"), |driver| {
            driver.on_failure = OnFailure::Back;
            driver.resume()
        });
        assert_eq!(did, ["back c"]);
        let (outcome, did) = with(&path, None, |driver| driver.abandon());
        assert_eq!((outcome, did), (Outcome::Finished, vec!["back a".to_owned()]));
    }
}
