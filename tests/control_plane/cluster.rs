//! A cluster without nodes, and the Envoy that a kubelet would run.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The address of everything in the network namespace of the tests.
pub const ADDRESS: &str = "10.99.0.1";

const API: &str = "https://127.0.0.1:26443";
const ETCD: &str = "http://127.0.0.1:23790";

/// Requests of ServiceAccounts, once they are answered.
const AUDIT: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
    - { level: Metadata, userGroups: ['system:serviceaccounts'] }\n\
    - { level: None }\n";

/// The processes of a control plane, which end with it.
pub struct Cluster {
    assets: PathBuf,
    folder: TempDir,
    processes: Vec<Child>,
    /// The options of the API server.
    api_server: Vec<String>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Cluster {
    /// Starts etcd and the API server.
    pub fn start() -> Self {
        let assets =
            std::env::var_os("KUBEBUILDER_ASSETS").expect("KUBEBUILDER_ASSETS: run tests/cluster");
        let mut cluster = Self {
            assets: assets.into(),
            folder: tempfile::tempdir().unwrap(),
            processes: Vec::new(),
            api_server: Vec::new(),
        };
        let path = |name: &str| cluster.folder.path().join(name).display().to_string();
        fs::write(path("tokens.csv"), "token,admin,admin,system:masters\n").unwrap();
        fs::write(
            path("kubeconfig"),
            format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
                 clusters: [{{ name: c, cluster: {{ server: \"{API}\", insecure-skip-tls-verify: true }} }}]\n\
                 users: [{{ name: u, user: {{ token: token }} }}]\ncontexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\n"
            ),
        )
        .unwrap();
        let key = path("sa.key");
        let made = Command::new("openssl").args(["genrsa", "-out", &key, "2048"]).output().unwrap();
        assert!(made.status.success());
        let (data, peer) = (path("etcd"), "http://127.0.0.1:23800");
        let (tokens, certs) = (path("tokens.csv"), path("certs"));
        let (audit, log) = (path("policy.yaml"), path("audit.log"));
        fs::write(&audit, AUDIT).unwrap();
        cluster.spawn(Command::new("etcd").args([
            "--data-dir",
            &data,
            "--listen-client-urls",
            ETCD,
            "--advertise-client-urls",
            ETCD,
            "--listen-peer-urls",
            peer,
            "--initial-advertise-peer-urls",
            peer,
            "--initial-cluster",
            &format!("default={peer}"),
            "--log-level",
            "error",
        ]));
        cluster.api_server = [
            "--etcd-servers",
            ETCD,
            "--secure-port",
            "26443",
            "--advertise-address",
            ADDRESS,
            "--cert-dir",
            &certs,
            "--service-cluster-ip-range",
            "10.96.0.0/16,fd00:96::/112",
            "--service-account-issuer",
            "https://cluster",
            "--service-account-key-file",
            &key,
            "--service-account-signing-key-file",
            &key,
            "--token-auth-file",
            &tokens,
            "--authorization-mode",
            "RBAC",
            "--disable-admission-plugins",
            "ServiceAccount",
            // As every kubelet's cluster has it; agents enter their hosts.
            "--allow-privileged=true",
            "--audit-policy-file",
            &audit,
            "--audit-log-path",
            &log,
        ]
        .map(str::to_owned)
        .into();
        cluster.start_api_server();
        cluster
    }

    /// Starts the API server, and waits for it.
    pub fn start_api_server(&mut self) {
        let mut command = Command::new(self.program("kube-apiserver"));
        command.args(&self.api_server);
        self.spawn(&mut command);
        self.wait("the API server", |cluster| {
            cluster.kubectl(&["get", "namespace", "default"], "").is_ok()
        });
    }

    /// kill -9 of the API server, which was started last.
    pub fn stop_api_server(&mut self) {
        let mut process = self.processes.pop().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// What ServiceAccounts have asked for, a line each.
    pub fn audit(&self) -> String {
        fs::read_to_string(self.folder.path().join("audit.log")).unwrap_or_default()
    }

    /// User, verb and resource of each of them.
    pub fn used_rights(&self) -> BTreeSet<(String, String, String)> {
        let log = self.audit();
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let right = |event: Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let about = &event["objectRef"];
            let resource = match about["subresource"].as_str() {
                Some(below) => format!("{}/{below}", text(&about["resource"])),
                None => text(&about["resource"]),
            };
            (text(&event["user"]["username"]), text(&event["verb"]), resource)
        };
        events.map(right).collect()
    }

    /// A kubeconfig with another token than the administrator's.
    pub fn access(&self, name: &str, token: &str) -> PathBuf {
        let text = fs::read_to_string(self.kubeconfig()).unwrap();
        let path = self.folder.path().join(name);
        fs::write(&path, text.replace("token: token", &format!("token: \"{token}\""))).unwrap();
        path
    }

    /// Plain HTTP with the rights of a kubeconfig: the process, and its address.
    pub fn proxy(&self, access: &Path) -> (Child, String) {
        let mut command = Command::new(self.program("kubectl"));
        command.args(["proxy", "--port", "0"]).env("KUBECONFIG", access);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        (child, said.trim().rsplit(' ').next().unwrap().to_owned())
    }

    fn spawn(&mut self, command: &mut Command) {
        let log = self.folder.path().join(format!("{}.log", self.processes.len()));
        let log = fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.processes.push(command.spawn().unwrap());
    }

    /// Waits until something is so.
    pub fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            if start.elapsed() > Duration::from_secs(120) {
                let logs = (0..self.processes.len())
                    .map(|at| self.folder.path().join(format!("{at}.log")));
                for log in logs {
                    let text = fs::read_to_string(log).unwrap_or_default();
                    let last: Vec<&str> = text.lines().rev().take(8).collect();
                    println!("{}\n", last.join("\n"));
                }
                panic!("{what}: not within two minutes");
            }
            sleep(Duration::from_millis(300));
        }
    }

    /// A program of the cache.
    pub fn program(&self, name: &str) -> PathBuf {
        self.assets.join(name)
    }

    /// The access to the API server.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        command.env("KUBECONFIG", self.kubeconfig());
        command.env("ENVOY_GATEWAY_NAMESPACE", "envoy-gateway-system");
        command
    }

    /// Runs kubectl with standard input; the error is what it says.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let path = self.folder.path().join("input");
        fs::write(&path, input).unwrap();
        let done = self
            .command("kubectl")
            .args(arguments)
            .stdin(fs::File::open(path).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() {
            Ok(said)
        } else {
            Err(said + &String::from_utf8_lossy(&done.stderr))
        }
    }

    /// Applies objects.
    pub fn apply(&self, text: &str) {
        self.kubectl(&["apply", "-f", "-"], text).unwrap();
    }

    /// Objects of a kind.
    pub fn get(&self, kind: &str) -> Vec<Value> {
        let text =
            self.kubectl(&["get", kind, "--all-namespaces", "--output", "json"], "").unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().clone()
    }

    /// An object.
    pub fn one(&self, kind: &str, name: &str, namespace: &str) -> Value {
        let words = ["get", kind, name, "--namespace", namespace, "--output", "json"];
        serde_json::from_str(&self.kubectl(&words, "").unwrap()).unwrap()
    }

    /// Makes the namespaces that are missing.
    pub fn namespaces<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            self.apply(&format!("apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n"));
        }
    }

