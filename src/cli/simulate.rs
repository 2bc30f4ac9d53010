//! `lbgen simulate`: who holds each VIP when nodes fail, drain, or lose an entrypoint.

mod foreign;

use std::path::PathBuf;

use clap::ValueEnum;
use clap_complete::ArgValueCompleter;

use super::about::{self, About};
use super::answer::{Answer, Body, print};
use super::complete;
use super::input::{Member, Members};
use super::plan::{COLUMNS, zone_table};
use super::session::Session;
use super::stream::Document;
use super::table::table;
use super::trouble::Trouble;
use super::{Exit, Format, Input};
use crate::diag::count;
use crate::model::Subdomain;
use crate::plan::Plan;
use crate::plan::simulate::{Placement, Scenario, Simulator, System, Worst, sets};
use crate::view::json;
use crate::view::{Move, PlacementRow, ZoneRow, natural, scenario_name};

/// More rows than this tell a person nothing; the worst ones are shown.
const SHOWN: usize = 40;

pub const ABOUT: About = About {
    name: "simulate",
    formats: about::DATA,
    has_templates: false,
    exits: &[
        (Exit::Done, "done"),
        (Exit::Failed, "the inventory has errors, or a name is not known"),
    ],
    examples: &[
        ("lbgen simulate --fail lb-1", "who holds each VIP when lb-1 is gone"),
        (
            "lbgen simulate --zone rack-a --unhealthy web@lb-4",
            "a rack is gone, and an entrypoint has no ready pod on lb-4",
        ),
        (
            "lbgen simulate --failures 2 --compare metallb",
            "every combination of up to two nodes, next to MetalLB",
        ),
        (
            "lbgen simulate --from collected --fail lb-1",
            "the same for files that lbgen did not write",
        ),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Simulate the keepalived files of a folder instead of an inventory: a bundle, or NODE/etc/keepalived/keepalived.conf
    #[arg(long, value_name = "DIR", conflicts_with = "inventory")]
    from: Option<PathBuf>,
    /// Failed nodes, separated by commas
    #[arg(long, value_name = "NODES", value_delimiter = ',', add = ArgValueCompleter::new(complete::nodes))]
    fail: Vec<String>,
    /// Failed zones, separated by commas: all of their nodes fail
    #[arg(long, value_name = "ZONES", value_delimiter = ',', add = ArgValueCompleter::new(complete::zones))]
    zone: Vec<String>,
    /// Drained nodes, separated by commas
    #[arg(long, value_name = "NODES", value_delimiter = ',', add = ArgValueCompleter::new(complete::nodes))]
    drain: Vec<String>,
    /// Treat these entrypoints as having no ready pod on these nodes
    #[arg(long, value_name = "ENTRYPOINT@NODE", value_delimiter = ',', add = ArgValueCompleter::new(complete::entrypoints_at_nodes))]
    unhealthy: Vec<String>,
    /// Also try every combination of up to K failed nodes, K at most 4
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(0..=4))]
    failures: Option<u8>,
    /// Compare with the elections of other systems
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

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    if let Some(folder) = &args.from {
        return foreign::run(folder, args, session);
    }
    let Some(Members { list, is_fleet }) = args.input.read(session)? else {
        return Ok(Exit::Failed);
    };
    if session.global.format == Format::Json {
        return write_json(args, list, is_fleet, session);
    }
    let answers = list.into_iter().map(|mut member| {
        let text = with_simulation(args, &mut member, |simulation| {
            Ok(Answer::new(Exit::Done, Body::Text(simulation.text(args.failures.is_some()))))
        });
        (member, text)
    });
    print(answers.collect(), is_fleet, session)
}

