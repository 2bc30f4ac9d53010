//! `lbgen simulate`: who holds each VIP when nodes fail, drain, or lose an entrypoint.

use std::collections::BTreeSet;

use anyhow::bail;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::session::Session;
use super::table::{count, table};
use super::{Exit, Format, Input, output};
use crate::plan::simulate::{Placement, Scenario, Simulator, System, sets, worst};
use crate::plan::{Keep, Plan};

/// More rows than this tell a person nothing; the worst ones are shown.
const SHOWN: usize = 40;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Nodes that are gone
    #[arg(long, value_name = "NODES", value_delimiter = ',')]
    fail: Vec<String>,
    /// Every node of this zone is gone
    #[arg(long, value_name = "ZONE")]
    zone: Vec<String>,
    /// Nodes that are drained
    #[arg(long, value_name = "NODES", value_delimiter = ',')]
    drain: Vec<String>,
    /// An entrypoint without a ready pod on a node
    #[arg(long, value_name = "ENTRYPOINT@NODE", value_delimiter = ',')]
    unhealthy: Vec<String>,
    /// On top of these, every set of up to K nodes gone
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(0..=4))]
    failures: Option<u8>,
    /// Put the elections of other systems beside it
    #[arg(long, value_enum, value_name = "SYSTEMS", value_delimiter = ',')]
    compare: Vec<Other>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Other {
    Metallb,
    Purelb,
    KubeVip,
    KeepalivedOperator,
}

/// A system, and its placements by the number of failures.
type BySystem<'a> = (System, Vec<Vec<Placement<'a>>>);

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let Some(planned) = session.valid_plan(&args.input.inventory, Keep::Locked)? else {
        return Ok(Exit::Failed);
    };
    let plan = &planned.plan;
    let base = scenario(args, plan)?;
    let mut systems = vec![System::Lbgen];
    systems.extend(args.compare.iter().map(|other| match other {
        Other::Metallb => System::MetalLb,
        Other::Purelb => System::PureLb,
        Other::KubeVip => System::KubeVip,
        Other::KeepalivedOperator => System::KeepalivedOperator,
    }));
    let simulator = Simulator::of(plan);
    let failures = usize::from(args.failures.unwrap_or(0));
    let results: Vec<BySystem<'_>> = systems
        .into_iter()
        .map(|system| {
            let placements = |failures| {
                sets(plan, &base, failures)
                    .iter()
                    .map(|s| Placement::of(&simulator, s, system))
                    .collect()
            };
            (system, (0..=failures).map(placements).collect())
        })
        .collect();
    match session.global.format {
        Format::Json => output::json(&document(plan, &simulator, &results))?,
        _ => output::data(&text(plan, &simulator, &results, args.failures.is_some()))?,
    }
    Ok(Exit::Done)
}

/// The scenario of the options. A name that the plan does not have is an error.
fn scenario(args: &Args, plan: &Plan) -> anyhow::Result<Scenario> {
    let node = |name: &str| match plan.nodes.iter().any(|node| node.node == name) {
        true => Ok(name.to_owned()),
        false => bail!("there is no node `{name}`"),
    };
    let mut scenario = Scenario::default();
    for name in &args.fail {
        scenario.failed.insert(node(name)?);
    }
    for zone in &args.zone {
        let of_zone = plan
            .nodes
            .iter()
            .filter(|node| node.zone.as_ref() == Some(zone))
            .map(|node| node.node.clone());
        let before = scenario.failed.len();
        scenario.failed.extend(of_zone);
        if scenario.failed.len() == before {
            bail!("there is no node in a zone `{zone}`");
        }
    }
    for name in &args.drain {
        scenario.drained.insert(node(name)?);
    }
    for pair in &args.unhealthy {
        let Some((entrypoint, name)) = pair.split_once('@') else {
            bail!("--unhealthy takes ENTRYPOINT@NODE, not `{pair}`");
        };
        if !plan.kubernetes.entrypoints.iter().any(|found| found.name == entrypoint) {
            bail!("there is no entrypoint `{entrypoint}`");
        }
        scenario.unhealthy.insert((entrypoint.to_owned(), node(name)?));
    }
    Ok(scenario)
}

/// The set that failed, for a person.
fn name(scenario: &Scenario) -> String {
    let mut parts: Vec<String> = scenario.failed.iter().cloned().collect();
    parts.extend(scenario.drained.iter().map(|node| format!("{node} (drained)")));
    parts
        .extend(scenario.unhealthy.iter().map(|(entrypoint, node)| format!("{entrypoint}@{node}")));
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}

