//! Scripts that keepalived tracks -> the checks of an entrypoint.

use std::collections::BTreeMap;

use super::codes;
use super::finding::Findings;
use crate::bundle::{Home, NodeFile};
use crate::language::name::{CheckLine, Name as _, User};
use crate::language::shell;
use crate::model::Timing;
use crate::plan::Check;
use crate::source::Span;
use crate::state::{Script, Statement, Tree};

/// The questions that a tracked script asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Health {
    /// Port of kube-proxy that says whether a ready pod is on the node.
    pub port: Option<u16>,
    /// Commands that have to succeed.
    pub commands: Vec<Asked>,
    /// The interval, the timeout and the counts of its runs.
    pub timing: Timing,
}

/// A command, and who runs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    pub command: String,
    pub user: String,
}

/// keepalived's own, where a script says nothing: the timeout is the interval.
const UNSAID: Timing = Timing { interval: 1, timeout: 1, fall: 1, rise: 1 };

impl Default for Health {
    fn default() -> Self {
        Self { port: None, commands: Vec::new(), timing: UNSAID }
    }
}

/// The command that checks of processes run.
const PGREP: &str = "/usr/bin/pgrep -x";
/// Folders of commands that a script names without one.
const COMMANDS: &[(&str, &str)] = &[
    ("killall", "/usr/bin/killall"),
    ("pgrep", "/usr/bin/pgrep"),
    ("pidof", "/usr/bin/pidof"),
    ("curl", "/usr/bin/curl"),
    ("systemctl", "/usr/bin/systemctl"),
    ("ping", "/usr/bin/ping"),
    ("nc", "/usr/bin/nc"),
    ("test", "/usr/bin/test"),
    ("true", "/usr/bin/true"),
];

/// The checks of a node, by the name of their script.
pub fn read(
    tree: &Tree,
    node: &str,
    scripts: &BTreeMap<String, Script>,
    default_user: &str,
    findings: &mut Findings,
) -> BTreeMap<String, Health> {
    let mut all = BTreeMap::new();
    for (name, script) in scripts {
        let found = |key: &str| script.all.iter().find(|inner| inner.key() == key);
        let Some(written) = found("script") else { continue };
        let user = found("user").and_then(|user| user.value()).unwrap_or(default_user);
        let mut health = Health { timing: timing(&found, name, findings), ..Health::default() };
        for (line, user) in lines(tree, node, written, user) {
            health.take(&line, user, written.at, findings);
        }
        let reversed =
            found("weight").filter(|weight| weight.words.iter().any(|word| word == "reverse"));
        if let Some(weight) = reversed {
            refuse_reversed(name, weight.at, findings);
            health = Health::default();
        }
        all.insert(name.clone(), health);
    }
    all
}

/// Says that a check counts when it fails, which an inventory cannot say.
pub fn refuse_reversed(name: &str, at: Span, findings: &mut Findings) {
    findings.add(
        &codes::UNSAYABLE,
        at,
        format!("`{name}` counts while it fails (`reverse`)"),
        "write a script that exits with 0 while the node is well, and make it the check",
    );
}

/// The check of a process that keepalived tracks itself.
pub fn of_process(statement: &Statement, findings: &mut Findings) -> Option<Health> {
    let process = statement.inner().iter().find(|inner| inner.key() == "process")?;
    let mut health = Health { timing: Timing::DEFAULT, ..Health::default() };
    let name = process.value()?.rsplit('/').next()?;
    findings.add(
        &codes::OTHERWISE,
        statement.at,
        format!("the process `{name}` is asked for by a check"),
        format!("`{PGREP} {name}` every 2 s"),
    );
    health.take(&format!("{PGREP} {name}"), "nobody", process.at, findings);
    Some(health)
}

fn timing<'a>(
    found: &impl Fn(&str) -> Option<&'a Statement>,
    name: &str,
    findings: &mut Findings,
) -> Timing {
    let mut number = |key: &str, default: u16, most: u16| {
        let Some(statement) = found(key) else { return default };
        let value: Option<f64> = statement.value().and_then(|value| value.parse().ok());
        let whole = value.map_or(default, |value| (value.ceil() as u16).clamp(1, most));
        if value != Some(f64::from(whole)) {
            findings.add(
                &codes::OTHERWISE,
                statement.at,
                format!("`{key}` of `{name}` becomes {whole}"),
                "keepalived takes whole numbers here",
            );
        }
        whole
    };
    let interval = number("interval", UNSAID.interval, 3600);
    let timeout = number("timeout", interval, 3600);
    let mut count =
        |key, default: u8| u8::try_from(number(key, u16::from(default), 100)).unwrap_or(default);
    let (fall, rise) = (count("fall", UNSAID.fall), count("rise", UNSAID.rise));
    Timing { interval, timeout, fall, rise }
}

