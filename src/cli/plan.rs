//! `lbgen plan`: who holds what, in which order, with which numbers, and how even that is.

use anyhow::Context;
use serde_json::{Value, json};

use super::session::{Planned, Session};
use super::table::{count, table};
use super::{Exit, Format, Input, output};
use crate::bundle;
use crate::plan::simulate::{Placement, Scenario, Simulator, System, sets, worst};
use crate::plan::{Keep, Plan};

/// All sets of up to this many failures are looked at.
const FAILURES: usize = 2;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Rewrite the orders of the lock for evenness, moving as few VIPs as that takes
    #[arg(long)]
    rebalance: bool,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let path = &args.input.inventory;
    let Some(planned) = session.valid_plan(path, Keep::Locked)? else { return Ok(Exit::Failed) };
    if !args.rebalance {
        show(&planned.plan, session)?;
        return Ok(Exit::Done);
    }
    let mut again = Session::new(session.global.clone());
    let Some(balanced) = again.plan(path, Keep::Masters, &[])? else { return Ok(Exit::Failed) };
    let moves = moves(&planned.plan, &balanced.plan);
    match session.global.format {
        Format::Json => {
            let moves: Vec<Value> = moves
                .iter()
                .map(|(vip, from, to)| json!({ "vip": vip, "from": from, "to": to }))
                .collect();
            output::json(
                &json!({ "version": 1, "moves": moves, "plan": document(&balanced.plan) }),
            )?;
        }
        _ => {
            let mut text = String::new();
            if !moves.is_empty() {
                text += &table(
                    &["VIP", "FROM", "TO"],
                    moves.iter().map(|(vip, from, to)| vec![vip.clone(), from.clone(), to.clone()]),
                );
                text += "\n";
            }
            text += &format!(
                "{} to another MASTER\n\n",
                count(moves.len(), "VIP") + if moves.len() == 1 { " moves" } else { " move" }
            );
            text += &evenness(&balanced.plan);
            output::data(&text)?;
        }
    }
    write_lock(&balanced, session)?;
    Ok(Exit::Done)
}

fn write_lock(balanced: &Planned, session: &Session) -> anyhow::Result<()> {
    let Some(lock) = balanced.lock.as_ref().filter(|lock| !lock.current) else { return Ok(()) };
    let shown = lock.path.display();
    bundle::replace_file(&lock.path, &lock.text)
        .with_context(|| format!("cannot write the lock {shown}"))?;
    session.note(&format!("wrote {shown}; next: lbgen diff"));
    Ok(())
}

/// The VIPs whose MASTER differs.
fn moves(before: &Plan, after: &Plan) -> Vec<(String, String, String)> {
    before
        .vips
        .iter()
        .zip(&after.vips)
        .filter(|(before, after)| before.order.first() != after.order.first())
        .map(|(before, after)| {
            let first = |order: &[crate::model::Subdomain]| {
                order.first().map(ToString::to_string).unwrap_or_default()
            };
            (before.address.to_string(), first(&before.order), first(&after.order))
        })
        .collect()
}

fn show(plan: &Plan, session: &Session) -> anyhow::Result<()> {
    if session.global.format == Format::Json {
        return output::json(&document(plan));
    }
    let rows = plan.vips.iter().map(|vip| {
        let order: Vec<&str> = vip.order.iter().map(AsRef::as_ref).collect();
        let mark = vip.numbers.mark.map_or("-".to_owned(), |mark| format!("{:#x}", mark.value));
        vec![
            vip.address.to_string(),
            vip.entrypoint.clone(),
            vip.numbers.vrid.to_string(),
            vip.numbers.table.to_string(),
            vip.numbers.rule_priority.to_string(),
            mark,
            order[0].to_owned(),
            order[1..].join(" "),
        ]
    });
    let headers = ["VIP", "ENTRYPOINT", "VRID", "TABLE", "RULE", "MARK", "MASTER", "THEN"];
    output::data(&(table(&headers, rows) + "\n" + &evenness(plan)))
}

/// The worst placement of each number of failures, those of none first.
fn by_failures<'a>(plan: &'a Plan, simulator: &Simulator<'a>) -> Vec<Placement<'a>> {
    (0..=FAILURES)
        .filter_map(|failures| {
            let placements: Vec<Placement<'a>> = sets(plan, &Scenario::default(), failures)
                .iter()
                .map(|scenario| Placement::of(simulator, scenario, System::Lbgen))
                .collect();
            worst(&placements).cloned()
        })
        .collect()
}

