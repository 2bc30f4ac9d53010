//! `rollout --apply`, `--resume`, `--back-all`, `--abandon`: lbgen carries the plan out itself.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::super::Exit;
use super::super::here::Here;
use super::super::output::say;
use super::folder::{FOLDER, make_folder, refuse_nothing, wait_for};
use super::shown::head;
use super::steps::Script;
use super::stop::stop_between_steps;
use super::watch::Watch;
use crate::bundle;
use crate::diag::count;
use crate::execute::{Driver, Journal, OnFailure, Outcome, PlanFile, Record};
use crate::language::shell::quoted;

/// Options of a rollout that lbgen carries out.
#[derive(clap::Args)]
#[command(next_help_heading = "Carrying it out")]
pub struct Apply {
    /// Write the plan to FILE, for --apply --plan
    #[arg(long, value_name = "FILE", conflicts_with_all = ["apply", "resume", "back_all", "abandon"])]
    pub save: Option<PathBuf>,
    /// Carry the plan out, step by step, with a journal
    #[arg(long, group = "acting")]
    pub apply: bool,
    /// The plan to carry out, as --save wrote it; default: plan now
    #[arg(long, value_name = "FILE", requires = "acting")]
    plan: Option<PathBuf>,
    /// Go on with a rollout that was interrupted
    #[arg(long, group = "acting", conflicts_with = "apply")]
    pub resume: bool,
    /// Undo what was done, the last step first
    #[arg(long, group = "acting", conflicts_with_all = ["apply", "resume"])]
    pub back_all: bool,
    /// Release the nodes of a rollout that nobody goes on with, and leave the rest as it is
    #[arg(long, group = "acting", conflicts_with_all = ["apply", "resume", "back_all"])]
    pub abandon: bool,
    /// Do not ask before the first step
    #[arg(long, requires = "acting")]
    yes: bool,
    /// End after this step
    #[arg(long, value_name = "STEP", requires = "acting")]
    until: Option<String>,
    /// After a step that fails: leave everything as it is, or undo the step
    #[arg(long, value_enum, value_name = "WHAT", requires = "acting", default_value_t = Reaction::Stop)]
    on_failure: Reaction,
    /// Run COMMAND here after each step that touches nodes, with LBGEN_STEP, LBGEN_NODES and LBGEN_VIPS; where it fails, the
    /// step has failed
    #[arg(long, value_name = "COMMAND", requires = "acting")]
    verify: Option<String>,
    /// Run COMMAND for each event, which it gets as JSON on its standard input
    #[arg(long, value_name = "COMMAND", requires = "acting")]
    notify: Option<String>,
    /// The journal; default: .lbgen-rollout/<datacenter>.journal
    #[arg(long, value_name = "FILE", requires = "acting")]
    journal: Option<PathBuf>,
    /// Go on where a VIP is on another node than planned, as long as one node holds it
    #[arg(long, requires = "acting")]
    accept_holders: bool,
    /// Connect to so many nodes at one time; what has to happen at one moment is not bound by it
    #[arg(long, value_name = "N", requires = "acting", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: Option<u16>,
    /// Take over the claim of somebody who does not go on, as the nodes name them:
    /// anna@desk:/home/anna/front-end/.lbgen-rollout
    #[arg(long, value_name = "WHO", requires = "acting")]
    take_over: Option<String>,
    /// A node that hears nothing of this rollout for so many seconds undoes its part of a step by itself (not where several
    /// nodes act at one moment)
    #[arg(long, value_name = "TIME", requires = "acting", value_parser = seconds)]
    confirm_within: Option<u64>,
    /// Do not move the tag deployed/<datacenter> at the end
    #[arg(long, requires = "acting")]
    no_tag: bool,
}

/// The end of what lbgen carried out.
pub enum Ended {
    /// Every step is done.
    Finished,
    /// Otherwise, with this exit status.
    Otherwise(Exit),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reaction {
    Stop,
    Back,
}

impl Apply {
    /// Returns true if something is to be done to the nodes.
    pub fn acts(&self) -> bool {
        self.apply || self.is_later()
    }

    /// Returns true if it is about a rollout that was begun.
    pub fn is_later(&self) -> bool {
        self.resume || self.back_all || self.abandon
    }

    /// The plan that is named, or `None` if it is to be made now.
    pub fn saved(&self) -> Option<&Path> {
        self.plan.as_deref()
    }

    fn journal_path(&self, datacenter: &str) -> PathBuf {
        let usual = || Path::new(FOLDER).join(format!("{datacenter}.journal"));
        self.journal.clone().unwrap_or_else(usual)
    }

