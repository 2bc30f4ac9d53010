//! The things that an agent does: functions of the node's program, and the words that each takes. No object makes it run another command;
//! the files that it installs are another matter, since keepalived runs scripts.

use lbgen::language::shell::quoted;

use crate::api::Desired;

/// A thing that a node does, as the node's program reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verb {
    /// The lines after the program, one after the other.
    pub lines: Vec<String>,
    /// True if it says `ready` first, and goes at a word.
    pub is_held: bool,
}

/// Does nothing: what was asked for before is not wanted any more.
pub const NOTHING: &str = "nothing";

/// Functions that change the node and therefore ask first whether it is this rollout's.
const ACTS: &[&str] = &[
    "config_test",
    "install",
    "restore",
    "restorable",
    "reload",
    "restart",
    "start",
    "stop",
    "drain",
    "undrain",
    "drop_rules",
    "put_rules",
];
/// Functions that ask by themselves, or change nothing.
const OTHERS: &[&str] = &["verify", "fresh", "leave"];
/// Functions that take the claim with them.
const OF_CLAIM: &[&str] = &["claim", "give_up", "release"];
/// Functions that may be one half of a moment.
const MOMENTS: &[&str] = &["reload", "restart", "start", "stop", "drain", "undrain"];

/// Returns true if an agent does such a thing.
pub fn is_known(act: &str) -> bool {
    [ACTS, OTHERS, OF_CLAIM, &["copy"]].iter().any(|list| list.contains(&act))
}

impl Verb {
    /// The verb of a request. An error says why an agent does not do it.
    pub fn of(desired: &Desired) -> Result<Self, String> {
        let act = desired.act.as_str();
        let words =
            |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let one = |line: String| Ok(Self { lines: vec![line], is_held: false });
        if desired.moment != crate::api::Moment::Now {
            let opposite = desired.opposite.as_deref();
            if ![Some(act), opposite].into_iter().flatten().all(|act| MOMENTS.contains(&act)) {
                return Err(format!("{act} is nothing that nodes do at one moment"));
            }
            let opposite = opposite.map_or(String::new(), |act| format!(" {act}"));
            return Ok(Self { lines: vec![format!("on_word {act}{opposite}")], is_held: true });
        }
        match act {
            NOTHING => Ok(Self { lines: Vec::new(), is_held: false }),
            "copy" => Ok(Self {
                lines: vec![
                    "act receive".to_owned(),
                    format!("act staged {}", words(&desired.args)),
                ],
                is_held: false,
            }),
            _ if ACTS.contains(&act) => one(format!("act {act} {}", words(&desired.args))),
            _ if OTHERS.contains(&act) => one(format!("{act} {}", words(&desired.args))),
            "claim" => {
                let by = format!(
                    "{} since {}",
                    desired.claimant,
                    crate::api::now().0.strftime("%Y-%m-%d %H:%M")
                );
                one(format!("claim {} {} ''", quoted(&desired.claim), quoted(&by)))
            }
            _ if OF_CLAIM.contains(&act) => one(format!("give_up {}", quoted(&desired.claim))),
            _ => Err(format!("an agent does no `{act}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic fails the test")]

    use super::*;
    use crate::api::Moment;

    fn desired(act: &str, args: &[&str]) -> Desired {
        Desired {
            act: act.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            claim: "c".to_owned(),
            claimant: "operator".to_owned(),
            ..Desired::default()
        }
    }

    #[test]
    fn an_agent_does_verbs_and_nothing_else() {
        let line = |act: &str, args: &[&str]| {
            Verb::of(&desired(act, args)).map(|verb| verb.lines.join("; "))
        };
        assert_eq!(line("reload", &[]), Ok("act reload ".to_owned()));
        assert_eq!(line("install", &["/a; reboot"]), Ok("act install '/a; reboot'".to_owned()));
        assert_eq!(line("release", &[]), Ok("give_up c".to_owned()));
        for act in ["reboot", "visit", "act", "reload; reboot", "inside", ""] {
            assert!(line(act, &[]).is_err(), "{act}");
        }
        let held = Desired {
            moment: Moment::Hold,
            opposite: Some("drain".to_owned()),
            ..desired("undrain", &[])
        };
        assert_eq!(Verb::of(&held).unwrap().lines, ["on_word undrain drain"]);
        for (act, opposite) in [("install", None), ("undrain", Some("reboot"))] {
            let opposite = opposite.map(str::to_owned);
            let held = Desired { moment: Moment::Hold, opposite, ..desired(act, &[]) };
            assert!(Verb::of(&held).is_err());
        }
    }
}
