//! A control plane, an operator and agents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::tap::Tap;
use crate::cluster::Cluster;
use crate::support;

pub const SYSTEM: &str = "lbgen-system";

/// A node without keepalived: NODE SCRIPT.
const NODE: &str = r#"#!/bin/sh
case $2 in
*"
follow") cat >/dev/null ;;
*)
    held=$(cat "${0%/*}/holds.$1" 2>/dev/null || echo '[]')
    echo '{"version": 1, "time": 1, "boot_id": "b", "keepalived": {"version": "2.2.7", "running": true}, "drained": false, "addresses": '"$held"', "files": {}, "foreign": [], "loaded": "same", "differs": [], "instances": {}, "checks": {}, "routing": {"present": 0, "absent": 0, "missing": 0, "foreign": 0, "lines": []}}' ;;
esac
"#;

/// A control plane, an operator and an agent for each node.
pub struct Crew {
    pub cluster: Cluster,
    /// The folder of the inventory, and of everything that they say.
    work: PathBuf,
    operator: Option<Running>,
    /// The kubeconfig of each of them.
    access: BTreeMap<String, PathBuf>,
    /// The other ends of taps.
    proxies: Vec<Running>,
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

/// The name of what belongs to the agent of a node.
fn agent(node: &str) -> String {
    format!("agent-{node}")
}

impl Drop for Crew {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.logs());
        }
    }
}

