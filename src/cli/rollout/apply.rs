//! `rollout --apply`, `--resume`, `--back-all`, `--abandon`: lbgen carries the plan out itself.

use std::io::{BufRead, IsTerminal, Write, stdin};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::Value;

use super::super::Exit;
use super::super::output::say;
use crate::bundle;
use crate::diag::count;
use crate::execute::driver::STOPS;
use crate::execute::journal::Event;
use crate::execute::{Driver, Journal, OnFailure, Outcome, PlanFile, Steps};
use crate::state::WorkTree;

/// Options of a rollout that lbgen carries out.
#[derive(clap::Args)]
#[command(next_help_heading = "Carrying it out")]
pub struct Apply {
    /// Write the plan to FILE, for --apply --plan
    #[arg(long, value_name = "FILE", conflicts_with_all = ["apply", "resume", "back_all", "abandon"])]
    pub save: Option<PathBuf>,
    /// Carry the plan out, step by step, with a journal
    #[arg(long)]
    pub apply: bool,
    /// The plan to carry out, as --save wrote it; default: plan now
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Go on with a rollout that was interrupted
    #[arg(long, conflicts_with = "apply")]
    pub resume: bool,
    /// Undo what was done, the last step first
    #[arg(long, conflicts_with_all = ["apply", "resume"])]
    pub back_all: bool,
    /// Release the nodes of a rollout that nobody goes on with, and leave the rest as it is
    #[arg(long, conflicts_with_all = ["apply", "resume", "back_all"])]
    pub abandon: bool,
    /// Do not ask before the first step
    #[arg(long)]
    yes: bool,
    /// End after this step
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    /// After a step that fails: leave everything as it is, or undo the step
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Reaction::Stop)]
    on_failure: Reaction,
    /// Run COMMAND here after each step that touches nodes, with LBGEN_STEP, LBGEN_NODES and LBGEN_VIPS; where it fails, the
    /// step has failed
    #[arg(long, value_name = "COMMAND")]
    verify: Option<String>,
    /// Run COMMAND for each event, which it gets as JSON on its standard input
    #[arg(long, value_name = "COMMAND")]
    notify: Option<String>,
    /// The journal; default: .lbgen-rollout/<datacenter>.journal
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Go on where a VIP is on another node than planned, as long as one node holds it
    #[arg(long)]
    accept_holders: bool,
    /// Do not move the tag deployed/<datacenter> at the end
    #[arg(long)]
    no_tag: bool,
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
        let usual = || Path::new(".lbgen-rollout").join(format!("{datacenter}.journal"));
        self.journal.clone().unwrap_or_else(usual)
    }

    /// The plan of a rollout that was begun: the one that is named, or that which the journal has beside it.
    pub fn begun(&self, datacenter: &str) -> anyhow::Result<PlanFile> {
        let beside = self.journal_path(datacenter).with_extension("plan.json");
        PlanFile::read(self.saved().unwrap_or(&beside))
    }

    /// Carries a plan out, or goes on with it, or undoes it.
    pub fn carry_out(&self, plan: &PlanFile, summary: &str) -> anyhow::Result<Exit> {
        let path = self.journal_path(&plan.datacenter);
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
        if plan.steps.is_empty() {
            say("nothing to do\n");
            return Ok(Exit::Done);
        }
        if !self.yes && !self.is_agreed(summary)? {
            return Ok(Exit::Failed);
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
        let steps = Script { options: self, plan, path: &script, child: AtomicU32::new(0) };
        stop_between_steps();
        let mut driver = Driver {
            plan,
            journal: &mut journal,
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
        self.end(plan, &outcome, &path)
    }

    fn is_agreed(&self, summary: &str) -> anyhow::Result<bool> {
        if !stdin().is_terminal() {
            bail!("nobody can be asked: --yes goes on without");
        }
        say(summary);
        say("carry this out? [y/N] ");
        let mut answer = String::new();
        stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    fn end(&self, plan: &PlanFile, outcome: &Outcome, journal: &Path) -> anyhow::Result<Exit> {
        match outcome {
            Outcome::Finished if self.back_all => {
                say("everything was undone\n");
                Ok(Exit::Done)
            }
            Outcome::Finished if self.abandon => {
                say("the nodes are released; what was done stays\n");
                Ok(Exit::Done)
            }
            Outcome::Finished => {
                say(&format!("done: {}\n", count(plan.steps.len(), "step")));
                self.tag(plan)?;
                Ok(Exit::Done)
            }
            Outcome::Stopped(step) => {
                say(&format!(
                    "stopped after {step}: go on with --resume, or undo it with --back-all\n"
                ));
                Ok(Exit::Done)
            }
            Outcome::Failed(step, _) => {
                say(&format!(
                    "{step} failed; every node is in a state that was planned ({}). Once the cause is fixed, go on with --resume; --back-all undoes what was done\n",
                    journal.display()
                ));
                Ok(Exit::Found)
            }
        }
    }

    /// Moves the tag to the commit that was rolled out.
    fn tag(&self, plan: &PlanFile) -> anyhow::Result<()> {
        let Some(revision) = plan.revision.as_deref().filter(|_| !self.no_tag) else {
            return Ok(());
        };
        let tag = format!("deployed/{}", plan.datacenter);
        let Some(tree) = WorkTree::of(Path::new(&plan.bundle)) else { return Ok(()) };
        tree.tag(&tag, revision)?;
        say(&format!(
            "{tag} is {} now; push it: git push -f origin {tag}\n",
            bundle::short(revision)
        ));
        Ok(())
    }
}

/// A step that was begun before lbgen died goes on to its end: its script holds a lock on itself.
fn wait_for(script: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::open(script)?;
    if file.try_lock().is_err() {
        say("a step is still under way, from before: waiting for it\n");
        file.lock().with_context(|| format!("cannot lock {}", script.display()))?;
    }
    Ok(())
}

/// Ctrl-C once: stops after the step. Twice: ends the step, which is undone then. The third time ends lbgen.
fn stop_between_steps() {
    let handled = ctrlc::set_handler(|| match STOPS.fetch_add(1, Ordering::SeqCst) {
        0 => say("\nstops after this step; Ctrl-C again undoes it\n"),
        1 => say("\nundoing this step\n"),
        _ => std::process::exit(130),
    });
    // Another handler keeps Ctrl-C from ending what is under way, too.
    drop(handled);
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

/// The script of the plan, one step at a time.
struct Script<'a> {
    options: &'a Apply,
    plan: &'a PlanFile,
    path: &'a Path,
    /// The process that runs now; 0 is none.
    child: AtomicU32,
}

impl Script<'_> {
    fn sh(&self, words: &[&str]) -> Result<(), String> {
        let mut command = Command::new("sh");
        command.arg(self.path).arg("--yes").args(words);
        if self.options.accept_holders {
            command.arg("--accept-holders");
        }
        let child = command
            .env("LBGEN_BUNDLE", &self.plan.bundle)
            .env("LBGEN_PARENT", std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is lbgen's to hear.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot run sh: {error}"))?;
        self.child.store(child.id(), Ordering::SeqCst);
        let done = std::thread::scope(|scope| {
            // The second Ctrl-C ends the step.
            scope.spawn(|| {
                while self.child.load(Ordering::SeqCst) != 0 {
                    if STOPS.load(Ordering::SeqCst) > 1 {
                        let group = format!("-{}", self.child.load(Ordering::SeqCst));
                        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
                        return;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
            });
            let done = child.wait_with_output();
            self.child.store(0, Ordering::SeqCst);
            done
        });
        let done = done.map_err(|error| error.to_string())?;
        match done.status.success() {
            true => Ok(()),
            false => Err(last_words(&String::from_utf8_lossy(&done.stderr))),
        }
    }
}

/// The error of a step, without the advice of the script, which is for those who run it by hand.
fn last_words(said: &str) -> String {
    let own = said.lines().take_while(|line| !line.contains("Once the cause is fixed"));
    let words: Vec<&str> = own.map(str::trim).filter(|line| !line.is_empty()).collect();
    if words.is_empty() { "no reason was given".to_owned() } else { words.join("; ") }
}

impl Steps for Script<'_> {
    fn run(&self, step: &str) -> Result<(), String> {
        self.sh(&["--from-step", step, "--until", step])
    }

    fn back(&self, step: &str) -> Result<(), String> {
        self.sh(&["--back", step])
    }

    fn verify(&self, step: &Value) -> Result<(), String> {
        let Some(command) = &self.options.verify else { return Ok(()) };
        let words = |key: &str, inner: Option<&str>| {
            let list = step[key].as_array().into_iter().flatten();
            let texts =
                list.filter_map(|one| inner.map_or(Some(one), |inner| one.get(inner))?.as_str());
            texts.collect::<Vec<_>>().join(" ")
        };
        let done = Command::new("sh")
            .args(["-c", command])
            .env("LBGEN_STEP", step["id"].as_str().unwrap_or_default())
            .env("LBGEN_NODES", words("nodes", None))
            .env("LBGEN_VIPS", words("vips", Some("vip")))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        match done.status.success() {
            true => Ok(()),
            false => Err(format!(
                "--verify: {}",
                last_words(&String::from_utf8_lossy(&[done.stdout, done.stderr].concat()))
            )),
        }
    }

    fn notify(&self, event: &Event) {
        let (Some(command), Ok(line)) = (&self.options.notify, serde_json::to_string(event)) else {
            return;
        };
        let child = Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).spawn();
        // A message that does not arrive stops no rollout.
        if let Ok(mut child) = child {
            if let Some(mut input) = child.stdin.take() {
                let _ = writeln!(input, "{line}");
            }
            let _ = child.wait();
        }
    }

    fn say(&self, line: &str) {
        let seconds = crate::execute::journal::now() % 86_400;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        say(&format!("{hours:02}:{minutes:02}:{seconds:02}Z {line}\n"));
    }
}
