//! A fleet that runs what an edit begins with, and the script that leads to its end: over namespaces instead of ssh.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use lbgen::plan::simulate::Scenario;

use crate::lab::edits::{Edit, Origin, base, machines};
use crate::lab::kubelet::kubectl;
use crate::lab::reach::{SYSTEMD, WIPE, hooks};
use crate::lab::styles::Style;
use crate::lab::{Lab, timeline::Worst};
use crate::support;

/// The effects of a rollout, and those that it had predicted.
pub struct Replayed {
    pub name: &'static str,
    pub steps: usize,
    pub predicted: BTreeMap<IpAddr, Duration>,
    pub measured: BTreeMap<IpAddr, Worst>,
}

impl Replayed {
    /// VIPs that were silent for longer than was said, or held twice.
    pub fn broken_promises(&self) -> Vec<String> {
        let wrong = self.measured.iter().filter_map(|(vip, worst)| {
            let said = self.predicted.get(vip).copied().unwrap_or_default();
            let is_kept = worst.several <= SLACK && worst.none <= said + SLACK;
            (!is_kept).then(|| format!("{}: {vip}: said {said:?}, was {worst:?}", self.name))
        });
        wrong.collect()
    }
}

/// The machine is busy: what is measured may be this much longer than what was said.
pub const SLACK: Duration = Duration::from_millis(250);

pub const STOP: &str = "systemctl disable --now keepalived";
pub const START: &str = "systemctl enable --now keepalived";

/// The effects of a boot through the node's tmpfiles (tmpfiles.d(5)).
pub const BOOT: &str = r#"cat /etc/tmpfiles.d/lbgen*.conf | awk '$1 == "d" { system("mkdir -p " $2) } $1 == "f" { system("echo " $7 " >" $2) }'"#;

