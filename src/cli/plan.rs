//! `lbgen plan`: who holds what, in which order, with which numbers, and how even that is.

use anyhow::{Context, bail};

use super::about::{self, About};
use super::answer::{Answer, Body, each};
use super::session::{Loaded, LockFile, Session};
use super::table::{table, table_with_text};
use super::{Exit, Format, Input};
use crate::bundle;
use crate::diag::count;
use crate::model::{Label, Subdomain};
use crate::plan::{Keep, Plan};
use crate::view::json::{Measure, Move, Rebalanced};
use crate::view::{Orders, ZoneRow};

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

/// Returns true if the gravest figure that differs is better.
fn is_better(measures: &[Measure]) -> bool {
    measures
        .iter()
        .find(|one| one.now != one.rebalanced)
        .is_some_and(|one| one.rebalanced < one.now)
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    each(&args.input, session, |session, loaded| answer(args, loaded, session))
}

fn answer(args: &Args, loaded: &Loaded, session: &mut Session) -> anyhow::Result<Answer> {
    let Some(planned) = session.valid_plan(loaded) else { return Answer::failed(session) };
    let orders = Orders::of(&planned.plan);
    if !args.rebalance {
        let body = match session.global.format {
            Format::Json => Body::json(&orders)?,
            _ => {
                let reasons = above_share(&orders, loaded, session);
                Body::Text(allocations(&orders) + "\n" + &evenness(&orders, &reasons))
            }
        };
        return Ok(Answer::new(Exit::Done, body));
    }
    let Some(balanced) = session.plan(loaded, Keep::Masters, &[]) else {
        return Answer::failed(session);
    };
    let rewritten = Orders::of(&balanced.plan);
    let moves = moves(&planned.plan, &balanced.plan);
    let measures = measures(&orders, &rewritten);
    let is_better = is_better(&measures);
    // Orders that are no better are not worth a move.
    let (moves, measures, rewritten) = match is_better {
        true => (moves, measures, rewritten),
        false => (Vec::new(), self::measures(&orders, &orders), orders),
    };
    let body = match session.global.format {
        Format::Json => Body::json(&Rebalanced { moves, measures, plan: rewritten })?,
        _ => Body::Text(rebalanced(&moves, &measures) + "\n" + &evenness(&rewritten, "")),
    };
    match loaded.lock_file(&balanced.plan) {
        None if args.write => bail!("an inventory from standard input has no lock to write"),
        Some(_) if !is_better => {
            session.remark("no other orders are more even; nothing was written");
        }
        Some(lock) if args.write => write(&lock, session)?,
        Some(_) => session.remark("nothing was written; `--write` stores these orders in the lock"),
        None => {}
    }
    Ok(Answer::new(Exit::Done, body))
}

/// Says of each zone above its share what keeps VIPs there: the lock, or the inventory.
fn above_share(orders: &Orders<'_>, loaded: &Loaded, session: &mut Session) -> String {
    let found = zones_above(orders);
    if found.is_empty() {
        return String::new();
    }
    let balanced = session.plan(loaded, Keep::Masters, &[]);
    let left = balanced.map_or(Vec::new(), |balanced| {
        zones_above(&Orders::of(&balanced.plan)).iter().map(ZoneAbove::place).collect()
    });
    let mut text = String::new();
    let mut by_lock = false;
    for above in found {
        let is_written = left.contains(&above.place());
        by_lock |= !is_written;
        let what = if is_written { "the inventory" } else { "the lock" };
        text += &format!("{}: kept by {what}\n", above.text());
    }
    if by_lock {
        let command = session.here.command("plan", &["--rebalance"]);
        text += &format!("an even spread and what it moves: {command}\n");
    }
    text
}

/// A zone that holds more than its share: of all VIPs, or of those of one entrypoint.
struct ZoneAbove<'a> {
    zone: &'a Label,
    entrypoint: Option<&'a Label>,
    vips: usize,
    bound: usize,
}

impl ZoneAbove<'_> {
    fn place(&self) -> (String, Option<String>) {
        (self.zone.to_string(), self.entrypoint.map(ToString::to_string))
    }

    fn text(&self) -> String {
        let of = self.entrypoint.map(|entrypoint| format!(" of `{entrypoint}`"));
        let vips = count(self.vips, "VIP");
        format!(
            "zone {} holds {vips}{}, its share is {}",
            self.zone,
            of.unwrap_or_default(),
            self.bound
        )
    }
}

fn zones_above<'a>(orders: &Orders<'a>) -> Vec<ZoneAbove<'a>> {
    let mut found = Vec::new();
    for row in &orders.zones {
        let whole = (None, row.vips, row.bound);
        let parts = row.entrypoints.iter().map(|one| (Some(one.entrypoint), one.vips, one.bound));
        for (entrypoint, vips, bound) in std::iter::once(whole).chain(parts) {
            if vips > bound {
                found.push(ZoneAbove { zone: row.zone, entrypoint, vips, bound });
            }
        }
    }
    found
}