    /// Installs CRDs of a folder.
    pub fn crds(&self, name: &str) {
        let folder = self.assets.join("crds").join(name);
        self.kubectl(
            &[
                "apply",
                "--server-side",
                "--force-conflicts",
                "--recursive",
                "-f",
                folder.to_str().unwrap(),
            ],
            "",
        )
        .unwrap();
        self.kubectl(&["wait", "--for=condition=Established", "crd", "--all"], "").unwrap();
    }

    /// Starts Envoy Gateway, with the class `envoy`.
    pub fn envoy_gateway(&mut self) {
        self.crds("envoy-gateway");
        self.namespaces(["envoy-gateway-system"]);
        // It also looks for a webhook of its chart, which is not installed here.
        let _ = self.command("envoy-gateway").arg("certgen").output().unwrap();
        self.secret("envoy-gateway", Path::new("/certs"));
        let config = self.folder.path().join("envoy-gateway.yaml");
        fs::write(
            &config,
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n\
             gateway: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }\n\
             provider: { type: Kubernetes, kubernetes: { leaderElection: { disable: true } } }\n",
        )
        .unwrap();
        let mut command = self.command("envoy-gateway");
        self.spawn(command.args(["server", "-c", config.to_str().unwrap()]));
        self.apply(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: envoy }\n\
             spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }\n",
        );
    }

    /// Writes the files of a TLS Secret into a folder.
    fn secret(&self, name: &str, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for (key, file) in
            [("tls\\.crt", "tls.crt"), ("tls\\.key", "tls.key"), ("ca\\.crt", "ca.crt")]
        {
            let path = format!("go-template={{{{ index .data \"{file}\" | base64decode }}}}");
            let _ = key;
            let arguments =
                ["get", "secret", name, "--namespace", "envoy-gateway-system", "--output", &path];
            fs::write(folder.join(file), self.kubectl(&arguments, "").unwrap()).unwrap();
        }
    }

    /// Runs Envoy as the DaemonSet of the only Gateway says, without a kubelet; returns that DaemonSet.
    pub fn envoy(&mut self) -> Value {
        self.wait("the DaemonSet", |cluster| cluster.get("daemonset").len() == 1);
        let daemon_set = self.get("daemonset").remove(0);
        let folder = self.folder.path().join("envoy");
        self.secret("envoy", &folder);
        let here = |text: &str| {
            let folder = format!("{}/", folder.display());
            text.replace("/certs/", &folder).replace("/sds/", &folder)
        };
        let maps = self.get("configmap");
        let map =
            maps.iter().find(|map| map["data"].get("xds-certificate.json").is_some()).unwrap();
        for (file, text) in map["data"].as_object().unwrap() {
            fs::write(folder.join(file), here(text.as_str().unwrap())).unwrap();
        }
        let pod = &daemon_set["spec"]["template"]["spec"];
        let container = pod["containers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "envoy")
            .unwrap();
        let arguments =
            container["args"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
        let arguments = arguments.map(|text| {
            here(text)
                .replace("envoy-gateway.envoy-gateway-system.svc.cluster.local.", "127.0.0.1")
                // Envoy Gateway has the same ports here.
                .replace("port_value: 19000", "port_value: 19100")
                .replace("port_value: 19001", "port_value: 19101")
                .replace("$(ENVOY_POD_NAME)", "envoy-1")
                .replace("$(ENVOY_SERVICE_ZONE)", "zone")
        });
        let arguments: Vec<String> = arguments.filter(|text| text != "--cpuset-threads").collect();
        let mut command = self.command("envoy");
        self.spawn(command.args(arguments).args(["--concurrency", "1", "--use-dynamic-base-id"]));
        daemon_set
    }
}