/// Load per node and zone now, and the worst case of failures.
fn evenness(plan: &Plan) -> String {
    let simulator = Simulator::of(plan);
    let now = Placement::of(&simulator, &Scenario::default(), System::Lbgen);
    let zoned = plan.nodes.iter().any(|node| node.zone.is_some());
    let rows = plan.nodes.iter().map(|node| {
        vec![
            node.node.clone(),
            node.zone.clone().unwrap_or("-".to_owned()),
            node.weight.to_string(),
            now.loads[node.node.as_str()].to_string(),
        ]
    });
    let mut text = table(&["NODE", "ZONE", "WEIGHT", "VIPS"], rows);
    if zoned {
        let zones: std::collections::BTreeSet<&String> =
            plan.nodes.iter().filter_map(|node| node.zone.as_ref()).collect();
        let rows = zones.into_iter().map(|zone| {
            let held = plan
                .nodes
                .iter()
                .filter(|node| node.zone.as_ref() == Some(zone))
                .map(|node| now.loads[node.node.as_str()]);
            vec![zone.clone(), held.sum::<usize>().to_string()]
        });
        text += "\n";
        text += &table(&["ZONE", "VIPS"], rows);
        text += &same_zone(plan);
    }
    let rows =
        by_failures(plan, &simulator).into_iter().enumerate().map(|(failures, placement)| {
            let failed: Vec<String> = placement.scenario.failed.iter().cloned().collect();
            vec![
                failures.to_string(),
                placement.load.to_string(),
                placement.bound.to_string(),
                placement.over.to_string(),
                placement.unheld.to_string(),
                if failed.is_empty() { "-".to_owned() } else { failed.join(" ") },
            ]
        });
    text + "\n" + &table(&["FAILED", "MOST VIPS", "BOUND", "OVER", "UNHELD", "WORST CASE"], rows)
}

/// How many VIPs stay in their zone when their MASTER fails.
fn same_zone(plan: &Plan) -> String {
    let zone = |name: &str| {
        plan.nodes.iter().find(|node| node.node == name).and_then(|node| node.zone.clone())
    };
    let within = plan.vips.iter().filter(|vip| match vip.order.as_slice() {
        [first, second, ..] => {
            zone(first.as_str()).is_some_and(|first| zone(second.as_str()) == Some(first))
        }
        _ => false,
    });
    match within.count() {
        0 => String::new(),
        some => format!("{} with the first two nodes in one zone\n", count(some, "VIP")),
    }
}

/// The plan for programs.
fn document(plan: &Plan) -> Value {
    let vips: Vec<Value> = plan
        .vips
        .iter()
        .map(|vip| {
            let order: Vec<Value> = vip
                .order
                .iter()
                .zip(&vip.priorities)
                .map(|(node, priority)| json!({ "node": node, "priority": priority }))
                .collect();
            json!({
                "address": vip.address,
                "entrypoint": vip.entrypoint,
                "vrid": vip.numbers.vrid,
                "table": vip.numbers.table,
                "rule_priority": vip.numbers.rule_priority,
                "mark": vip.numbers.mark.map(|mark| mark.value),
                "mark_rule_priority": vip.numbers.mark.map(|mark| mark.rule_priority),
                "master": vip.order.first(),
                "order": order,
            })
        })
        .collect();
    let simulator = Simulator::of(plan);
    let now = Placement::of(&simulator, &Scenario::default(), System::Lbgen);
    let nodes: Vec<Value> = plan
        .nodes
        .iter()
        .map(|node| json!({ "node": node.node, "zone": node.zone, "weight": node.weight, "vips": now.loads[node.node.as_str()] }))
        .collect();
    let worst: Vec<Value> = by_failures(plan, &simulator)
        .into_iter()
        .enumerate()
        .map(|(failures, placement)| {
            json!({
                "failures": failures,
                "load": placement.load,
                "bound": placement.bound,
                "over": placement.over,
                "unheld": placement.unheld,
                "failed": placement.scenario.failed,
            })
        })
        .collect();
    json!({ "version": 1, "datacenter": plan.datacenter, "vips": vips, "nodes": nodes, "worst": worst })
}
