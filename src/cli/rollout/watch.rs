//! The holders of the VIPs while a rollout is carried out: each node is followed over a connection of its own, and on a terminal
//! a table shows what they say.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::output::say;
use super::super::table::table;
use crate::diag::count;
use crate::execute::{Holders, PlanFile};

/// The time between two pictures of the table, and between two looks at what ends.
const TICK: Duration = Duration::from_millis(200);
/// The time until a connection that broke is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// The time between the first connections to two nodes: a jump host refuses many at once (MaxStartups of sshd_config(5)), and
/// the steps have connections of their own.
const APART: Duration = Duration::from_millis(100);
/// VIPs that the table shows at most.
const ROWS: usize = 12;

/// Follows every node until it is dropped.
pub(super) struct Watch {
    shared: Arc<Shared>,
    bar: ProgressBar,
}

struct Shared {
    script: PathBuf,
    seen: Mutex<Seen>,
}

struct Seen {
    holders: Holders,
    step: Option<Step>,
    connections: BTreeMap<String, Connection>,
    is_over: bool,
}

/// A connection to a node.
struct Connection {
    /// The node says nothing more once this ends.
    input: Option<ChildStdin>,
    /// The group of its processes.
    group: u32,
}

/// The step that runs.
struct Step {
    head: String,
    began: Instant,
    planned: BTreeMap<IpAddr, Vec<String>>,
    moving: Vec<IpAddr>,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a node, and again where the connection breaks: a node may boot in a step.
    fn follow(&self, node: &str) {
        while !self.seen().is_over {
            if let Some(mut child) = self.connect(node) {
                for line in
                    child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines())
                {
                    let Ok(line) = line else { break };
                    self.seen().holders.hear(node, &line, Instant::now());
                }
                self.seen().connections.remove(node);
                let _ = child.wait();
            }
            let mut seen = self.seen();
            if !seen.is_over {
                seen.holders.lose(node);
            }
            drop(seen);
            std::thread::sleep(AGAIN);
        }
    }

    fn connect(&self, node: &str) -> Option<Child> {
        let mut child = Command::new("sh")
            .arg(&self.script)
            .args(["--follow", node])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is lbgen's to hear.
            .process_group(0)
            .spawn()
            .ok()?;
        let input = child.stdin.take();
        let mut seen = self.seen();
        if !seen.is_over {
            seen.connections.insert(node.to_owned(), Connection { input, group: child.id() });
        }
        Some(child)
    }
}

impl Watch {
    /// Begins with the nodes of a plan that live.
    pub fn start(plan: &PlanFile, script: &Path, down: &[String]) -> Self {
        let nodes: Vec<String> =
            plan.nodes.iter().filter(|node| !down.contains(node)).cloned().collect();
        let last = plan.ids().last().copied().unwrap_or_default();
        let vips = plan.holders_after(last).into_keys();
        let seen = Seen {
            holders: Holders::new(nodes.clone(), vips),
            step: None,
            connections: BTreeMap::new(),
            is_over: false,
        };
        let shared = Arc::new(Shared { script: script.to_owned(), seen: Mutex::new(seen) });
        for (at, node) in (0..).zip(nodes) {
            let shared = shared.clone();
            std::thread::spawn(move || {
                std::thread::sleep(APART * at);
                shared.follow(&node);
            });
        }
        let bar = match std::io::stderr().is_terminal() && std::env::var_os("CI").is_none() {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        };
        let style = ProgressStyle::with_template("{msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        if !bar.is_hidden() {
            let (shared, bar) = (shared.clone(), bar.clone());
            std::thread::spawn(move || {
                while !shared.seen().is_over {
                    let picture = picture(&shared.seen());
                    bar.set_message(picture);
                    bar.tick();
                    std::thread::sleep(TICK);
                }
            });
        }
        Self { shared, bar }
    }

    /// A step begins.
    pub fn begin(&self, plan: &PlanFile, id: &str) {
        let Some(step) = plan.step(id) else { return };
        let title = step["title"].as_str().unwrap_or_default();
        let moving = step["vips"].as_array().into_iter().flatten();
        self.shared.seen().step = Some(Step {
            head: format!("{id}: {title}"),
            began: Instant::now(),
            planned: plan.holders_after(id),
            moving: moving.filter_map(|moved| moved["vip"].as_str()?.parse().ok()).collect(),
        });
    }

    /// Says a line, above the table.
    pub fn say(&self, line: &str) {
        match self.bar.is_hidden() {
            true => say(&format!("{line}\n")),
            false => self.bar.println(line),
        }
    }

    /// The effect of the steps so far, as the nodes have told it.
    pub fn summary(&self) -> String {
        let seen = self.shared.seen();
        let nodes = count(seen.holders.nodes(), "node");
        let moved = format!("{nodes}, {} moved", count(seen.holders.moved(), "VIP"));
        match seen.holders.longest_silence() {
            _ if !seen.holders.were_all_heard() => {
                format!("{nodes}; not every node was followed, so silences were not counted")
            }
            Some((longest, vip)) => {
                format!(
                    "{moved}; none was silent for longer than {:.2} s ({vip})",
                    longest.as_secs_f64()
                )
            }
            None => format!("{moved}; none was silent"),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        {
            let mut seen = self.shared.seen();
            seen.is_over = true;
            seen.connections.values_mut().for_each(|connection| connection.input = None);
        }
        self.bar.finish_and_clear();
        std::thread::sleep(TICK);
        // The others have ended with their standard input; a dead connection does not.
        for connection in self.shared.seen().connections.values() {
            let group = format!("-{}", connection.group);
            let _ =
                Command::new("kill").args(["-TERM", "--", &group]).stderr(Stdio::null()).status();
        }
    }
}

/// The step that runs, with its clock, and the VIPs that it moves or that are not where they are planned.
fn picture(seen: &Seen) -> String {
    let Some(step) = &seen.step else { return String::new() };
    let mut rows = Vec::new();
    let mut others = 0;
    for (vip, held) in seen.holders.all() {
        let planned = step.planned.get(&vip);
        let is_planned = match planned.map(Vec::as_slice) {
            None => true,
            Some([]) => held.is_empty(),
            Some(nodes) => held.len() == 1 && held.iter().all(|node| nodes.contains(node)),
        };
        if is_planned && !step.moving.contains(&vip) || rows.len() == ROWS {
            others += 1;
            continue;
        }
        let names = |names: Vec<&str>, nobody: &str, between: &str| match names.is_empty() {
            true => nobody.to_owned(),
            false => names.join(between),
        };
        let wanted = planned.map_or("any".to_owned(), |nodes| {
            names(nodes.iter().map(String::as_str).collect(), "-", " or ")
        });
        let nobody = if seen.holders.unheard().is_empty() { "nobody" } else { "not seen" };
        let held = names(held.iter().map(String::as_str).collect(), nobody, ", ");
        rows.push(vec![vip.to_string(), wanted, held]);
    }
    let mut text = format!("{}, {} s\n", step.head, step.began.elapsed().as_secs());
    if !rows.is_empty() {
        text += &table(&["VIP", "PLANNED", "HELD BY"], rows);
    }
    if others > 0 {
        text += &format!("and {others} more\n");
    }
    let unheard = seen.holders.unheard();
    if !unheard.is_empty() {
        text += &format!("not heard: {}\n", unheard.join(", "));
    }
    text.trim_end().to_owned()
}