fn text(
    plan: &Plan,
    simulator: &Simulator<'_>,
    results: &[BySystem<'_>],
    every_set: bool,
) -> String {
    let normal = Placement::of(simulator, &Scenario::default(), System::Lbgen);
    // The worst case first, for every number of failures and every system.
    let rows = results.iter().flat_map(|(system, by_failures)| {
        by_failures.iter().filter_map(|placements| {
            let placement = worst(placements)?;
            Some(vec![
                system.name().to_owned(),
                placement.scenario.failed.len().to_string(),
                placement.load.to_string(),
                placement.bound.to_string(),
                placement.over.to_string(),
                placement.unheld.to_string(),
                name(&placement.scenario),
            ])
        })
    });
    let mut text =
        table(&["ELECTION", "FAILED", "MOST VIPS", "BOUND", "OVER", "UNHELD", "WORST CASE"], rows);
    let ours: Vec<&Placement<'_>> = results[0].1.iter().flatten().collect();
    text += "\n";
    text +=
        &if every_set { heat_map(plan, &normal, &ours) } else { placement(plan, &normal, ours[0]) };
    text
}

/// Who holds each VIP, and who held it before.
fn placement(plan: &Plan, normal: &Placement<'_>, now: &Placement<'_>) -> String {
    let moved: BTreeSet<usize> = now.moved(normal).into_iter().collect();
    let rows = plan.vips.iter().enumerate().map(|(index, vip)| {
        let holder =
            |placement: &Placement<'_>| placement.holders[index].unwrap_or("nobody").to_owned();
        let from =
            if moved.contains(&index) { format!("from {}", holder(normal)) } else { String::new() };
        vec![vip.address.to_string(), vip.entrypoint.clone(), holder(now), from]
    });
    let sum = format!("{} moved, {} with nobody\n", count(moved.len(), "VIP"), now.unheld);
    table(&["VIP", "ENTRYPOINT", "HOLDER", "MOVED"], rows) + &sum
}

/// A line per set of failures: the load of each node, warm where it is near its bound.
fn heat_map(plan: &Plan, normal: &Placement<'_>, placements: &[&Placement<'_>]) -> String {
    let mut shown: Vec<&Placement<'_>> = placements.to_vec();
    // The worst first where not all of them are shown.
    if shown.len() > SHOWN {
        shown.sort_by_key(|placement| {
            std::cmp::Reverse((placement.unheld, placement.over, placement.load))
        });
        shown.truncate(SHOWN);
    }
    let mut headers = vec!["FAILED".to_owned()];
    headers.extend(plan.nodes.iter().map(|node| node.node.clone()));
    headers.push("MOVED".to_owned());
    let rows = shown.iter().map(|placement| {
        let mut row = vec![name(&placement.scenario)];
        row.extend(plan.nodes.iter().map(|node| match placement.scenario.is_out(&node.node) {
            true => "-".to_owned(),
            false => warm(placement.loads[node.node.as_str()], placement.bound),
        }));
        row.push(placement.moved(normal).len().to_string());
        row
    });
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let mut text = table(&headers, rows);
    if shown.len() < placements.len() {
        text += &format!("the {SHOWN} worst of {} sets\n", placements.len());
    }
    text
}

/// A load on a background from green to red; over the bound it is red.
fn warm(load: usize, bound: usize) -> String {
    let background = match () {
        () if load > bound => 41,
        () if load == bound => 43,
        () if load == 0 => return load.to_string(),
        () => 42,
    };
    format!("\x1b[30;{background}m{load}\x1b[0m")
}

fn document(plan: &Plan, simulator: &Simulator<'_>, results: &[BySystem<'_>]) -> Value {
    let set = |placement: &Placement<'_>, normal: &Placement<'_>| {
        let unhealthy: Vec<String> = placement
            .scenario
            .unhealthy
            .iter()
            .map(|(entrypoint, node)| format!("{entrypoint}@{node}"))
            .collect();
        let vips = plan.vips.iter().zip(&placement.holders).zip(&normal.holders).map(|((vip, holder), before)| {
            json!({ "address": vip.address, "holder": holder, "before": before, "moved": holder != before })
        });
        json!({
            "failed": placement.scenario.failed,
            "drained": placement.scenario.drained,
            "unhealthy": unhealthy,
            "load": placement.load,
            "bound": placement.bound,
            "over": placement.over,
            "unheld": placement.unheld,
            "loads": placement.loads,
            "vips": vips.collect::<Vec<Value>>(),
        })
    };
    let systems: Vec<Value> = results
        .iter()
        .map(|(system, by_failures)| {
            let normal = Placement::of(simulator, &Scenario::default(), *system);
            let worst_cases: Vec<Value> = by_failures
                .iter()
                .filter_map(|placements| Some(set(worst(placements)?, &normal)))
                .collect();
            let all: Vec<Value> =
                by_failures.iter().flatten().map(|placement| set(placement, &normal)).collect();
            json!({ "election": system.name(), "worst": worst_cases, "sets": all })
        })
        .collect();
    json!({ "version": 1, "datacenter": plan.datacenter, "systems": systems })
}
