//! Rollouts on the real daemons: the script itself, over namespaces instead of ssh, from what runs to what was rendered.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lab::edits::{BASE, EDITS, Edit, foreign, machines};
use lab::{Lab, timeline::Worst};
use lbgen::language::version::KeepalivedVersion;
use lbgen::plan::simulate::Scenario;
use lbgen::source::Sources;
use lbgen::state::elect::{Electorate, Masters};
use lbgen::state::{State, Tree};

/// What stands for systemd and its journal on a node.
const SYSTEMD: &str = r#"
    set -e
    mkdir -p /run/systemd/system /usr/local/sbin
    cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
case "$*" in
*"reload keepalived") kill -HUP "$(cat /run/keepalived.pid)" ;;
*"enable "*"--now keepalived")
    keepalived --dont-fork --log-console --log-detail >>/run/lab/keepalived.log 2>&1 &
    while [ ! -s /run/keepalived.pid ]; do sleep 0.05; done ;;
*"disable "*"--now keepalived")
    [ -e /run/keepalived.pid ] || exit 0
    kill "$(cat /run/keepalived.pid)"
    while [ -e /run/keepalived.pid ]; do sleep 0.05; done ;;
esac
END
    printf '#!/bin/sh\ncat /run/lab/keepalived.log\n' >/usr/local/sbin/journalctl
    chmod 755 /usr/local/sbin/systemctl /usr/local/sbin/journalctl
"#;

/// What a rollout did, and what it had said that it would do.
struct Replayed {
    name: &'static str,
    steps: usize,
    predicted: BTreeMap<IpAddr, Duration>,
    measured: BTreeMap<IpAddr, Worst>,
}

const STOP: &str = "systemctl disable --now keepalived";
const START: &str = "systemctl enable --now keepalived";

/// What a boot makes of the node's tmpfiles (tmpfiles.d(5)).
const BOOT: &str = r#"cat /etc/tmpfiles.d/lbgen*.conf | awk '$1 == "d" { system("mkdir -p " $2) } $1 == "f" { system("echo " $7 " >" $2) }'"#;

/// Nothing of lbgen is on the node.
const WIPE: &str = "lbgen-policy-routing down; rm -rf /usr/local/libexec/lbgen /usr/local/sbin/lbgen-policy-routing /run/lbgen /etc/sysctl.d/90-lbgen.conf /etc/systemd/system/lbgen-policy-routing.service /etc/tmpfiles.d/lbgen.conf";

/// The nodes of a bundle have a keepalived.conf of somebody else's and nothing more; their cluster is another matter.
fn rewrite(bundle: &Path) {
    for entry in fs::read_dir(bundle.join("nodes")).unwrap() {
        let node = entry.unwrap().path();
        let conf = fs::read_to_string(node.join("etc/keepalived/keepalived.conf")).unwrap();
        fs::remove_dir_all(&node).unwrap();
        fs::create_dir_all(node.join("etc/keepalived")).unwrap();
        fs::write(node.join("etc/keepalived/keepalived.conf"), foreign(&conf)).unwrap();
    }
    fs::remove_file(bundle.join("bundle.json")).unwrap();
}

/// A fleet that runs what an edit begins with, and the script that leads to its end.
struct Stage {
    edit: &'static Edit,
    work: tempfile::TempDir,
    plan: serde_json::Value,
    lab: Lab,
    before: BTreeMap<IpAddr, BTreeSet<String>>,
}

