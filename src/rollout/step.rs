//! Steps of a rollout, and promises that one cannot keep.

use std::net::IpAddr;
use std::time::Duration;

use crate::bundle::sha256;
use crate::language::name::Subdomain;
use crate::language::shell::quoted;

/// The action of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Do {
    /// Asks every node whether it is as **from** says.
    Verify,
    /// Brings the new files beside the old ones.
    Copy,
    /// Runs `keepalived -t` on them.
    Test,
    /// Installs them and reloads keepalived.
    Reload,
    /// Installs them and starts keepalived.
    Start,
    /// Stops keepalived for good.
    Stop,
    /// Installs them, stops and starts keepalived.
    Restart,
    /// Moves every VIP away.
    Drain,
    /// Lets VIPs come back.
    Undrain,
    /// Installs them and runs the policy routing script.
    Routing,
    /// Installs them and sets kernel keys.
    Sysctl,
    /// Applies manifests.
    Apply,
    /// Deletes objects.
    Delete,
    /// Changes a field that cannot change otherwise.
    Patch,
    /// Releases the nodes, and removes what is left on those that leave.
    Clean,
    /// Runs the command of `--visit`.
    Visit,
}

// Nothing is missing in the list.
const _: () = assert!(Do::Visit as usize + 1 == Do::ALL.len());

impl Do {
    /// Every kind, as they are declared.
    pub const ALL: [Self; 16] = [
        Self::Verify,
        Self::Copy,
        Self::Test,
        Self::Reload,
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Drain,
        Self::Undrain,
        Self::Routing,
        Self::Sysctl,
        Self::Apply,
        Self::Delete,
        Self::Patch,
        Self::Clean,
        Self::Visit,
    ];

    /// As JSON and ids write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Copy => "copy",
            Self::Test => "test",
            Self::Reload => "reload",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
            Self::Routing => "routing",
            Self::Sysctl => "sysctl",
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::Patch => "patch",
            Self::Clean => "clean",
            Self::Visit => "visit",
        }
    }
}

/// Something that is done to the keepalived of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Reads its configuration again.
    Reload,
    /// Stops and starts.
    Restart,
    /// Starts.
    Start,
    /// Stops for good.
    Stop,
    /// Gives every VIP away.
    Drain,
    /// May hold VIPs again.
    Undrain,
}

impl Act {
    /// The function of the script.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
        }
    }
}

/// A command of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// One node after the other.
    Each(Act, Vec<Subdomain>),
    /// All nodes at one moment: every connection stands before the first of them does it.
    Together(Act, Vec<Subdomain>),
    /// Two halves over connections that stand before the first: if the second does not happen, the first is taken back.
    HandOver {
        /// Between the halves.
        pause: Duration,
        /// The half that comes first.
        first: Vec<(Act, Subdomain)>,
        /// The half that follows.
        second: Vec<(Act, Subdomain)>,
    },
    /// Anything else: a function of the script and its words.
    Run(&'static str, Vec<String>),
}

impl Command {
    /// A function and what it takes.
    pub fn of<T: ToString>(function: &'static str, words: impl IntoIterator<Item = T>) -> Self {
        Self::Run(function, words.into_iter().map(|word| word.to_string()).collect())
    }

