//! Commands that keepalived calls on transitions -> `notify` of a VIP or of all.

use std::collections::BTreeMap;

use super::finding::Findings;
use super::fleet::most;
use super::yaml::Yaml;
use super::{check, codes};
use crate::language::name::{Command, Name as _, User};
use crate::model::Transition;
use crate::source::Span;
use crate::state::Statement;

/// `notify`, as an inventory says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notify {
    commands: BTreeMap<Transition, String>,
    user: String,
}

/// A command that can stand in an inventory.
struct Called {
    transition: Transition,
    command: String,
    user: String,
    group: Option<String>,
    at: Span,
}

impl Notify {
    /// Reads the lines of an instance; `None` where none of them calls anything.
    pub fn read(
        statements: &[Statement],
        script_user: &str,
        findings: &mut Findings,
    ) -> Option<Self> {
        // Of several lines for one transition keepalived takes the last.
        let mut all = BTreeMap::new();
        for statement in statements {
            let called = called(statement, script_user, findings);
            all.extend(called.map(|called| (called.transition, called)));
        }
        let user = most(all.values().map(|called| called.user.clone()))?;
        for called in all.values() {
            tell(called, &user, findings);
        }
        let commands = all.into_values().map(|called| (called.transition, called.command));
        Some(Self { commands: commands.collect(), user })
    }

    /// The short form where that is enough.
    pub fn yaml(&self) -> Yaml {
        if let (1, "nobody", Some(command)) =
            (self.commands.len(), self.user.as_str(), self.commands.get(&Transition::Any))
        {
            return Yaml::text(command);
        }
        let mut map = Yaml::map();
        for (transition, command) in &self.commands {
            map.put(transition.key(), Yaml::text(command));
        }
        map.put_some("user", (self.user != "nobody").then(|| Yaml::text(&self.user)));
        map
    }
}

fn called(statement: &Statement, script_user: &str, findings: &mut Findings) -> Option<Called> {
    let transition = Transition::ALL.into_iter().find(|one| one.keyword() == statement.key())?;
    let line = statement.value()?;
    let line = match line.split_once("/lbgen-policy-routing restore") {
        Some((_, then)) => then.strip_prefix(" -- ")?,
        None => line,
    };
    let written = statement.words.get(2).map_or(script_user, String::as_str);
    let (command, user) = check::unwrapped(line, written);
    if Command::parse(command).is_none() {
        findings.add(
            &codes::UNSAYABLE,
            statement.at,
            format!("the command `{command}` cannot stand in an inventory"),
            "put it into a script on the nodes, and write its path into `notify`",
        );
        return None;
    }
    let user = User::parse(user).map_or("root", |_| user).to_owned();
    Some(Called {
        transition,
        command: command.to_owned(),
        user,
        group: statement.words.get(3).cloned(),
        at: statement.at,
    })
}

fn tell(called: &Called, user: &str, findings: &mut Findings) {
    let command = &called.command;
    let mut otherwise =
        |title: String, help: &str| findings.add(&codes::OTHERWISE, called.at, title, help);
    if called.user != user {
        otherwise(
            format!("`{command}` is run as {user}, no longer as {}", called.user),
            "all commands of a `notify` have one user",
        );
    } else if let Some(group) = &called.group {
        otherwise(
            format!("`{command}` is run in the groups of {user}, not only in `{group}`"),
            "`notify` has a user, and no group",
        );
    }
    if user == "root" {
        findings.add(
            &codes::AS_ROOT,
            called.at,
            format!("`{command}` runs as root"),
            "write another `user` where it needs no root: who can change the script is root on the node",
        );
    }
}
