//! The objects of the group lbgen.dev: CI writes a FrontEnd and Rollouts, the operator the nodes, and an agent the status of its own.

#![allow(clippy::duplicated_attributes, reason = "columns of one type have it in common")]

mod front_end;
mod node;
mod rollout;

pub use front_end::{FrontEnd, FrontEndStatus, Planning, VipCounts};
pub use node::{Desired, FrontEndNode, FrontEndNodeSpec, FrontEndNodeStatus, Moment, Progress};
pub use rollout::{
    Approval, Failing, Phase, PlanReference, Rollout, RolloutStatus, StepState, StepStatus,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResourceExt;
use serde_json::Value;

/// Everything of ours is there: the pods of keepalived, too.
pub const NAMESPACE: &str = lbgen::emit::NAMESPACE;

/// The definitions of all three, as YAML.
pub fn definitions() -> anyhow::Result<String> {
    let all = [FrontEnd::crd(), Rollout::crd(), FrontEndNode::crd()];
    let mut text = String::new();
    for definition in all {
        text += "---\n";
        let mut definition = serde_json::to_value(definition)?;
        without_formats(&mut definition);
        text += &lbgen::emit::document(&definition)?;
    }
    Ok(text)
}

/// Formats of numbers that only Rust knows: the API server warns of them.
fn without_formats(value: &mut Value) {
    if let Value::Object(map) = value {
        if map
            .get("format")
            .and_then(Value::as_str)
            .is_some_and(|format| format.starts_with("uint"))
        {
            map.remove("format");
        }
        map.values_mut().for_each(without_formats);
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(without_formats);
    }
}

/// The time now, as objects have it.
pub fn now() -> Time {
    Time(k8s_openapi::jiff::Timestamp::now())
}

/// Sets a condition; its time changes only with its status.
pub fn set_condition(
    all: &mut Vec<Condition>,
    type_: &str,
    is_true: bool,
    reason: &str,
    message: &str,
) {
    let status = if is_true { "True" } else { "False" };
    let before = all.iter().position(|found| found.type_ == type_).map(|at| all.remove(at));
    let since =
        before.filter(|before| before.status == status).map(|before| before.last_transition_time);
    all.push(Condition {
        last_transition_time: since.unwrap_or_else(now),
        message: message.to_owned(),
        observed_generation: None,
        reason: reason.to_owned(),
        status: status.to_owned(),
        type_: type_.to_owned(),
    });
    all.sort_by(|a, b| a.type_.cmp(&b.type_));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_packaged_definitions_are_those_of_the_types() {
        let packaged = include_str!("../../../packaging/operator/definitions.yaml");
        let written = super::definitions().unwrap();
        assert!(
            packaged == written,
            "run: cargo run -p lbgen-operator -- definitions >packaging/operator/definitions.yaml"
        );
    }
}
