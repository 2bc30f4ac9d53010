//! `notify:` of `keepalived:` or of a VIP.

use super::super::keys::{Fields, Need, keys};
use super::super::read::Read;
use super::super::short::Either;
use super::super::written::Text;
use crate::diag::Report;
use crate::language::name::{Command, User};
use crate::source::{Loc, Span};

/// `notify: COMMAND`: on every transition, as nobody.
pub type Notify = Either<Loc<Text<Command>>, LongNotify>;

keys! {
    /// `notify:`, long form; `{}` is none.
    LongNotify {
        /// On every transition, with the arguments `INSTANCE`, the instance's name, the new state and the priority.
        Optional any: Loc<Text<Command>>,
        /// When it becomes MASTER; without arguments of keepalived's, as all that follow.
        Optional master: Loc<Text<Command>>,
        /// When it becomes BACKUP.
        Optional backup: Loc<Text<Command>>,
        /// When it goes to FAULT.
        Optional fault: Loc<Text<Command>>,
        /// When keepalived stops.
        Optional stop: Loc<Text<Command>>,
        /// Who runs them; default `nobody`. Scripts of `root` only root may be able to write: keepalived runs no others.
        Optional user: Loc<Text<User>>,
    }
}
