//! The steps of a rollout, each by the script of its plan.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::stop::wish;
use super::watch::Watch;
use crate::bundle;
use crate::execute::journal::Event;
use crate::execute::{PlanFile, Steps, Wish};
use crate::state::WorkTree;

/// The script of the plan, one step at a time.
pub(super) struct Script<'a> {
    /// More options of the script.
    pub options: Vec<String>,
    /// The user's own check of a step.
    pub verify: Option<&'a str>,
    /// The user's own command for each event.
    pub notify: Option<&'a str>,
    /// True if the tag deployed/<datacenter> moves at the end.
    pub moves_tag: bool,
    pub plan: &'a PlanFile,
    pub path: &'a Path,
    pub watch: &'a Watch,
}

/// The group of the processes of the step that runs; 0 between steps.
pub(super) static RUNNING: AtomicU32 = AtomicU32::new(0);

/// A step may be stopped in the middle; what undoes it may not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    Stop,
    NotStop,
}

impl Script<'_> {
    fn sh(&self, words: &[&str], may: May) -> Result<(), String> {
        let mut command = Command::new("sh");
        command.arg(self.path).arg("--yes").args(words).args(&self.options);
        let mut child = command
            .env("LBGEN_BUNDLE", &self.plan.bundle)
            .env("LBGEN_PARENT", std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is lbgen's to hear.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot run sh: {error}"))?;
        RUNNING.store(child.id(), Ordering::SeqCst);
        let (group, is_over) = (format!("-{}", child.id()), AtomicBool::new(false));
        let done = std::thread::scope(|scope| {
            // The second Ctrl-C ends the step.
            scope.spawn(|| {
                while may == May::Stop && !is_over.load(Ordering::SeqCst) {
                    if wish() == Wish::Undo {
                        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            // Whatever the script has started looks for the script, and a process that ended is there until it is waited for.
            let pipe = child.stderr.take();
            let said = scope.spawn(move || {
                let mut said = Vec::new();
                pipe.map(|mut pipe| pipe.read_to_end(&mut said));
                said
            });
            let status = child.wait();
            RUNNING.store(0, Ordering::SeqCst);
            is_over.store(true, Ordering::SeqCst);
            let stderr = said.join().unwrap_or_default();
            status.map(|status| Output { status, stdout: Vec::new(), stderr })
        });
        let done = done.map_err(|error| error.to_string())?;
        reason(&done)?;
        if may == May::NotStop {
            // The nodes that stay as they are, and the reason.
            String::from_utf8_lossy(&done.stderr).lines().for_each(|line| self.watch.say(line));
        }
        Ok(())
    }
}

/// The error of a command, or how it ended where it says nothing.
fn reason(done: &Output) -> Result<(), String> {
    if done.status.success() {
        return Ok(());
    }
    let said = last_words(&String::from_utf8_lossy(&done.stderr));
    Err(if said.is_empty() { done.status.to_string() } else { said })
}

/// The error of a step, without the advice of the script, which is for those who run it by hand.
fn last_words(said: &str) -> String {
    let own = said.lines().take_while(|line| !line.contains("Once the cause is fixed"));
    let mut words = String::new();
    for line in own.map(str::trim).filter(|line| !line.is_empty()) {
        // A line that announces the next ones.
        let gap = if words.ends_with(':') { " " } else { "; " };
        words += if words.is_empty() { "" } else { gap };
        words += line;
    }
    words
}

impl Steps for Script<'_> {
    fn run(&self, step: &str) -> Result<(), String> {
        self.watch.begin(self.plan, step);
        self.sh(&["--from-step", step, "--until", step], May::Stop)
    }

    fn back(&self, step: &str) -> Result<(), String> {
        self.sh(&["--back", step], May::NotStop)
    }

    fn verify(&self, step: &Value) -> Result<(), String> {
        let Some(command) = self.verify else { return Ok(()) };
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
        // Probes print what is wrong on either.
        let said = [done.stdout, done.stderr].concat();
        reason(&Output { stdout: Vec::new(), stderr: said, ..done })
            .map_err(|why| format!("--verify: {why}"))
    }

    fn wish(&self) -> Wish {
        wish()
    }

    /// Moves the tag to the commit that was rolled out.
    fn finish(&self) -> anyhow::Result<()> {
        let revision = self.plan.revision.as_deref().filter(|_| self.moves_tag);
        let tree = WorkTree::of(Path::new(&self.plan.bundle));
        let (Some(revision), Some(tree)) = (revision, tree) else { return Ok(()) };
        let tag = format!("deployed/{}", self.plan.datacenter);
        tree.tag(&tag, revision)?;
        let revision = bundle::short(revision);
        self.watch.say(&format!("{tag} is {revision} now; push it: git push -f origin {tag}"));
        Ok(())
    }

    fn notify(&self, event: &Event) {
        let (Some(command), Ok(line)) = (self.notify, serde_json::to_string(event)) else {
            return;
        };
        let tell = || {
            let mut child = Command::new("sh")
                .args(["-c", command])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|error| error.to_string())?;
            if let Some(mut input) = child.stdin.take() {
                let _ = writeln!(input, "{line}");
            }
            reason(&child.wait_with_output().map_err(|error| error.to_string())?)
        };
        // A message that does not arrive stops no rollout.
        if let Err(why) = tell() {
            self.say(&format!("--notify: {why}"));
        }
    }

    fn say(&self, line: &str) {
        let seconds = crate::execute::journal::now() % 86_400;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        self.watch.say(&format!("{hours:02}:{minutes:02}:{seconds:02}Z {line}"));
    }
}