/// The nodes of a bundle have a keepalived.conf of somebody else's and nothing more; their cluster is another matter.
fn rewrite(bundle: &Path, style: Style) {
    for entry in fs::read_dir(bundle.join("nodes")).unwrap() {
        let node = entry.unwrap().path();
        let conf = fs::read_to_string(node.join("etc/keepalived/keepalived.conf")).unwrap();
        let source = conf.lines().find_map(|line| line.trim().strip_prefix("unicast_src_ip "));
        let known = serde_json::json!([{
            "ifname": "eth0",
            "addr_info": [{ "family": "inet", "local": source.unwrap(), "prefixlen": 32 }],
        }]);
        fs::remove_dir_all(&node).unwrap();
        for (name, text) in style(&conf) {
            let path = node.join("etc/keepalived").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        // What `lbgen import --collect` finds beside it.
        fs::write(node.join("ip-addr.json"), known.to_string()).unwrap();
        let rule = serde_json::json!([{ "priority": 777, "src": "192.0.2.11", "table": "777" }]);
        fs::write(node.join("ip-rule.json"), rule.to_string()).unwrap();
    }
    fs::remove_file(bundle.join("bundle.json")).unwrap();
}

/// A fleet that runs what an edit begins with, and the script that leads to its end.
pub struct Stage {
    pub edit: &'static Edit,
    pub work: tempfile::TempDir,
    /// The inventory that it changes to.
    to: String,
    pub plan: serde_json::Value,
    pub lab: Lab,
    pub before: BTreeMap<IpAddr, BTreeSet<String>>,
    /// True if keepalived runs in pods before or after.
    has_pods: bool,
}

impl Stage {
    pub fn new(edit: &'static Edit) -> Self {
        let work = tempfile::tempdir().unwrap();
        let base = base();
        let (mut from, mut to) = ((edit.from)(&base), (edit.to)(&base));
        if let Origin::Collected(collected) = edit.origin {
            let import = collected.import();
            let import: Vec<&str> = import.iter().map(String::as_str).collect();
            to = support::stdout(&lbgen(work.path(), &import));
            from.clone_from(&to);
        }
        let inventory = work.path().join("inventory.yaml");
        fs::write(&inventory, &from).unwrap();
        lbgen(work.path(), &["render", "-q"]);
        let old_lock = fs::read_to_string(work.path().join("inventory.lock")).unwrap();
        fs::rename(work.path().join("out"), work.path().join("old")).unwrap();
        if let Some(style) = edit.origin.style() {
            rewrite(&work.path().join("old/lab"), style);
        }
        if let Origin::Imported(_) = edit.origin {
            let done = lbgen(work.path(), &["import", "old/lab"]);
            to = support::stdout(&done);
            // Nothing but the inventory: numbers that run are pinned in it.
            fs::remove_file(work.path().join("inventory.lock")).unwrap();
        }
        fs::write(&inventory, &to).unwrap();
        lbgen(work.path(), &["render", "-q"]);
        if let Origin::Collected(collected) = edit.origin {
            fs::remove_dir_all(work.path().join("old")).unwrap();
            let copy = Command::new("cp")
                .arg("-r")
                .args([collected.folder(), work.path().join("old")])
                .status();
            assert!(copy.unwrap().success());
        }
        let options = [OPTIONS, edit.options, &["--format", "json"]].concat();
        let plan = serde_json::from_slice(&lbgen(work.path(), &options).stdout).unwrap();

        // Every machine of both inventories is there; those that the first does not have stand idle.
        let mut lab = Lab::start(machines(&from, &to), "");
        (edit.wire)(&lab);
        for node in lab.nodes.values() {
            node.host.run(SYSTEMD);
        }
        lab.become_fleet(&from, &old_lock);
        let foreign = match edit.origin {
            Origin::Ours => None,
            Origin::Foreign(_) | Origin::Imported(_) => Some("old/lab/nodes"),
            Origin::Collected(collected) => {
                collected.settle(&lab);
                Some("old")
            }
        };
        if let Some(folder) = foreign {
            for (name, node) in &lab.nodes {
                let old = work.path().join(folder).join(name);
                if edit.origin.style().is_some() {
                    node.host.run("ip rule add from 192.0.2.11 lookup 777 priority 777");
                }
                node.host.run(&format!(
                    "{}; {WIPE}; rsync -rlt {}/ /; {}",
                    STOP,
                    old.display(),
                    START
                ));
            }
        }
        lab.prove_holders();
        for name in lab.nodes.keys() {
            lab.watch_timeline(name);
        }
        let before = lab.holders();
        hooks(work.path(), &lab);
        let has_pods = [&from, &to].iter().any(|text| text.contains("run: "));
        if has_pods {
            kubectl(work.path(), &lab);
        }
        let stage = Self { edit, work, to, plan, lab, before, has_pods };
        stage.write_script(&[]);
        stage
    }

    /// The next edit, of the fleet that the one before has led to.
    pub fn go_on(&mut self, to: &str) {
        let work = self.work.path();
        fs::remove_dir_all(work.join("old")).unwrap();
        fs::rename(work.join("out"), work.join("old")).unwrap();
        fs::write(work.join("inventory.yaml"), to).unwrap();
        lbgen(work, &["render", "-q"]);
        to.clone_into(&mut self.to);
        self.write_script(&[]);
    }

    pub fn write_script(&self, more: &[&str]) {
        let options = [OPTIONS, self.edit.options, more, &["--format", "sh"]].concat();
        let script = lbgen(self.work.path(), &options);
        fs::write(self.work.path().join("rollout.sh"), &script.stdout).unwrap();
    }

    /// The script, with what a person answers.
    pub fn script(&self, options: &[&str], answers: &str) -> Command {
        fs::write(self.work.path().join("answers"), answers).unwrap();
        let mut command = Command::new("sh");
        command.arg("rollout.sh").args(options).current_dir(self.work.path());
        command.stdin(fs::File::open(self.work.path().join("answers")).unwrap());
        for (name, hook) in [("LBGEN_ON", "on"), ("LBGEN_COPY", "copy")] {
            command.env(name, self.work.path().join(hook));
        }
        command.env("LBGEN_KUBECTL", self.kubectl());
        command
    }

    fn kubectl(&self) -> PathBuf {
        if self.has_pods { self.work.path().join("kubectl") } else { "true".into() }
    }

    /// lbgen itself, carrying out a plan that it saved.
    pub fn apply(&self, more: &[&str]) -> Command {
        let plan = self.work.path().join("plan.json");
        if !plan.exists() {
            let options = [OPTIONS, self.edit.options, &["--save", "plan.json"]].concat();
            lbgen(self.work.path(), &options);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_lbgen"));
        command.arg("rollout").arg("--plan").arg(plan).arg("--yes").args(more);
        command.current_dir(self.work.path());
        for (name, hook) in [("LBGEN_ON", "on"), ("LBGEN_COPY", "copy")] {
            command.env(name, self.work.path().join(hook));
        }
        command.env("LBGEN_KUBECTL", self.kubectl());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, options: &[&str], answers: &str) -> Output {
        self.script(options, answers).output().unwrap()
    }

    /// The ids of its steps.
    pub fn ids(&self) -> Vec<String> {
        let steps = self.plan["steps"].as_array().unwrap().iter();
        steps.map(|step| step["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The lab goes by the end from now on.
    pub fn is_done(&mut self) {
        let lock = fs::read_to_string(self.work.path().join("inventory.lock")).unwrap();
        self.lab.is_now(&self.to, &lock);
    }

    /// Everything is as the end says; what was measured on the way.
    pub fn finish(mut self) -> Replayed {
        self.is_done();
        for node in self.lab.nodes.values() {
            let rules = node.host.run("ip rule");
            assert!(!rules.contains("lookup 777"), "a rule of somebody else's stays: {rules}");
        }
        // What comes or goes with the change was not held, or is not any more.
        let now = self.lab.holders();
        let lasting = self.before.into_iter().filter(|(vip, _)| now.contains_key(vip)).collect();
        let measured = self.lab.worst(&lasting);
        let there = self.lab.names();
        self.lab.nodes.retain(|name, _| there.contains(name));
        if self.edit.answers {
            self.lab.prove(&Scenario::default());
        } else {
            self.lab.prove_holders();
        }
        Replayed {
            name: self.edit.name,
            steps: self.plan["steps"].as_array().unwrap().len(),
            predicted: predicted(&self.plan),
            measured,
        }
    }
}

const OPTIONS: &[&str] = &["rollout", "-q", "--from", "old"];

fn lbgen(folder: &Path, arguments: &[&str]) -> Output {
    let done = support::lbgen_in(folder, arguments);
    assert!(support::code(&done) < 2, "{arguments:?}: {}", support::stderr(&done));
    done
}

/// Returns the time that each VIP may be silent at the worst of its moves, by the steps and the exceptions.
fn predicted(plan: &serde_json::Value) -> BTreeMap<IpAddr, Duration> {
    let mut worst: BTreeMap<IpAddr, Duration> = BTreeMap::new();
    let steps = plan["steps"].as_array().unwrap().iter();
    let moves = steps.flat_map(|step| step["vips"].as_array().unwrap());
    for found in moves.chain(plan["exceptions"].as_array().unwrap()) {
        let vip: IpAddr = found["vip"].as_str().unwrap().parse().unwrap();
        let seconds = Duration::from_secs_f64(found["seconds"].as_f64().unwrap());
        let entry = worst.entry(vip).or_default();
        *entry = seconds.max(*entry);
    }
    worst
}

/// Runs a job over and over, on every core, until it says that there is none left.
pub fn in_parallel(job: impl Fn() -> bool + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| while job() {});
        }
    });
}

/// Returns true if everything is tried, as tests/lab/run does, rather than what is worth the most.
pub fn is_long() -> bool {
    std::env::var_os("LBGEN_LAB").is_some()
}
