//! The commands of a step as single acts, for a program that carries them out.

use schemars::JsonSchema;
use serde::Serialize;

use super::Command;

/// One thing that is done on a node or to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SingleAct {
    /// The node, or `cluster`.
    pub on: String,
    /// The function: of the node's program (`templates/node.sh`), of the cluster, or `wait`.
    #[serde(rename = "do")]
    pub does: String,
    /// The words that it takes; those of `wait` are seconds.
    pub args: Vec<String>,
    /// True for acts that begin at one moment with those of the same step beside them: every connection stands first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub together: bool,
}

impl Command {
    /// The acts, one after the other.
    pub fn acts(&self) -> Vec<SingleAct> {
        let one = |on: &str, does: &str, args: &[String]| SingleAct {
            on: on.to_owned(),
            does: does.to_owned(),
            args: args.to_vec(),
            together: false,
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