/// One datacenter after the other, as it is found: all of it may not fit into memory.
fn write_json(
    args: &Args,
    list: Vec<Member>,
    is_fleet: bool,
    session: &mut Session,
) -> anyhow::Result<Exit> {
    let mut document = Document::new();
    let version = format!("{{\"version\":{},", json::VERSION);
    if is_fleet {
        document.open(&format!("{version}\"datacenters\":["))?;
    }
    let start = if is_fleet { "{" } else { &version };
    let mut answers = Vec::new();
    for mut member in list {
        let mut answer = with_simulation(args, &mut member, |simulation| {
            if is_fleet {
                document.item()?;
            }
            simulation.write_json(start, &mut document)?;
            if !is_fleet {
                document.text("\n")?;
            }
            Ok(Answer::new(Exit::Done, Body::Nothing))
        });
        if is_fleet {
            let name = member.loaded.datacenter();
            let mut done = answer.or_else(|error| Answer::error(&error, name, &member.session))?;
            // What is wrong with an inventory is its entry.
            if let Body::Json(value) = std::mem::replace(&mut done.body, Body::Nothing) {
                document.item()?;
                document.value(&json::Member::of(name, value))?;
            }
            answer = Ok(done);
        }
        answers.push((member, answer));
    }
    if is_fleet {
        document.close("]}\n")?;
    }
    drop(document);
    // Everything for a program was written.
    print(answers, false, session)
}

/// Plans an inventory and asks the simulation of the options; what is wrong is said.
fn with_simulation(
    args: &Args,
    member: &mut Member,
    ask: impl FnOnce(&Simulation<'_>) -> anyhow::Result<Answer>,
) -> anyhow::Result<Answer> {
    let Some(planned) = member.session.valid_plan(&member.loaded) else {
        return Answer::failed(&member.session);
    };
    ask(&Simulation {
        plan: &planned.plan,
        base: args.trouble(&member.session).scenario(&planned.plan)?,
        systems: systems(&args.compare),
        failures: usize::from(args.failures.unwrap_or(0)),
    })
}

impl Args {
    fn trouble<'a>(&'a self, session: &'a Session) -> Trouble<'a> {
        Trouble {
            fail: &self.fail,
            zone: &self.zone,
            drain: &self.drain,
            unhealthy: &self.unhealthy,
            elsewhere: &session.of_fleet,
        }
    }
}

fn systems(others: &[Other]) -> Vec<System> {
    let mut systems = vec![System::Lbgen];
    systems.extend(others.iter().map(|other| match other {
        Other::Metallb => System::MetalLb,
        Other::Purelb => System::PureLb,
        Other::KubeVip => System::KubeVip,
        Other::KeepalivedOperator => System::KeepalivedOperator,
    }));
    systems
}

struct Simulation<'a> {
    plan: &'a Plan,
    base: Scenario,
    systems: Vec<System>,
    failures: usize,
}

impl Simulation<'_> {
    fn text(&self, every_set: bool) -> String {
        let simulator = Simulator::of(self.plan);
        let normal = Placement::of(&simulator, &Scenario::default(), System::Lbgen);
        let mut rows = Vec::new();
        let mut ours = Worst::new(SHOWN);
        for system in &self.systems {
            for failures in 0..=self.failures {
                // The worst case first, for every number of failures and every system.
                let mut worst = Worst::new(1);
                for scenario in sets(self.plan, &self.base, failures) {
                    let placement = Placement::of(&simulator, &scenario, *system);
                    if *system == System::Lbgen {
                        ours.add(placement.clone());
                    }
                    worst.add(placement);
                }
                rows.extend(worst.first().map(|placement| worst_row(*system, placement)));
            }
        }
        let headers = ["ELECTION", "FAILED", "MOST VIPS", "BOUND", "OVER", "UNHELD", "WORST CASE"];
        let mut text = table(&headers, rows) + COLUMNS + "\n";
        let seen = ours.seen();
        let ours = ours.into_placements();
        text += &match ours.first() {
            Some(only) if !every_set => placement(self.plan, &simulator, &normal, only),
            _ => heat_map(self.plan, &normal, &ours, seen),
        };
        text
    }

    /// Written as it is found: every set of many nodes would not fit into memory.
    fn write_json(&self, start: &str, document: &mut Document) -> anyhow::Result<()> {
        let simulator = Simulator::of(self.plan);
        document.open(&format!(
            "{start}\"datacenter\":{},\"systems\":[",
            serde_json::to_string(&self.plan.datacenter)?
        ))?;
        for system in &self.systems {
            let normal = Placement::of(&simulator, &Scenario::default(), *system);
            document.item()?;
            document.open(&format!("{{\"election\":{:?},\"sets\":[", system.name()))?;
            let mut worst_of = Vec::new();
            for failures in 0..=self.failures {
                let mut worst = Worst::new(1);
                for scenario in sets(self.plan, &self.base, failures) {
                    let placement = Placement::of(&simulator, &scenario, *system);
                    document.item()?;
                    document
                        .value(&PlacementRow::of(self.plan, &simulator, &normal, &placement))?;
                    worst.add(placement);
                    if document.is_closed() {
                        return Ok(());
                    }
                }
                worst_of.extend(worst.into_placements());
            }
            document.close("],\"worst\":")?;
            let row = |placement| PlacementRow::of(self.plan, &simulator, &normal, placement);
            document.value(&worst_of.iter().map(row).collect::<Vec<_>>())?;
            document.text("}")?;
        }
        document.close("]}")
    }
}