/// The command of a script, or those of the file that lbgen writes where there are several; each with its user.
fn lines<'a>(tree: &Tree, node: &str, script: &Statement, user: &'a str) -> Vec<(String, &'a str)> {
    // A quoted command is one word; what follows it is not read.
    let command = match script.value() {
        Some(quoted) if quoted.contains(' ') => quoted.to_owned(),
        _ => script.words[1..].iter().map(|word| shell::quoted(word)).collect::<Vec<_>>().join(" "),
    };
    let parts = match NodeFile::of(command.trim_start_matches('/')) {
        file @ NodeFile::Check(_, name)
            if name.strip_prefix("check-").is_some_and(|name| name.starts_with(Check::PREFIX)) =>
        {
            tree.get(&file.on(node).to_string())
        }
        _ => None,
    };
    match parts {
        Some(text) => {
            let commands = text.lines().filter(|line| line.starts_with('/'));
            commands.map(|line| (line.to_owned(), user)).collect()
        }
        None => vec![(command, user)],
    }
}

impl Health {
    /// Returns true if nothing is left to ask: it could not be carried.
    pub fn is_empty(&self) -> bool {
        self.port.is_none() && self.commands.is_empty()
    }

    fn take(&mut self, line: &str, user: &str, at: Span, findings: &mut Findings) {
        let (line, user) = unwrapped(line, user);
        let own = NodeFile::Check(Home::Host, "check-entrypoint").installed();
        if let Some(arguments) = line.strip_prefix(&own).and_then(|rest| rest.strip_prefix(' ')) {
            self.port = arguments.split(' ').nth(1).and_then(|port| port.parse().ok());
            return;
        }
        let (first, rest) = line.split_once(' ').map_or((line, ""), |(first, rest)| (first, rest));
        let full = COMMANDS.iter().find(|(name, _)| *name == first).map(|(_, full)| *full);
        let command = match full {
            Some(full) => {
                findings.add(
                    &codes::OTHERWISE,
                    at,
                    format!("`{first}` is called `{full}`"),
                    "lbgen starts commands by their whole path",
                );
                format!("{full} {rest}").trim_end().to_owned()
            }
            None => line.to_owned(),
        };
        let told = shell::line_of(&command).filter(|line| CheckLine::parse(line).is_some());
        if !command.starts_with(shell::RUN) && is_shell(&command) {
            findings.add(
                &codes::OTHERWISE,
                at,
                format!("`{command}` is run by a shell"),
                "keepalived starts it without one, and what looks like syntax is an argument: see whether it asks what it should",
            );
        }
        let command = told.unwrap_or(command);
        if CheckLine::parse(&command).is_none() {
            findings.add(
                &codes::UNSAYABLE,
                at,
                format!("the check `{line}` cannot stand in an inventory"),
                "put it into a script on the nodes, and write its path as the check",
            );
            return;
        }
        let user = match User::parse(user) {
            Some(_) => user.to_owned(),
            None => "root".to_owned(),
        };
        self.commands.push(Asked { command, user });
    }
}

/// Returns true if a shell has to run a command that an inventory can have.
fn is_shell(command: &str) -> bool {
    CheckLine::parse(command).is_some_and(|line| line.is_shell())
}

/// A command without the setpriv(1) or runuser(1) before it, and whom that makes it run as.
pub fn unwrapped<'a>(line: &'a str, user: &'a str) -> (&'a str, &'a str) {
    if let Some(rest) = line.strip_prefix("/usr/sbin/runuser -u ")
        && let Some((user, command)) = rest.split_once(" -- ")
    {
        return (command, user);
    }
    let Some(rest) = line.strip_prefix("/usr/bin/setpriv --reuid=") else { return (line, user) };
    let Some((user, rest)) = rest.split_once(' ') else { return (line, user) };
    let Some((_, command)) = rest.split_once("--no-new-privs ") else { return (line, user) };
    (command, if user == "65534" { "nobody" } else { user })
}