    /// The plan of a rollout that was begun: the one that is named, or that which the journal has beside it.
    pub fn begun(&self, datacenter: &str) -> anyhow::Result<PlanFile> {
        let journal = self.journal_path(datacenter);
        refuse_nothing(&journal)?;
        PlanFile::read(self.saved().unwrap_or(&journal.with_extension("plan.json")))
    }

    /// Carries a plan out, or goes on with it, or undoes it; without the nodes in `down`. `steps` are shown before anybody
    /// agrees.
    pub fn carry_out(
        &self,
        plan: &PlanFile,
        steps: &str,
        down: &[String],
        here: &Here,
    ) -> anyhow::Result<Ended> {
        let path = self.journal_path(&plan.datacenter);
        match self.is_later() {
            true => refuse_nothing(&path)?,
            false if self.journal.is_none() => make_folder()?,
            false => {}
        }
        let mut journal = Journal::open(&path)?;
        if self.is_later() && journal.unfinished() != Some(plan.digest.as_str()) {
            bail!("{} has no unfinished rollout of this plan", path.display());
        }
        if !self.is_later() {
            journal.refuse_second()?;
        }
        if let Some(id) = self.until.as_ref().filter(|id| plan.step(id).is_none()) {
            bail!("the plan has no step {id}; its steps are {}", plan.ids().join(", "));
        }
        let down = left_out(plan, down)?;
        if plan.steps.is_empty() {
            say("nothing to do\n");
            return Ok(Ended::Otherwise(Exit::Done));
        }
        if !self.yes && !self.is_agreed(plan, steps, &journal)? {
            say("nothing was done\n");
            return Ok(Ended::Otherwise(Exit::Failed));
        }
        // Whoever goes on later finds the plan beside its journal.
        if self.apply {
            bundle::replace_file(&path.with_extension("plan.json"), &plan.text()?)?;
        }
        let script = path.with_extension("sh");
        // A step that outlived lbgen still reads its script.
        if std::fs::read_to_string(&script).ok().as_ref() != Some(&plan.script) {
            bundle::replace_file(&script, &plan.script)
                .with_context(|| format!("cannot write {}", script.display()))?;
        }
        wait_for(&script)?;
        let watch = Watch::start(plan, &script, &down);
        let steps = Script {
            options: self.of_script(&down),
            verify: self.verify.as_deref(),
            notify: self.notify.as_deref(),
            moves_tag: !self.no_tag,
            plan,
            path: &script,
            watch: &watch,
        };
        stop_between_steps();
        let mut driver = Driver {
            plan,
            record: &mut journal,
            steps,
            who: who(),
            until: self.until.clone(),
            on_failure: match self.on_failure {
                Reaction::Stop => OnFailure::Stop,
                Reaction::Back => OnFailure::Back,
            },
        };
        let outcome = match () {
            () if self.apply => driver.start()?,
            () if self.resume => driver.resume()?,
            () if self.back_all => driver.back_all()?,
            () => driver.abandon()?,
        };
        let is_over = journal.unfinished().is_none();
        let summary = watch.summary();
        drop(watch);
        if outcome == Outcome::Finished && (self.apply || self.resume) {
            say(&format!("done: {}, {summary}\n", count(plan.steps.len(), "step")));
            return Ok(Ended::Finished);
        }
        self.end(plan, &outcome, is_over, here).map(Ended::Otherwise)
    }

    /// The options that the script takes for each step.
    fn of_script(&self, down: &[String]) -> Vec<String> {
        let mut options = Vec::new();
        if self.accept_holders {
            options.push("--accept-holders".to_owned());
        }
        if let Some(count) = self.parallel {
            options.extend(["--parallel".to_owned(), count.to_string()]);
        }
        if let Some(seconds) = self.confirm_within {
            options.extend(["--confirm-within".to_owned(), seconds.to_string()]);
        }
        if let Some(whom) = &self.take_over {
            options.extend(["--take-over".to_owned(), whom.clone()]);
        }
        if !down.is_empty() {
            options.extend(["--down".to_owned(), down.join(",")]);
        }
        options
    }