fn worst_row(system: System, placement: &Placement<'_>) -> Vec<String> {
    vec![
        system.name().to_owned(),
        placement.scenario.failed.len().to_string(),
        placement.load.to_string(),
        placement.bound.to_string(),
        placement.over.to_string(),
        placement.unheld.to_string(),
        scenario_name(&placement.scenario),
    ]
}

/// Returns a table of the holder of each VIP, and of the one before if it moved.
fn placement<'a>(
    plan: &'a Plan,
    simulator: &Simulator<'a>,
    normal: &Placement<'a>,
    now: &Placement<'a>,
) -> String {
    let moves = Move::all(simulator, normal, now);
    let name = |node: Option<&Subdomain>| node.map_or("-".to_owned(), ToString::to_string);
    let rows = plan.vips.iter().enumerate().map(|(index, vip)| {
        let moved = moves.iter().find(|moved| moved.vip == index);
        let from = moved.map_or(String::new(), |moved| {
            let after = moved.after.map(|after| format!(", after {} s", after.as_secs()));
            format!("from {}{}", name(moved.from), after.unwrap_or_default())
        });
        vec![vip.address.to_string(), vip.entrypoint.to_string(), name(now.holders[index]), from]
    });
    let sum = format!("{} moved, {} unheld\n", count(moves.len(), "VIP"), now.unheld);
    let mut text = table(&["VIP", "ENTRYPOINT", "HOLDER", "MOVED"], rows) + &sum;
    let zones = ZoneRow::of(plan, simulator, now);
    if !zones.is_empty() {
        text += &("\n".to_owned() + &zone_table(&zones));
    }
    text
}

/// A line per set of failures: the load of each node, warm where it is near its bound.
fn heat_map(
    plan: &Plan,
    normal: &Placement<'_>,
    placements: &[Placement<'_>],
    seen: usize,
) -> String {
    let mut nodes: Vec<&Subdomain> = plan.nodes.iter().map(|node| &node.node).collect();
    nodes.sort_by(|a, b| natural(a.as_str(), b.as_str()));
    let mut headers = vec!["FAILED"];
    headers.extend(nodes.iter().map(|node| node.as_str()));
    headers.push("MOVED");
    let rows = placements.iter().map(|placement| {
        let mut row = vec![scenario_name(&placement.scenario)];
        row.extend(nodes.iter().map(|node| match placement.scenario.is_out(node) {
            true => "-".to_owned(),
            false => warm(placement.loads[node], placement.bound),
        }));
        row.push(placement.moved(normal).len().to_string());
        row
    });
    let mut text = table(&headers, rows);
    if placements.len() < seen {
        text += &format!("the {} worst of {seen} sets\n", placements.len());
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
