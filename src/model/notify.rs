//! Commands that keepalived calls on transitions.

use std::collections::BTreeMap;
use std::fmt;

use super::value;
use crate::diag::{Diagnostic, Report};
use crate::inventory::codes;
use crate::inventory::raw::{self, Either};
use crate::language::name::{Command, Name as _, User};

/// The transitions of a VRRP instance that a command is called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// Every one.
    Any,
    /// To MASTER.
    Master,
    /// To BACKUP.
    Backup,
    /// To FAULT.
    Fault,
    /// The end of keepalived.
    Stop,
}

impl Transition {
    /// All, in the order of the reference.
    pub const ALL: [Self; 5] = [Self::Any, Self::Master, Self::Backup, Self::Fault, Self::Stop];

    /// The key of an inventory.
    pub fn key(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Master => "master",
            Self::Backup => "backup",
            Self::Fault => "fault",
            Self::Stop => "stop",
        }
    }

    /// The keyword of keepalived.conf(5).
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Any => "notify",
            Self::Master => "notify_master",
            Self::Backup => "notify_backup",
            Self::Fault => "notify_fault",
            Self::Stop => "notify_stop",
        }
    }
}

/// `notify:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The command of each transition; one at least.
    pub commands: BTreeMap<Transition, Command>,
    /// The user that runs them.
    pub user: User,
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (transition, command) in &self.commands {
            write!(f, "{}: {command}, ", transition.key())?;
        }
        write!(f, "user: {}", self.user)
    }
}

/// Reads `notify:`; inside, `None` is no command at all.
pub(super) fn build(raw: &raw::Notify, report: &mut Report) -> Option<Option<Notify>> {
    let nobody = User::parse("nobody");
    let raw = match raw {
        Either::Short(raw) => {
            let commands = BTreeMap::from([(
                Transition::Any,
                value::name_of(raw, "a notify command", report)?,
            )]);
            return Some(Some(Notify { commands, user: nobody? }));
        }
        Either::Long(raw) => raw,
    };
    let written = [
        (Transition::Any, &raw.any),
        (Transition::Master, &raw.master),
        (Transition::Backup, &raw.backup),
        (Transition::Fault, &raw.fault),
        (Transition::Stop, &raw.stop),
    ];
    let mut commands = BTreeMap::new();
    let mut complete = true;
    for (transition, raw) in written {
        let Some(raw) = raw else { continue };
        match value::name_of(raw, "a notify command", report) {
            Some(command) => drop(commands.insert(transition, command)),
            None => complete = false,
        }
    }
    let user = raw.user.as_ref().map_or(nobody, |raw| value::name_of(raw, "a user", report));
    match raw.given.as_slice() {
        [] => return Some(None),
        ["user"] => {
            report.push(
                Diagnostic::new(
                    &codes::MISSING_KEY,
                    raw.span,
                    "`notify` has a user, but no command",
                    "add `any:` here",
                )
                .help("or a command of one transition: `master`, `backup`, `fault` or `stop`"),
            );
            return None;
        }
        _ => {}
    }
    // A key that could not be read has its error.
    (complete && !commands.is_empty()).then_some(Some(Notify { commands, user: user? }))
}