    /// Shows what is about to be done, and asks.
    fn is_agreed(&self, plan: &PlanFile, steps: &str, journal: &Journal) -> anyhow::Result<bool> {
        if !stdin().is_terminal() {
            bail!(
                "standard input is no terminal, so nobody can be asked: --yes begins without a question"
            );
        }
        let progress = journal.progress(&plan.digest);
        let numbered: Vec<(usize, &str, &str)> = plan
            .steps
            .iter()
            .enumerate()
            .map(|(number, step)| {
                let word = |key: &str| step[key].as_str().unwrap_or_default();
                (number, word("title"), word("id"))
            })
            .collect();
        let done: BTreeSet<&str> = progress.done.iter().map(String::as_str).collect();
        let begun = |id: &str| done.contains(id) || progress.open.as_deref() == Some(id);
        let line = |(number, title, id): &(usize, &str, &str)| head(*number, title, id);
        let (text, question): (String, &str) = match () {
            () if self.apply => (steps.to_owned(), "carry this out?"),
            () if self.resume => {
                let left = numbered.iter().filter(|(.., id)| !done.contains(id));
                (left.map(line).collect(), "go on with these steps?")
            }
            () if self.back_all => {
                let back = numbered.iter().rev().filter(|(.., id)| begun(id));
                (back.map(line).collect(), "undo these steps?")
            }
            () => (String::new(), "release the nodes, and leave everything else as it is?"),
        };
        say(&format!("{text}{question} [y/N] "));
        let mut answer = String::new();
        stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    fn end(
        &self,
        plan: &PlanFile,
        outcome: &Outcome,
        is_over: bool,
        here: &Here,
    ) -> anyhow::Result<Exit> {
        let [resume, back_all, abandon] =
            ["--resume", "--back-all", "--abandon"].map(|option| self.again(option, here));
        match outcome {
            Outcome::Finished if self.back_all => {
                say("everything that can be undone was; VIPs may take some seconds to come back\n");
                Ok(Exit::Done)
            }
            Outcome::Finished => {
                say(
                    "what this rollout had claimed is released; what was done stays. If they run a mixture now, plan the next rollout from their collected files: lbgen rollout --from DIR\n",
                );
                Ok(Exit::Done)
            }
            Outcome::Stopped(step) => {
                say(&format!(
                    "stopped after {step}\n  to go on    {resume}\n  to undo it  {back_all}\n"
                ));
                Ok(Exit::Done)
            }
            Outcome::Failed(step) if is_over => {
                say(&format!(
                    "{step} failed and was undone; nothing is left of this rollout: begin again once the cause is fixed\n"
                ));
                Ok(Exit::Found)
            }
            Outcome::Failed(step) if plan.releases(step) => {
                say(&format!(
                    "{step} failed; everything else is done, and some nodes are released already\n  \
                     once the cause is fixed   {resume}\n  \
                     where a node has died     the same with --down NODE\n"
                ));
                Ok(Exit::Found)
            }
            Outcome::Failed(step) => {
                say(&format!(
                    "{step} failed; the steps before it are done, and none after it was begun\n  \
                     once the cause is fixed   {resume}\n  \
                     to undo what was done     {back_all}\n  \
                     where a node has died     the same with --down NODE\n"
                ));
                Ok(Exit::Found)
            }
            Outcome::Stuck(step, why) => {
                say(&format!(
                    "{step} could not be undone: {why}\n  \
                     once the cause is fixed   {back_all}\n  \
                     to go forward instead     {resume}\n  \
                     to leave it as it is      {abandon}\n  \
                     where a node has died     the same with --down NODE\n"
                ));
                Ok(Exit::Found)
            }
        }
    }

    /// The command that goes on from here, with everything that this one was told.
    fn again(&self, option: &str, here: &Here) -> String {
        let mut options = vec![option.to_owned()];
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let named = [
            ("--plan", self.saved().map(path)),
            ("--journal", self.journal.as_deref().map(path)),
            ("--verify", self.verify.clone().filter(|_| option == "--resume")),
            ("--notify", self.notify.clone()),
            ("--confirm-within", self.confirm_within.map(|seconds| format!("{seconds}s"))),
        ];
        for (name, value) in named {
            options.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        }
        if self.no_tag && option == "--resume" {
            options.push("--no-tag".to_owned());
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        here.command_on_bundle("rollout", &options)
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    let time = super::duration(text).filter(|time| time.as_secs() > 0);
    time.map(|time| time.as_secs()).ok_or("a number and its unit (s, m), such as 60s".to_owned())
}

/// The dead nodes, if the plan knows them all.
fn left_out(plan: &PlanFile, down: &[String]) -> anyhow::Result<Vec<String>> {
    let nodes = plan.steps.iter().filter_map(|step| step["nodes"].as_array()).flatten();
    let nodes: BTreeSet<&str> = nodes.filter_map(|node| node.as_str()).collect();
    for name in down {
        if !nodes.contains(name.as_str()) {
            let known: Vec<&str> = nodes.into_iter().collect();
            bail!("the plan has no node {}; it has {}", quoted(name), known.join(", "));
        }
    }
    Ok(down.to_vec())
}

/// `anna@desk`
fn who() -> String {
    let said = |program: &str, word: &str| {
        let done = Command::new(program).arg(word).output().ok()?;
        Some(String::from_utf8_lossy(&done.stdout).trim().to_owned())
    };
    let user = said("id", "-un").unwrap_or("somebody".to_owned());
    format!("{user}@{}", said("uname", "-n").unwrap_or_default())
}
