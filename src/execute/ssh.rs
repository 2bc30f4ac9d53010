//! Nodes by `ssh`, or by what `LBGEN_ON` names instead; those with a DaemonSet by `kubectl exec`, in its pod.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::{Failure, Fleet, kubectl, program_of};
use crate::emit;
use crate::language::name::Subdomain;

/// A node that says nothing for this long is not reached.
const SILENCE: Duration = Duration::from_secs(2);
/// A node that goes on saying something for this long is not waited for.
const WHOLE: Duration = Duration::from_secs(20);

/// The user's own `ssh`, with the keys and the configuration that it knows.
#[derive(Debug)]
pub struct Ssh {
    /// The program and its first words.
    program: Vec<String>,
    /// The destination of ssh, for each node that is not reached by its name.
    hosts: BTreeMap<Subdomain, String>,
    /// kubectl and its first words.
    kubectl: Vec<String>,
    /// Nodes that are reached by the container beside keepalived.
    by_pod: BTreeSet<Subdomain>,
}

impl Ssh {
    /// As the script of a rollout: `$LBGEN_ON HOST COMMAND`, or `$LBGEN_KUBECTL exec` for nodes `by_pod`.
    pub fn new(hosts: BTreeMap<Subdomain, String>, by_pod: BTreeSet<Subdomain>) -> Self {
        // Nobody is there to type a password, and one connection attempt has to fail in time.
        let program = program_of("LBGEN_ON", "ssh -o BatchMode=yes -o ConnectTimeout=2");
        Self { program, hosts, kubectl: kubectl(), by_pod }
    }

    /// The words that run a command on a node.
    fn words(&self, node: &Subdomain, command: &str) -> Vec<String> {
        let (mut words, then) = if self.by_pod.contains(node) {
            let set = format!("daemonset/{}", emit::daemon_set(node.as_str()));
            let then = ["exec", "--namespace", emit::NAMESPACE, &set, "--container", "guard", "--"];
            let mut then: Vec<String> = then.map(str::to_owned).into();
            then.extend(["sh".to_owned(), "-c".to_owned()]);
            (self.kubectl.clone(), then)
        } else {
            let host = self.hosts.get(node).map_or(node.as_str(), String::as_str);
            (self.program.clone(), vec![host.to_owned()])
        };
        words.extend(then);
        words.push(command.to_owned());
        words
    }

    fn start(&self, words: &[String]) -> std::io::Result<Child> {
        Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // All of it can be stopped at once.
            .process_group(0)
            .spawn()
    }
}

impl Fleet for Ssh {
    fn ask(&self, node: &Subdomain, command: &str) -> Result<String, Failure> {
        let words = self.words(node, command);
        let program = &words[0];
        let mut child = self
            .start(&words)
            .map_err(|error| Failure::Unreached(format!("cannot run {program}: {error}")))?;
        let (send, receive) = channel::<(bool, Vec<u8>)>();
        let pipes: [(bool, Option<Box<dyn Read + Send>>); 2] = [
            (true, child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
            (false, child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)),
        ];
        for (is_answer, pipe) in pipes {
            let send = send.clone();
            std::thread::spawn(move || {
                let mut pipe = pipe?;
                let mut buffer = [0; 8192];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    send.send((is_answer, buffer[..count].to_vec())).ok()?;
                }
                Some(())
            });
        }
        drop(send);
        let started = Instant::now();
        let (mut answer, mut complaint) = (Vec::new(), Vec::new());
        let is_over = loop {
            match receive.recv_timeout(SILENCE) {
                Ok((true, part)) => answer.extend(part),
                Ok((false, part)) => complaint.extend(part),
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
            if started.elapsed() > WHOLE {
                break false;
            }
        };
        let complaint = String::from_utf8_lossy(&complaint).into_owned();
        let why = complaint.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned);
        if !is_over {
            stop(&mut child);
            let waited = SILENCE.as_secs();
            return Err(Failure::Unreached(
                why.unwrap_or_else(|| format!("it says nothing for {waited} s")),
            ));
        }
        match child.wait() {
            Ok(status) if status.success() => Ok(String::from_utf8_lossy(&answer).into_owned()),
            // The status of ssh's own errors (ssh(1), EXIT STATUS).
            Ok(status) if status.code() == Some(255) => {
                Err(Failure::Unreached(why.unwrap_or_else(|| format!("{program} failed"))))
            }
            Ok(status) => Err(Failure::Failed(why.unwrap_or_else(|| status.to_string()))),
            Err(error) => Err(Failure::Unreached(error.to_string())),
        }
    }
}

/// Ends a command and everything that it started.
fn stop(child: &mut Child) {
    // Its group has its number.
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.wait();
}
