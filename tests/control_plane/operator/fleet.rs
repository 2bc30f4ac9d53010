//! A fleet of the lab whose rollouts the operator carries out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::lab::edits::Edit;
use crate::stage::{Replayed, Stage};
use crate::support;

pub const SYSTEM: &str = "lbgen-system";

/// A fleet, a control plane, an operator and an agent for each node.
pub struct Fleet {
    pub cluster: Cluster,
    pub stage: Stage,
    operator: Option<Running>,
    agents: Vec<(String, Running)>,
}

/// A process, which ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program that Cargo builds beside lbgen.
fn program() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_lbgen")).with_file_name("lbgen-operator")
}

impl Fleet {
    /// The fleet runs what an edit begins with; the objects of what it leads to are there, and nothing is approved.
    pub fn new(edit: &'static Edit) -> Self {
        let cluster = Cluster::start();
        let folder = support::root().join("packaging/operator");
        let apply = ["apply", "--server-side", "-k", folder.to_str().unwrap()];
        cluster.kubectl(&apply, "").unwrap();
        cluster.kubectl(&["wait", "--for=condition=Established", "crd", "--all"], "").unwrap();
        cluster.apply(&format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{ name: default, namespace: {SYSTEM} }}\n"
        ));
        let stage = Stage::new(edit);
        let mut fleet = Self { cluster, stage, operator: None, agents: Vec::new() };
        let names: Vec<String> = fleet.stage.lab.nodes.keys().cloned().collect();
        for name in names {
            fleet.start_agent(&name);
        }
        fleet.start_operator();
        let bundle = fleet.lbgen(&["render", "--format", "kubernetes"]);
        fleet.make_namespaces();
        fleet.cluster.apply(&bundle);
        let rollout = fleet.lbgen(
            &[&["rollout", "--from", "old", "--format", "kubernetes"], edit.options].concat(),
        );
        fleet.cluster.apply(&rollout);
        fleet
    }

    /// The namespaces of the manifests: somebody else makes them.
    fn make_namespaces(&self) {
        let files = support::files(&self.stage.work.path().join("out"));
        let text: Vec<String> =
            files.into_values().map(|file| String::from_utf8_lossy(&file).into_owned()).collect();
        let lines = text.iter().flat_map(|text| text.lines());
        let names: BTreeSet<&str> =
            lines.filter_map(|line| line.trim().strip_prefix("namespace: ")).collect();
        self.cluster.namespaces(names);
    }

    fn lbgen(&self, arguments: &[&str]) -> String {
        let done = support::lbgen_in(self.stage.work.path(), &[arguments, &["-q"]].concat());
        assert!(done.status.success(), "{}", support::stderr(&done));
        support::stdout(&done)
    }

    /// A token of a ServiceAccount, bound to a pod on a node.
    pub fn token(&self, account: &str, node: &str) -> String {
        self.cluster.apply(&format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{ name: {node} }}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {{ name: {account}-{node}, namespace: {SYSTEM} }}\n\
             spec: {{ nodeName: {node}, serviceAccountName: {account}, containers: [{{ name: a, image: a }}] }}\n"
        ));
        let pod = format!("{account}-{node}");
        let words = [
            "create",
            "token",
            account,
            "--namespace",
            SYSTEM,
            "--bound-object-kind",
            "Pod",
            "--bound-object-name",
            &pod,
        ];
        self.cluster.kubectl(&words, "").unwrap().trim().to_owned()
    }

    fn spawn(&self, log: &str, access: &Path, words: &[&str]) -> Running {
        let log = self.stage.work.path().join(log);
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(program())
            .args(words)
            .env("KUBECONFIG", access)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Running(child.unwrap())
    }

    /// Starts the operator, as its ServiceAccount.
    pub fn start_operator(&mut self) {
        let access = self.cluster.access("operator", &self.token("lbgen-operator", "control"));
        self.operator =
            Some(self.spawn("operator.log", &access, &["run", "--listen", "127.0.0.1:18080"]));
    }

    /// Another one beside it.
    pub fn start_second_operator(&mut self) {
        let access = self.cluster.access("operator", &self.token("lbgen-operator", "control"));
        let second = self.spawn(
            "second.log",
            &access,
            &["run", "--listen", "127.0.0.1:18081", "--name", "second"],
        );
        self.agents.push((String::new(), second));
    }

    /// Only the first operator has worked.
    pub fn assert_one_operator(&self) {
        let log = |name: &str| fs::read_to_string(self.stage.work.path().join(name)).unwrap();
        assert!(log("operator.log").contains(" works"), "{}", self.logs());
        assert!(!log("second.log").contains(" works"), "{}", self.logs());
    }

    /// Starts the operator again, if it has ended.
    pub fn revive_operator(&mut self) {
        let has_ended =
            self.operator.as_mut().is_none_or(|running| running.0.try_wait().unwrap().is_some());
        if has_ended {
            self.start_operator();
        }
    }

    /// The next operator does not wait for the Lease of one that was killed.
    pub fn forget_lease(&self) {
        let words =
            ["delete", "lease", "lbgen-operator", "--namespace", SYSTEM, "--ignore-not-found"];
        self.cluster.kubectl(&words, "").unwrap();
    }

    /// Writes of the operator, as the API server has counted them.
    pub fn writes(&self) -> usize {
        let log = self.cluster.audit();
        log.lines()
            .filter(|line| line.contains("serviceaccount:lbgen-system:lbgen-operator"))
            .count()
    }

    /// kill -9
    pub fn kill_operator(&mut self) {
        drop(self.operator.take().unwrap());
    }

    /// Starts the agent of a node.
    pub fn start_agent(&mut self, name: &str) {
        let access =
            self.cluster.access(&format!("agent-{name}"), &self.token("lbgen-agent", name));
        let enter = format!("{} {name}", self.stage.work.path().join("on").display());
        let agent = self.spawn(
            &format!("agent-{name}.log"),
            &access,
            &["agent", "--node", name, "--enter", &enter],
        );
        self.agents.push((name.to_owned(), agent));
    }

    /// kill -9 of the agent of a node.
    pub fn kill_agent(&mut self, name: &str) {
        self.agents.retain(|(known, _)| known != name);
    }

    /// The only Rollout.
    pub fn rollout(&self) -> Value {
        self.cluster.get("rollouts").remove(0)
    }

    /// Its phase.
    pub fn phase(&self) -> String {
        self.rollout()["status"]["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// The same rollout, from its beginning: the object is made anew.
    pub fn again(&self) {
        let mut rollout = self.rollout();
        let name = rollout["metadata"]["name"].as_str().unwrap().to_owned();
        self.cluster.kubectl(&["delete", "rollout", &name, "--namespace", SYSTEM], "").unwrap();
        rollout["metadata"] = serde_json::json!({ "name": name, "namespace": SYSTEM });
        let fields = rollout.as_object_mut().unwrap();
        fields.remove("status");
        rollout["spec"].as_object_mut().unwrap().remove("goBack");
        self.cluster.apply(&rollout.to_string());
    }

    /// Changes the spec of the Rollout.
    pub fn patch(&self, spec: &Value) {
        let name = self.rollout()["metadata"]["name"].as_str().unwrap().to_owned();
        let patch = serde_json::json!({ "spec": spec }).to_string();
        let words = [
            "patch",
            "rollout",
            &name,
            "--namespace",
            SYSTEM,
            "--type",
            "merge",
            "--patch",
            &patch,
        ];
        self.cluster.kubectl(&words, "").unwrap();
    }

    /// Every step may be done.
    pub fn approve(&self) {
        self.patch(&serde_json::json!({ "approve": {} }));
    }

    /// Waits until the Rollout is in a phase.
    pub fn wait(&self, phase: &str, limit: Duration) {
        let began = Instant::now();
        loop {
            let status = self.rollout()["status"].clone();
            if status["phase"] == phase {
                return;
            }
            let has_failed = phase != "Failed" && status["phase"] == "Failed";
            if has_failed || began.elapsed() > limit {
                println!("{}", self.logs());
                panic!("{}: not {phase}: {status:#}", self.stage.edit.name);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The last words of the operator and of the agents.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.stage.work.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "log") {
                let log = fs::read_to_string(&path).unwrap();
                let lines: Vec<&str> = log.lines().collect();
                text += &format!(
                    "{}\n  {}\n",
                    path.display(),
                    lines[lines.len().saturating_sub(15)..].join("\n  ")
                );
            }
        }
        text
    }
}

impl Fleet {
    /// Ends the operator and the agents; everything is as the edit says then.
    pub fn finish(self) -> Replayed {
        drop((self.operator, self.agents));
        self.stage.finish()
    }
}
