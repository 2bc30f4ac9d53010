//! A host: a process in network, mount and process namespaces of its own. When it ends, everything in them is gone.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// A host that runs.
pub struct Host {
    pub name: String,
    child: Child,
    pid: u32,
    /// The processes that it runs until it ends.
    servers: RefCell<Vec<Child>>,
}

impl Host {
    /// A host with nothing but a loopback interface.
    pub fn start(name: &str) -> Self {
        // It dies with the thread that started it, so also when a test fails.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork"])
            .args(["--kill-child", "--mount-proc", "sh", "-c"])
            .arg("ip link set lo up && echo ready && exec sleep infinity")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv and unshare are there (util-linux)");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a host says that it is ready");
        assert_eq!(line, "ready\n", "{name}: no namespaces; the lab needs root");
        let path = format!("/proc/{0}/task/{0}/children", child.id());
        let pid = fs::read_to_string(path)
            .ok()
            .and_then(|children| children.trim().parse().ok())
            .expect("unshare has one child");
        Self { name: name.to_owned(), child, pid, servers: RefCell::default() }
    }

    /// The process whose namespaces are the host's.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Runs a script on it.
    pub fn sh(&self, script: &str) -> Output {
        self.enter(&["--net", "--mount", "--pid"], &["sh", "-c", script]).output().expect("nsenter")
    }

    /// Runs a script that has to succeed; what it writes to standard output.
    pub fn run(&self, script: &str) -> String {
        let done = self.sh(script);
        let (said, wrong) =
            (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{}: {script}\n{said}{wrong}", self.name);
        said.into_owned()
    }

    /// Starts a script whose first line says that it is ready; it ends with the host.
    pub fn serve(&self, script: &str) {
        let mut child = self
            .enter(&["--net", "--mount", "--pid"], &["sh", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nsenter");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        self.servers.borrow_mut().push(child);
        assert!(!line.is_empty(), "{}: {script} ended at once", self.name);
    }

    /// A cable from here to another host.
    pub fn connect(&self, here: &str, other: &Host, there: &str) {
        let pid = other.pid.to_string();
        let link =
            ["ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", &pid];
        // In this process namespace, where the other's number is known.
        let done = self.enter(&["--net"], &link).output().expect("nsenter");
        let wrong = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{here} - {there}: {wrong}");
    }

    fn enter(&self, namespaces: &[&str], command: &[&str]) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter.arg("--target").arg(self.pid.to_string()).args(namespaces).arg("--").args(command);
        nsenter
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The namespace has killed them.
        for mut server in self.servers.take() {
            let _ = server.wait();
        }
    }
}