/// The figures by which rewritten orders are better, the gravest first.
fn measures(now: &Orders<'_>, rebalanced: &Orders<'_>) -> Vec<Measure> {
    let over = |orders: &Orders<'_>, failures: usize| {
        orders.worst.iter().find(|worst| worst.failures == failures).map_or(0, |worst| worst.over)
    };
    let zones = |orders: &Orders<'_>| {
        zones_above(orders).iter().map(|above| above.vips - above.bound).max().unwrap_or(0)
    };
    let without_zone =
        |orders: &Orders<'_>| orders.zones.iter().map(|zone| zone.over_without).max().unwrap_or(0);
    let sets_over =
        |orders: &Orders<'_>| orders.worst.iter().map(|worst| worst.sets_over).sum::<usize>();
    let figures = |orders: &Orders<'_>| {
        [
            ("VIPs above a node's share", over(orders, 0)),
            ("VIPs above a zone's share", zones(orders)),
            ("VIPs above a node's share, one node failed", over(orders, 1)),
            ("VIPs above a node's share, two nodes failed", over(orders, 2)),
            ("VIPs above a node's share, one zone failed", without_zone(orders)),
            ("VIPs with the first two nodes in one zone", orders.within_zone),
            ("failures of up to two nodes that put a node above its share", sets_over(orders)),
        ]
    };
    let pairs = figures(now).into_iter().zip(figures(rebalanced));
    pairs.map(|((name, now), (_, rebalanced))| Measure { name, now, rebalanced }).collect()
}

fn write(lock: &LockFile, session: &Session) -> anyhow::Result<()> {
    let shown = lock.path.display();
    if lock.current {
        session.note(&format!("{shown} has these orders already"));
        return Ok(());
    }
    bundle::replace_file(&lock.path, &lock.text)
        .with_context(|| format!("cannot write the lock {shown}"))?;
    session.note(&format!("wrote {shown}; next: {}", session.here.command("diff", &[])));
    Ok(())
}

/// The VIPs whose MASTER differs.
fn moves<'a>(before: &'a Plan, after: &'a Plan) -> Vec<Move<'a>> {
    before
        .vips
        .iter()
        .zip(&after.vips)
        .filter(|(before, after)| before.master() != after.master())
        .map(|(before, after)| Move {
            vip: before.address.to_string(),
            from: before.master(),
            to: after.master(),
        })
        .collect()
}

fn rebalanced(moves: &[Move<'_>], measures: &[Measure]) -> String {
    let mut text = String::new();
    if !moves.is_empty() {
        let name = |node: Option<&Subdomain>| node.map(ToString::to_string).unwrap_or_default();
        let rows = moves.iter().map(|one| vec![one.vip.clone(), name(one.from), name(one.to)]);
        text += &(table(&["VIP", "FROM", "TO"], rows) + "\n");
    }
    let verb = if moves.len() == 1 { "moves" } else { "move" };
    text += &format!("{} {verb} to another MASTER\n\n", count(moves.len(), "VIP"));
    let rows = measures
        .iter()
        .map(|one| vec![one.name.to_owned(), one.now.to_string(), one.rebalanced.to_string()]);
    text + &table(&["IN THE WORST CASE", "NOW", "REBALANCED"], rows)
}

/// Who holds each VIP in which order, and its numbers.
fn allocations(orders: &Orders<'_>) -> String {
    let or_none = |found: Option<String>| found.unwrap_or("-".to_owned());
    let orders_of = orders.vips.iter().map(|vip| {
        let then: Vec<&str> = vip.order.iter().skip(1).map(|rank| rank.node.as_ref()).collect();
        vec![
            vip.address.to_string(),
            vip.entrypoint.to_string(),
            or_none(vip.gateway.map(ToString::to_string)),
            or_none(vip.master.map(ToString::to_string)),
            then.join(" "),
        ]
    });
    let number = |found: Option<u32>| or_none(found.map(|number| number.to_string()));
    let mark = |found: Option<u32>| or_none(found.map(|mark| format!("{mark:#x}")));
    let numbers = orders.vips.iter().flat_map(|vip| {
        let own = vec![
            vip.address.to_string(),
            vip.vrid.to_string(),
            number(vip.table),
            number(vip.rule_priority),
            mark(vip.mark),
            number(vip.mark_rule_priority),
        ];
        let further = vip.networks.iter().map(|network| {
            vec![
                format!("  {}", network.address),
                "-".to_owned(),
                network.table.to_string(),
                network.rule_priority.to_string(),
                mark(network.mark),
                number(network.mark_rule_priority),
            ]
        });
        std::iter::once(own).chain(further).collect::<Vec<_>>()
    });
    let headers = ["VIP", "ENTRYPOINT", "GATEWAY", "MASTER", "THEN"];
    let text = table_with_text(&headers, orders_of);
    text + "\n" + &table(&["VIP", "VRID", "TABLE", "RULE", "MARK", "MARK RULE"], numbers)
}

/// Load per node and zone now, and the worst case of failures.
fn evenness(orders: &Orders<'_>, reasons: &str) -> String {
    let rows = orders.nodes.iter().map(|node| {
        vec![
            node.node.to_string(),
            node.zone.map_or("-".to_owned(), ToString::to_string),
            node.state.to_owned(),
            node.weight.to_string(),
            node.vips.to_string(),
            node.bound.map_or("-".to_owned(), |bound| bound.to_string()),
        ]
    });
    let mut text = table(&["NODE", "ZONE", "STATE", "WEIGHT", "VIPS", "BOUND"], rows);
    if !orders.zones.is_empty() {
        text += &("\n".to_owned() + &zone_table(&orders.zones) + reasons);
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

/// Zones, with the VIPs that their nodes hold.
pub fn zone_table(zones: &[ZoneRow<'_>]) -> String {
    let rows = zones
        .iter()
        .map(|row| vec![row.zone.to_string(), row.vips.to_string(), row.bound.to_string()]);
    table(&["ZONE", "VIPS", "BOUND"], rows)
}

/// The meaning of the columns of a worst case.
pub const COLUMNS: &str = "BOUND: the largest share by weight of a node that is left, rounded up.\n\
OVER: the most by which a node exceeds its own share. UNHELD: VIPs on no node.\n";
