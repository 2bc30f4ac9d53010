//! The commands of a step as single acts, for a program that carries them out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Command;

/// One thing that is done on a node or to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SingleAct {
    /// The node, or `cluster`.
    pub on: String,
    /// The function: of the node's program (`templates/node.sh`), of the cluster, or `wait`.
    #[serde(rename = "do")]
    pub does: String,
    /// The words that it takes; those of `wait` are seconds.
    pub args: Vec<String>,
    /// True for acts that begin at one moment with those of the same step beside them: every connection stands first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub together: bool,
    /// Acts of one command of the step have the same number. Those `together` begin at one moment, and again after a `wait`
    /// between them: a handover, whose first half is taken back where the second does not happen.
    #[serde(default)]
    pub group: usize,
}

impl SingleAct {
    /// The acts of commands, one after the other.
    pub fn of(commands: &[Command]) -> Vec<Self> {
        let numbered = commands.iter().enumerate();
        let acts = numbered.flat_map(|(group, command)| {
            command.acts().into_iter().map(move |act| Self { group, ..act })
        });
        acts.collect()
    }
}

impl Command {
    /// The acts, one after the other, as those of a single command.
    pub(super) fn acts(&self) -> Vec<SingleAct> {
        let one = |on: &str, does: &str, args: &[String]| SingleAct {
            on: on.to_owned(),
            does: does.to_owned(),
            args: args.to_vec(),
            together: false,
            group: 0,
        };
        match self {
            Self::Each(act, nodes) => {
                nodes.iter().map(|node| one(node.as_str(), act.word(), &[])).collect()
            }
            Self::Together(act, nodes) => nodes
                .iter()
                .map(|node| SingleAct { together: true, ..one(node.as_str(), act.word(), &[]) })
                .collect(),
            Self::HandOver { pause, first, second } => {
                let half = |half: &[(super::Act, crate::language::name::Subdomain)]| {
                    let act = |(act, node): &(super::Act, _)| {
                        let node: &crate::language::name::Subdomain = node;
                        SingleAct { together: true, ..one(node.as_str(), act.word(), &[]) }
                    };
                    half.iter().map(act).collect::<Vec<_>>()
                };
                let wait = one("cluster", "wait", &[format!("{:.2}", pause.as_secs_f64())]);
                [half(first), vec![wait], half(second)].concat()
            }
            Self::Run(function, words) => match *function {
                "apply" | "delete_unused_files" => vec![one("cluster", function, &[])],
                "apply_files" | "delete" | "free_health_port" | "await_gateway" | "hold_pods"
                | "release_pods" | "await_pods" | "recreate" => {
                    vec![one("cluster", function, words)]
                }
                // The node, and what it is told.
                "verify" | "install" | "leave" | "drop_rules" | "put_rules" => {
                    let (node, args) = words
                        .split_first()
                        .map_or(("", &[][..]), |(node, args)| (node.as_str(), args));
                    vec![one(node, function, args)]
                }
                // On each of the nodes.
                _ => words.iter().map(|node| one(node, function, &[])).collect(),
            },
        }
    }
}
