//! Commands that say whether a node is well.

use super::value;
use crate::diag::{Diagnostic, Report};
use crate::inventory::{codes, raw};
use crate::language::name::{CheckLine, Name as _, User};
use crate::source::{Loc, Span};

/// A command that keepalived runs on a node; exit 0 is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCheck {
    /// The place where the check is written.
    pub span: Span,
    /// The place of its `timeout`; else of its `interval`, else of its command.
    pub timing_span: Span,
    /// The command to run.
    pub command: CheckLine,
    /// The user that runs it.
    pub user: User,
    /// The timing and the thresholds.
    pub timing: Timing,
}

/// The timing and the thresholds of a check, as keepalived's `vrrp_script` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timing {
    /// Seconds from one start to the next.
    pub interval: u16,
    /// Seconds after which it has failed.
    pub timeout: u16,
    /// Failures in a row until the node is unhealthy.
    pub fall: u8,
    /// Successes in a row until it is healthy again.
    pub rise: u8,
}

impl Timing {
    /// The timing and the thresholds of a check that names none.
    pub const DEFAULT: Self = Self { interval: 2, timeout: 2, fall: 2, rise: 2 };

    /// Of a script that runs two checks: as often as the more frequent one, as patient as the more patient one.
    pub fn with(self, other: Self) -> Self {
        Self {
            interval: self.interval.min(other.interval),
            timeout: self.timeout.max(other.timeout),
            fall: self.fall.max(other.fall),
            rise: self.rise.max(other.rise),
        }
    }
}

/// `node_check`: a check that is there has a command.
pub(super) fn build(raw: &raw::NodeCheck, report: &mut Report) -> Option<NodeCheck> {
    if !raw.given.contains(&"check") {
        report.push(
            Diagnostic::new(
                &codes::MISSING_KEY,
                raw.span,
                "`node_check` lacks the required key `check`",
                "add `check:` here",
            )
            .help("a command that exits with 0 while the node is well, such as `/usr/local/bin/uplink-is-up`"),
        );
    }
    read(raw, report)
}

/// `host`: a service on the node may have no check, but then nothing about one.
pub(super) fn of_host(raw: &raw::NodeCheck, report: &mut Report) -> Option<Option<NodeCheck>> {
    if raw.given.contains(&"check") {
        return read(raw, report).map(Some);
    }
    if let Some(key) = raw.given.first() {
        report.push(
            Diagnostic::new(
                &codes::MISSING_KEY,
                raw.span,
                format!("`host` has `{key}`, but no `check`"),
                "add `check:` here",
            )
            .help("write the command that says whether the service is well, or `host: {}`"),
        );
        return None;
    }
    Some(None)
}

fn read(raw: &raw::NodeCheck, report: &mut Report) -> Option<NodeCheck> {
    let command: Option<Loc<CheckLine>> =
        raw.check.as_ref().and_then(|raw| Some(raw.with(value::name_of(raw, "a check", report)?)));
    let user = raw
        .user
        .as_ref()
        .map_or_else(|| User::parse("nobody"), |raw| value::name_of(raw, "a user", report));
    let default = Timing::DEFAULT;
    let mut seconds = |raw: Option<&_>, key, default| {
        raw.map_or(Some(default), |raw| value::whole_seconds(raw, key, 1..=3600, report))
    };
    let interval = seconds(raw.interval.as_ref(), "interval", u64::from(default.interval));
    let timeout = seconds(raw.timeout.as_ref(), "timeout", u64::from(default.timeout));
    let mut times = |raw: Option<&_>, key, default| {
        raw.map_or(Some(default), |raw| value::number(raw, key, report).map(|found| found.value))
    };
    let fall = times(raw.fall.as_ref(), "fall", default.fall);
    let rise = times(raw.rise.as_ref(), "rise", default.rise);
    let command = command?;
    let timing_span = [raw.timeout.as_ref(), raw.interval.as_ref()].into_iter().flatten().next();
    Some(NodeCheck {
        span: command.span,
        timing_span: timing_span.map_or(command.span, |raw| raw.span),
        command: command.value,
        user: user?,
        timing: Timing {
            interval: u16::try_from(interval?).ok()?,
            timeout: u16::try_from(timeout?).ok()?,
            fall: fall?,
            rise: rise?,
        },
    })
}