impl Crew {
    /// A control plane in which the packaged objects are; nothing of ours runs.
    pub fn new(work: &Path) -> Self {
        let cluster = Cluster::start();
        let folder = support::root().join("packaging/operator");
        let apply = ["apply", "--server-side", "-k", folder.to_str().unwrap()];
        cluster.kubectl(&apply, "").unwrap();
        cluster.kubectl(&["wait", "--for=condition=Established", "crd", "--all"], "").unwrap();
        cluster.apply(&format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{ name: default, namespace: {SYSTEM} }}\n"
        ));
        Self {
            cluster,
            work: work.to_owned(),
            operator: None,
            access: BTreeMap::new(),
            proxies: Vec::new(),
            agents: Vec::new(),
        }
    }

    /// lbgen in the folder of the inventory: what it prints.
    pub fn lbgen(&self, arguments: &[&str]) -> String {
        let done = support::lbgen_in(&self.work, &[arguments, &["-q"]].concat());
        assert!(done.status.success(), "{}", support::stderr(&done));
        support::stdout(&done)
    }

    /// The namespaces of the manifests: somebody else makes them.
    pub fn make_namespaces(&self) {
        let files = support::files(&self.work.join("out"));
        let text: Vec<String> =
            files.into_values().map(|file| String::from_utf8_lossy(&file).into_owned()).collect();
        let lines = text.iter().flat_map(|text| text.lines());
        let names: BTreeSet<&str> =
            lines.filter_map(|line| line.trim().strip_prefix("namespace: ")).collect();
        self.cluster.namespaces(names);
    }

    /// kubectl with the rights of a node's agent.
    pub fn as_agent(&self, node: &str, words: &[&str], input: &str) -> Result<String, String> {
        let token = self.token("lbgen-agent", node);
        self.cluster.kubectl(&[&["--token", &token], words].concat(), input)
    }

    /// Starts an agent of a node without keepalived, which says what the file beside its script says.
    pub fn start_fake_agent(&mut self, name: &str) {
        let node = self.work.join("node");
        fs::write(&node, NODE).unwrap();
        fs::set_permissions(&node, PermissionsExt::from_mode(0o755)).unwrap();
        let enter = format!("{} {name}", node.display());
        self.start_agent(name, &enter);
    }

    /// The fake node has these addresses from now on.
    pub fn fake_holds(&self, name: &str, addresses: &[&str]) {
        fs::write(
            self.work.join(format!("holds.{name}")),
            serde_json::json!(addresses).to_string(),
        )
        .unwrap();
    }

    /// Resident memory of the operator in KiB, now and at its worst (proc(5)).
    pub fn operator_memory(&self) -> (u64, u64) {
        let id = self.operator.as_ref().unwrap().0.id();
        let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let of = |key: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// Another bundle of the same front end is wanted.
    pub fn render_another(&self) {
        let text = fs::read_to_string(self.work.join("inventory.yaml")).unwrap();
        fs::write(self.work.join("other.yaml"), format!("# Another one.\n{text}")).unwrap();
        let words = ["render", "other.yaml", "--output", "other", "--format", "kubernetes"];
        let bundle = self.lbgen(&words);
        self.cluster.apply(&bundle);
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
        let log = self.work.join(log);
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

    /// Everything that the operator says to the API server goes through a tap from now on.
    pub fn tap(&mut self) -> Tap {
        self.kill_operator();
        let access = self.operator_access();
        let tap = self.tap_into("operator", &access);
        self.forget_lease();
        self.start_operator();
        tap
    }

    /// Everything that an agent says to the API server goes through a tap, once it is started again.
    pub fn tap_agent(&mut self, name: &str) -> Tap {
        let access = self.agent_access(name);
        self.tap_into(&agent(name), &access)
    }

    fn tap_into(&mut self, who: &str, access: &Path) -> Tap {
        let (proxy, address) = self.cluster.proxy(access);
        self.proxies.push(Running(proxy));
        let tap = Tap::new(&address);
        let path = self.work.join(format!("{who}.tapped"));
        let cluster = serde_json::json!({ "name": "c", "cluster": { "server": tap.url } });
        let context = serde_json::json!({ "name": "c", "context": { "cluster": "c", "user": "" } });
        let access = serde_json::json!({ "clusters": [cluster], "contexts": [context], "current-context": "c" });
        fs::write(&path, access.to_string()).unwrap();
        self.access.insert(who.to_owned(), path);
        tap
    }

    fn operator_access(&mut self) -> PathBuf {
        self.access_of("operator", "lbgen-operator", "control")
    }

    fn agent_access(&mut self, name: &str) -> PathBuf {
        self.access_of(&agent(name), "lbgen-agent", name)
    }

    /// The kubeconfig of a program, made once.
    fn access_of(&mut self, who: &str, account: &str, node: &str) -> PathBuf {
        if let Some(access) = self.access.get(who) {
            return access.clone();
        }
        let access = self.cluster.access(who, &self.token(account, node));
        self.access.insert(who.to_owned(), access.clone());
        access
    }

    /// Starts the operator, as its ServiceAccount.
    pub fn start_operator(&mut self) {
        let access = self.operator_access();
        self.operator =
            Some(self.spawn("operator.log", &access, &["run", "--listen", "127.0.0.1:18080"]));
    }

    /// Another one beside it.
    pub fn start_second_operator(&mut self) {
        let access = self.operator_access();
        let second = self.spawn(
            "second.log",
            &access,
            &["run", "--listen", "127.0.0.1:18081", "--name", "second"],
        );
        self.agents.push((String::new(), second));
    }

    /// Only the first operator has worked.
    pub fn assert_one_operator(&self) {
        let log = |name: &str| fs::read_to_string(self.work.join(name)).unwrap();
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

    /// Writes of the operator and of all agents.
    pub fn all_writes(&self) -> usize {
        let user = "\"username\":\"system:serviceaccount:lbgen-system:lbgen-";
        let is_write = |line: &&str| {
            ["create", "update", "patch", "delete"]
                .iter()
                .any(|verb| line.contains(&format!("\"verb\":\"{verb}\"")))
        };
        self.cluster.audit().lines().filter(is_write).filter(|line| line.contains(user)).count()
    }

    /// kill -9
    pub fn kill_operator(&mut self) {
        drop(self.operator.take().unwrap());
    }

    /// Starts the agent of a node.
    pub fn start_agent(&mut self, name: &str, enter: &str) {
        let access = self.agent_access(name);
        let agent = self.spawn(
            &format!("{}.log", agent(name)),
            &access,
            &["agent", "--node", name, "--enter", enter],
        );
        self.agents.push((name.to_owned(), agent));
    }

    /// kill -9 of the agent of a node.
    pub fn kill_agent(&mut self, name: &str) {
        self.agents.retain(|(known, _)| known != name);
    }

    /// Changes an object by a merge patch (RFC 7396), or its status with `more`.
    pub fn merge(
        &self,
        kind: &str,
        name: &str,
        patch: &Value,
        more: &[&str],
    ) -> Result<String, String> {
        let patch = patch.to_string();
        let words =
            ["patch", kind, name, "--namespace", SYSTEM, "--type", "merge", "--patch", &patch];
        self.cluster.kubectl(&[&words[..], more].concat(), "")
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
        self.merge("rollout", &name, &serde_json::json!({ "spec": spec }), &[]).unwrap();
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
                panic!("not {phase}: {status:#}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The last words of the operator and of the agents.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(&self.work).unwrap() {
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