impl Stage {
    fn new(edit: &'static Edit) -> Self {
        let work = tempfile::tempdir().unwrap();
        let (from, to) = ((edit.from)(BASE), (edit.to)(BASE));
        let inventory = work.path().join("inventory.yaml");
        fs::write(&inventory, &from).unwrap();
        lbgen(work.path(), &["render", "-q"]);
        let old_lock = fs::read_to_string(work.path().join("inventory.lock")).unwrap();
        fs::rename(work.path().join("out"), work.path().join("old")).unwrap();
        if edit.foreign {
            rewrite(&work.path().join("old/lab"));
        }
        fs::write(&inventory, &to).unwrap();
        lbgen(work.path(), &["render", "-q"]);
        let options = [OPTIONS, edit.options, &["--format", "json"]].concat();
        let plan = serde_json::from_slice(&lbgen(work.path(), &options).stdout).unwrap();

        // Every machine of both inventories is there; those that the first does not have stand idle.
        let mut lab = Lab::start(machines(&from, &to), "");
        (edit.wire)(&lab);
        for node in lab.nodes.values() {
            node.host.run(SYSTEMD);
        }
        lab.become_fleet(&from, &old_lock);
        if edit.foreign {
            for (name, node) in &lab.nodes {
                let old = work.path().join("old/lab/nodes").join(name);
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
        let stage = Self { edit, work, plan, lab, before };
        stage.write_script(&[]);
        stage
    }

    fn write_script(&self, more: &[&str]) {
        let options = [OPTIONS, self.edit.options, more, &["--format", "sh"]].concat();
        let script = lbgen(self.work.path(), &options);
        fs::write(self.work.path().join("rollout.sh"), &script.stdout).unwrap();
    }

    /// Runs the script, with what a person answers.
    fn run(&self, options: &[&str], answers: &str) -> Output {
        fs::write(self.work.path().join("answers"), answers).unwrap();
        let mut command = Command::new("sh");
        command.arg("rollout.sh").args(options).current_dir(self.work.path());
        command.stdin(fs::File::open(self.work.path().join("answers")).unwrap());
        for (name, hook) in [("LBGEN_ON", "on"), ("LBGEN_COPY", "copy")] {
            command.env(name, self.work.path().join(hook));
        }
        command.env("LBGEN_KUBECTL", "true").output().unwrap()
    }

    /// Everything is as the end says; what was measured on the way.
    fn finish(mut self) -> Replayed {
        let lock = fs::read_to_string(self.work.path().join("inventory.lock")).unwrap();
        self.lab.is_now(&(self.edit.to)(BASE), &lock);
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

fn replay(edit: &'static Edit) -> Replayed {
    let stage = Stage::new(edit);
    let done = stage.run(&["--yes"], "");
    let mut said = format!("{}{}", support::stdout(&done), support::stderr(&done));
    for (name, node) in &stage.lab.nodes {
        said += &format!("== {name}\n{}", node.log());
    }
    assert!(done.status.success(), "{}:\n{said}", edit.name);
    stage.finish()
}

/// How long a VIP may be silent at the worst of its moves, by the steps and the exceptions.
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

/// `LBGEN_ON` and `LBGEN_COPY`, which lead into the namespaces.
fn hooks(folder: &Path, lab: &Lab) {
    let mut cases = String::new();
    for (name, node) in &lab.nodes {
        cases += &format!("{name}) pid={} ;;\n", node.host.pid());
    }
    let enter = "nsenter --target \"$pid\" --net --mount --pid -- sh -c";
    let on = format!("#!/bin/sh\ncase $1 in\n{cases}esac\nexec {enter} \"$2\"\n");
    let copy = format!(
        "#!/bin/sh\ncase $2 in\n{cases}esac\nexec {enter} \"mkdir -p /var/lib/lbgen/next; rsync -rlt --delete $PWD/$1/ /var/lib/lbgen/next/\"\n"
    );
    for (name, text) in [("on", on), ("copy", copy)] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

/// The machine is busy: what is measured may be this much longer than what was said.
const SLACK: Duration = Duration::from_millis(250);

/// Mixtures of an edit's two sides that are tried: which nodes run the second, a bit for each.
const MIXTURES: [u32; 7] = [0b0001, 0b1000, 0b0110, 0b1011, 0b0101, 0b1110, 0b0010];

/// Edits that two sides of a fleet can stand in the middle of.
const MIXED: &[&str] = &[
    "VRRP version",
    "advert interval",
    "another VRID",
    "priorities swapped",
    "maintenance",
    "an address from one VIP to another",
];

/// One mixture after the other: who holds what is predicted from the files, then the daemons are asked.
fn mixtures(edit: &'static Edit) -> Vec<String> {
    let stage = Stage::new(edit);
    let read = |folder: &str| {
        let tree = Tree::of_folder(&stage.work.path().join(folder), Some("lab")).unwrap();
        State::read(&tree, &mut Sources::default()).0
    };
    let (from, to) = (read("old"), read("out"));
    let electorate = Electorate::of(&[&from, &to], KeepalivedVersion(2, 2, 7));
    let mut situation = electorate.all(0);
    let mut masters = electorate.elect(&situation, &Masters::default());
    let mut wrong = Vec::new();
    for bits in MIXTURES {
        for (index, name) in electorate.nodes().iter().enumerate() {
            let phase = usize::from(bits & (1 << index) != 0);
            if situation.running[index] == Some(phase) {
                continue;
            }
            situation.running[index] = Some(phase);
            let folder = stage.work.path().join(["old", "out"][phase]);
            let conf = folder.join(format!("lab/nodes/{name}/etc/keepalived/keepalived.conf"));
            let node = &stage.lab.nodes[name.as_str()];
            node.host.run(&format!("cp {} /etc/keepalived/keepalived.conf", conf.display()));
            node.reload();
        }
        masters = electorate.elect(&situation, &masters);
        let expected = stage.lab.holders().into_keys().map(|vip| {
            let holders = electorate.holders(&masters, vip).into_iter();
            (vip, holders.map(|node| electorate.nodes()[node].to_string()).collect())
        });
        if let Err(text) = stage.lab.wait_for(&expected.collect(), stage.lab.limit()) {
            wrong.push(format!("{}, {bits:04b}: {text}", edit.name));
        }
    }
    wrong
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn mixed_fleets_are_as_predicted() {
    let names = Mutex::new(MIXED.iter());
    let wrong: Mutex<Vec<String>> = Mutex::new(Vec::new());
    in_parallel(|| {
        let Some(name) = names.lock().unwrap().next() else { return false };
        let edit = EDITS.iter().find(|edit| edit.name == *name).unwrap();
        let found = mixtures(edit);
        println!(
            "{name}: {} of {} mixtures as predicted",
            MIXTURES.len() - found.len(),
            MIXTURES.len()
        );
        wrong.lock().unwrap().extend(found);
        true
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a job over and over, on every core, until it says that there is none left.
fn in_parallel(job: impl Fn() -> bool + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| while job() {});
        }
    });
}

/// Step 0 asks every node before anything changes, and a rollout that was stopped goes on where it was.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn step_0_refuses_what_is_otherwise() {
    let edit = EDITS.iter().find(|edit| edit.name == "priorities swapped").unwrap();
    let stage = Stage::new(edit);
    let script = |more: &[&str], answers: &str| stage.run(more, answers);
    let refused = |word: &str| {
        let done = script(&["--yes"], "");
        let said = support::stderr(&done);
        assert!(!done.status.success() && said.contains(word), "{word}: {said}");
    };
    let node = |script: &str| stage.lab.nodes["lb-2"].host.run(script);
    node(
        "cp /etc/keepalived/keepalived.conf /run/kept; echo '# by hand' >>/etc/keepalived/keepalived.conf",
    );
    refused("/etc/keepalived/keepalived.conf is not what the state that runs says");
    node(
        "cp /run/kept /etc/keepalived/keepalived.conf; mkdir -p /var/lib/lbgen/rollout; echo other >/var/lib/lbgen/rollout/id",
    );
    refused("another rollout is under way");
    node("rm -rf /var/lib/lbgen/rollout; echo 1 >/run/lbgen/drain");
    refused("the node is drained");
    node("echo 0 >/run/lbgen/drain");
    stage.lab.prove_holders();
}

/// Stopped after any of its steps, with a node that reboots then, and planned again with what is done, a rollout ends where
/// it would have ended.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_rollout_that_is_stopped_after_any_step_goes_on() {
    let edit = EDITS.iter().find(|edit| edit.name == "priorities swapped").unwrap();
    let steps = Stage::new(edit).plan["steps"].as_array().unwrap().len();
    assert!(steps > 4);
    let next = AtomicUsize::new(1);
    in_parallel(|| {
        let done = next.fetch_add(1, Ordering::Relaxed);
        if done >= steps {
            return false;
        }
        stopped_after(edit, done);
        true
    });
}

fn stopped_after(edit: &'static Edit, steps: usize) {
    let stage = Stage::new(edit);
    let stopped = stage.run(&[], &("y\n".repeat(steps) + "n\n"));
    assert!(
        support::stdout(&stopped).contains("go on with --from-step"),
        "{steps}: {}{}",
        support::stdout(&stopped),
        support::stderr(&stopped)
    );
    stage.lab.nodes["lb-2"].host.run(&format!("{STOP}; rm -rf /run/lbgen; {BOOT}; {START}"));
    let done: Vec<String> = stage.plan["steps"].as_array().unwrap()[..steps]
        .iter()
        .map(|step| step["id"].as_str().unwrap().to_owned())
        .collect();
    stage.write_script(&["--done", &done.join(",")]);
    let rest = stage.run(&["--yes"], "");
    let said = format!("{}{}", support::stdout(&rest), support::stderr(&rest));
    assert!(rest.status.success(), "{steps}: {said}");
    stage.finish();
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn rollouts_do_what_they_say() {
    let edits = Mutex::new(EDITS.iter());
    let done: Mutex<Vec<Replayed>> = Mutex::new(Vec::new());
    let only = std::env::var("EDIT").ok();
    in_parallel(|| {
        let Some(edit) = edits.lock().unwrap().next() else { return false };
        if only.as_ref().is_none_or(|only| only == edit.name) {
            let replayed = replay(edit);
            print(&replayed);
            done.lock().unwrap().push(replayed);
        }
        true
    });
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for replayed in done.into_inner().unwrap() {
        for (vip, worst) in &replayed.measured {
            let said = replayed.predicted.get(vip).copied().unwrap_or_default();
            if worst.several > SLACK || worst.none > said + SLACK {
                wrong.insert(format!("{}: {vip}: said {said:?}, was {worst:?}", replayed.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn print(replayed: &Replayed) {
    let longest =
        |of: fn(&Worst) -> Duration| replayed.measured.values().map(of).max().unwrap_or_default();
    let said = replayed.predicted.values().max().copied().unwrap_or_default();
    println!(
        "{}: {} steps; predicted {:.2} s, measured none {:.2} s, several {:.2} s",
        replayed.name,
        replayed.steps,
        said.as_secs_f64(),
        longest(|worst| worst.none).as_secs_f64(),
        longest(|worst| worst.several).as_secs_f64()
    );
}
