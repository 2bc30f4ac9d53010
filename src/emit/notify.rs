//! The commands that keepalived calls on transitions.

use super::check;
use crate::bundle::{Home, NodeFile};
use crate::model::{Command, Notify, Transition, User};
use crate::plan::Instance;

/// Transitions after which a script that holds the routes puts them back.
const RESTORED: [Transition; 3] = [Transition::Master, Transition::Backup, Transition::Fault];

/// The lines that put routes back, each with the command of its transition: keepalived takes one for each.
pub(super) fn restores(instance: &Instance) -> Vec<String> {
    if !instance.restore_routing {
        return Vec::new();
    }
    // The image of pods has a program there, which runs the node's own.
    let restore = format!("{} restore", NodeFile::PolicyRouting(Home::Host).installed());
    let line = |transition: Transition| {
        let then = instance.notify.as_ref().and_then(|notify| {
            let command = notify.commands.get(&transition)?;
            Some(format!(" -- {}", dropped(command, &notify.user)))
        });
        format!("{} \"{restore}{}\" root", transition.keyword(), then.unwrap_or_default())
    };
    RESTORED.into_iter().map(line).collect()
}

/// All other lines.
pub(super) fn lines(instance: &Instance) -> Vec<String> {
    let Some(Notify { commands, user }) = &instance.notify else { return Vec::new() };
    let own = commands
        .iter()
        .filter(|(transition, _)| !(instance.restore_routing && RESTORED.contains(transition)));
    let line = |(transition, command): (&Transition, &Command)| {
        format!("{} \"{}\"", transition.keyword(), dropped(command, user))
    };
    own.map(line).collect()
}

/// A command of root's that becomes another user's. keepalived can do that itself, but `keepalived -t` then ends by SIGTERM
/// (2.2.7). No shell stands before it, which asks for the user's group where checks do: runuser(1) knows it.
fn dropped(command: &Command, user: &User) -> String {
    match user.as_str() {
        "root" => command.to_string(),
        "nobody" => check::unprivileged(command.as_str()),
        user => format!("/usr/sbin/runuser -u {user} -- {command}"),
    }
}
