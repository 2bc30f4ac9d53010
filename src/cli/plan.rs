//! `lbgen plan`: who holds what, in which order, with which numbers, and how even that is.

use anyhow::{Context, bail};
use serde::Serialize;

use super::about::{self, About};
use super::answer::{Answer, Body, each};
use super::session::{Loaded, LockFile, Session};
use super::table::table;
use super::{Exit, Format, Input};
use crate::bundle;
use crate::diag::count;
use crate::model::Subdomain;
use crate::plan::{Keep, Plan};
use crate::view::Orders;

pub const ABOUT: About = About {
    name: "plan",
    formats: about::DATA,
    has_templates: false,
    exits: &[
        (Exit::Done, "done"),
        (Exit::Failed, "the inventory has errors, or the lock cannot be written"),
    ],
    examples: &[
        ("lbgen plan", "numbers, failover orders, and the worst case of one and two failures"),
        ("lbgen plan --rebalance", "what an even spread would move"),
        ("lbgen plan --rebalance --write", "store it in the lock; the next render uses it"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Show failover orders rewritten for evenness, with as few moves as possible
    #[arg(long)]
    rebalance: bool,
    /// Store the rewritten orders in the lock
    #[arg(long, requires = "rebalance")]
    write: bool,
}

/// A VIP that a rewritten order gives to another MASTER.
#[derive(Serialize)]
struct Move<'a> {
    vip: String,
    from: Option<&'a Subdomain>,
    to: Option<&'a Subdomain>,
}

/// The answer of `--rebalance`.
#[derive(Serialize)]
struct Rebalanced<'a> {
    version: u8,
    moves: Vec<Move<'a>>,
    plan: Orders<'a>,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    each(&args.input, session, |session, loaded| answer(args, loaded, session))
}

fn answer(args: &Args, loaded: &Loaded, session: &mut Session) -> anyhow::Result<Answer> {
    let Some(planned) = session.valid_plan(loaded) else { return Ok(Answer::failed(session)) };
    if !args.rebalance {
        let orders = Orders::of(&planned.plan);
        let body = match session.global.format {
            Format::Json => Body::Json(serde_json::to_value(&orders)?),
            _ => Body::Text(allocations(&orders) + "\n" + &evenness(&orders)),
        };
        return Ok(Answer::new(Exit::Done, body));
    }
    let Some(balanced) = session.plan(loaded, Keep::Masters, &[]) else {
        return Ok(Answer::failed(session));
    };
    let moves = moves(&planned.plan, &balanced.plan);
    let orders = Orders::of(&balanced.plan);
    let body = match session.global.format {
        Format::Json => {
            Body::Json(serde_json::to_value(Rebalanced { version: 1, moves, plan: orders })?)
        }
        _ => Body::Text(rebalanced(&moves, &orders)),
    };
    match loaded.lock_file(&balanced.plan) {
        None if args.write => bail!("an inventory from standard input has no lock to write"),
        Some(lock) if args.write => write(&lock, session)?,
        Some(lock) if !lock.current => {
            session.remark("nothing was written; `--write` stores these orders in the lock");
        }
        _ => {}
    }
    Ok(Answer::new(Exit::Done, body))
}

fn write(lock: &LockFile, session: &Session) -> anyhow::Result<()> {
    let shown = lock.path.display();
    if lock.current {
        session.note(&format!("{shown} has these orders already"));
        return Ok(());
    }
    bundle::replace_file(&lock.path, &lock.text)
        .with_context(|| format!("cannot write the lock {shown}"))?;
    session.note(&format!("wrote {shown}; next: lbgen diff"));
    Ok(())
}

/// The VIPs whose MASTER differs.
fn moves<'a>(before: &'a Plan, after: &'a Plan) -> Vec<Move<'a>> {
    before
        .vips
        .iter()
        .zip(&after.vips)
        .filter(|(before, after)| before.order.first() != after.order.first())
        .map(|(before, after)| Move {
            vip: before.address.to_string(),
            from: before.order.first(),
            to: after.order.first(),
        })
        .collect()
}

fn rebalanced(moves: &[Move<'_>], orders: &Orders<'_>) -> String {
    let mut text = String::new();
    if !moves.is_empty() {
        let name = |node: Option<&Subdomain>| node.map(ToString::to_string).unwrap_or_default();
        let rows = moves.iter().map(|one| vec![one.vip.clone(), name(one.from), name(one.to)]);
        text += &(table(&["VIP", "FROM", "TO"], rows) + "\n");
    }
    let verb = if moves.len() == 1 { "moves" } else { "move" };
    text += &format!("{} {verb} to another MASTER\n\n", count(moves.len(), "VIP"));
    text + &evenness(orders)
}

fn allocations(orders: &Orders<'_>) -> String {
    let rows = orders.vips.iter().map(|vip| {
        let then: Vec<&str> = vip.order.iter().skip(1).map(|rank| rank.node.as_str()).collect();
        vec![
            vip.address.to_string(),
            vip.entrypoint.to_string(),
            vip.vrid.to_string(),
            vip.table.map_or("-".to_owned(), |table| table.to_string()),
            vip.rule_priority.map_or("-".to_owned(), |priority| priority.to_string()),
            vip.mark.map_or("-".to_owned(), |mark| format!("{mark:#x}")),
            vip.master.map(ToString::to_string).unwrap_or_default(),
            then.join(" "),
        ]
    });
    table(&["VIP", "ENTRYPOINT", "VRID", "TABLE", "RULE", "MARK", "MASTER", "THEN"], rows)
}

/// Load per node and zone now, and the worst case of failures.
fn evenness(orders: &Orders<'_>) -> String {
    let rows = orders.nodes.iter().map(|node| {
        vec![
            node.node.to_string(),
            node.zone.map_or("-".to_owned(), ToString::to_string),
            node.weight.to_string(),
            node.vips.to_string(),
        ]
    });
    let mut text = table(&["NODE", "ZONE", "WEIGHT", "VIPS"], rows);
    let zones = orders.zones();
    if !zones.is_empty() {
        let rows = zones.iter().map(|(zone, held)| vec![zone.to_string(), held.to_string()]);
        text += &("\n".to_owned() + &table(&["ZONE", "VIPS"], rows));
        if orders.within_zone > 0 {
            let vips = count(orders.within_zone, "VIP");
            text += &format!("{vips} with the first two nodes in one zone\n");
        }
    }
    let rows = orders.worst.iter().map(|worst| {
        let failed: Vec<&str> = worst.failed.iter().map(AsRef::as_ref).collect();
        vec![
            worst.failures.to_string(),
            worst.load.to_string(),
            worst.bound.to_string(),
            worst.over.to_string(),
            worst.unheld.to_string(),
            if failed.is_empty() { "-".to_owned() } else { failed.join(" ") },
        ]
    });
    let headers = ["FAILED", "MOST VIPS", "BOUND", "OVER", "UNHELD", "WORST CASE"];
    text + "\n" + &table(&headers, rows) + COLUMNS
}

/// The meaning of the columns of a worst case.
pub const COLUMNS: &str = "BOUND: the largest share by weight of a surviving node, rounded up. OVER: the most by which a node exceeds its own share. UNHELD: VIPs on no node.\n";
