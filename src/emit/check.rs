//! The health checks that keepalived runs.

use serde::Serialize;

use super::{Emitter, Files, home, node_file};
use crate::bundle::{Home, NodeFile};
use crate::language::shell::{RUN, quoted};
use crate::model::{Entry, Label};
use crate::plan::{Check, CheckCommand, HealthPort, NodePlan};

/// Starts a command as nobody (setpriv(1)).
const UNPRIVILEGED: &str =
    "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs";

/// A script that runs all parts of a check.
#[derive(Serialize)]
struct Parts<'a> {
    entrypoint: &'a Label,
    commands: Vec<String>,
}

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let mut files = Vec::new();
    if node.pod.is_none() {
        let body = emitter.render("check-entrypoint", minijinja::context! {})?;
        files.push(node_file(node, NodeFile::Check(Home::Host, "check-entrypoint"), 0o755, body));
    }
    for check in node.checks.iter().filter(|check| !check.commands.is_empty()) {
        let commands = check.health.iter().map(health).chain(check.commands.iter().map(command));
        let parts = Parts { entrypoint: &check.entrypoint, commands: commands.collect() };
        let path = script(check, home(node));
        let body = emitter.render("check", parts)?;
        let mut file = node_file(node, NodeFile::of(&path[1..]), 0o755, body);
        file.from.push(Entry::Entrypoint(check.entrypoint.clone()));
        files.push(file);
    }
    Ok(files)
}

/// Returns the command that keepalived runs as root: the one part that drops its privileges, or the script of all
/// parts.
pub(super) fn line(check: &Check, home: Home) -> String {
    match (&check.health, check.commands.as_slice()) {
        (Some(port), []) => health(port),
        _ => script(check, home),
    }
}

/// A command that drops root's privileges first.
pub(super) fn unprivileged(command: &str) -> String {
    format!("{UNPRIVILEGED} {command}")
}

fn script(check: &Check, home: Home) -> String {
    let name = format!("check-{}", Check::name_of(&check.entrypoint));
    NodeFile::Check(home, &name).installed()
}

fn health(health: &HealthPort) -> String {
    let HealthPort { address, port } = health;
    let program = NodeFile::Check(Home::Host, "check-entrypoint").installed();
    unprivileged(&format!("{program} {address} {port}"))
}

fn command(check: &CheckCommand) -> String {
    let CheckCommand { command, user } = check;
    let command = match command.is_shell() {
        true => format!("{RUN}{}", quoted(command.as_str())),
        false => command.to_string(),
    };
    match user.as_str() {
        "root" => command,
        "nobody" => unprivileged(&command),
        user => format!(
            "/usr/bin/setpriv --reuid={user} --regid=\"$(id -g {user})\" --init-groups --no-new-privs {command}"
        ),
    }
}