    /// One thing on some nodes, one after the other.
    pub fn each<'a>(act: Act, nodes: impl IntoIterator<Item = &'a Subdomain>) -> Self {
        Self::Each(act, nodes.into_iter().cloned().collect())
    }

    /// As a shell reads it.
    pub fn line(&self) -> String {
        let names = |nodes: &[Subdomain]| nodes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let half = |half: &[(Act, Subdomain)]| {
            let words = half.iter().map(|(act, node)| format!("{}:{node}", act.word()));
            words.collect::<Vec<_>>().join(" ")
        };
        let words = match self {
            Self::Each(act, nodes) => [vec![act.word().to_owned()], names(nodes)].concat(),
            Self::Together(act, nodes) => {
                [vec!["together".to_owned(), act.word().to_owned()], names(nodes)].concat()
            }
            Self::HandOver { pause, first, second } => vec![
                "hand_over".to_owned(),
                format!("{:.2}", pause.as_secs_f64()),
                half(first),
                half(second),
            ],
            Self::Run(function, words) => [vec![(*function).to_owned()], words.clone()].concat(),
        };
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A VIP that moves in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipMove {
    /// The VIP.
    pub vip: IpAddr,
    /// The holder before.
    pub from: Option<Subdomain>,
    /// The holder after.
    pub to: Option<Subdomain>,
    /// The time for which nobody holds it.
    pub silent: Duration,
}

impl VipMove {
    /// `192.0.2.10: lb-1 -> lb-2, silent for 0.05 s`
    pub fn line(&self) -> String {
        let name =
            |node: &Option<Subdomain>| node.as_ref().map_or("-".to_owned(), ToString::to_string);
        let silent = match self.silent.is_zero() {
            true => String::new(),
            false => format!(", silent for {:.2} s", self.silent.as_secs_f64()),
        };
        format!("{}: {} -> {}{silent}", self.vip, name(&self.from), name(&self.to))
    }
}

/// The expected holder of a VIP after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The VIP.
    pub vip: IpAddr,
    /// One of these, nobody where there is none; `None` where it cannot be said.
    pub holders: Option<Vec<Subdomain>>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// From its content: the same step has the same id in every run.
    pub id: String,
    /// The action.
    pub does: Do,
    /// In words.
    pub title: String,
    /// The nodes that it concerns, all at once.
    pub nodes: Vec<Subdomain>,
    /// The objects that it concerns.
    pub objects: Vec<String>,
    /// VIPs that move in it.
    pub moves: Vec<VipMove>,
    /// The commands, run one after the other.
    pub commands: Vec<Command>,
    /// The nodes that are asked afterwards.
    pub asked: Vec<Subdomain>,
    /// All that they must hold.
    pub expect: Vec<Expectation>,
    /// The time to wait for that.
    pub wait: Duration,
    /// The way back.
    pub back: Vec<Command>,
}

impl Step {
    /// A step that concerns these nodes.
    pub fn on(does: Do, title: impl Into<String>, nodes: Vec<Subdomain>) -> Self {
        Self {
            id: String::new(),
            does,
            title: title.into(),
            nodes,
            objects: Vec::new(),
            moves: Vec::new(),
            commands: Vec::new(),
            asked: Vec::new(),
            expect: Vec::new(),
            wait: Duration::ZERO,
            back: Vec::new(),
        }
    }

    /// Returns the check of what must hold afterwards as a command, or `None` if nothing must.
    pub fn check(&self) -> Option<Command> {
        if self.asked.is_empty() {
            return None;
        }
        let nodes: Vec<&str> = self.asked.iter().map(Subdomain::as_str).collect();
        let mut words = vec![self.wait.as_secs().max(1).to_string(), nodes.join(" ")];
        words.extend(self.expect.iter().map(|found| {
            let holders = match &found.holders {
                None => "any".to_owned(),
                Some(names) if names.is_empty() => "none".to_owned(),
                Some(names) => names.iter().map(Subdomain::as_str).collect::<Vec<_>>().join("|"),
            };
            format!("{}={holders}", found.vip)
        }));
        Some(Command::of("await", words))
    }

    pub(super) fn content_id(&self) -> String {
        let mut text = String::new();
        for command in &self.commands {
            text += &command.line();
            text.push('\n');
        }
        format!("{}-{}", self.does.word(), &sha256(text)[..6])
    }
}

/// The promises of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// No VIP has two holders, and none is without one for longer than a handover.
    OneHolder = 1,
    /// A VIP moves at most once.
    OneMove = 2,
}

/// A promise that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The promise.
    pub promise: Promise,
    /// The VIP.
    pub vip: IpAddr,
    /// The time for which it is silent.
    pub silent: Duration,
    /// The reason.
    pub why: String,
}
