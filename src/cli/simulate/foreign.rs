//! `lbgen simulate --from`: the election over the files of a folder, whoever wrote them.

use std::net::IpAddr;
use std::path::Path;

use super::Args;
use crate::cli::origin;
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::table::table;
use crate::cli::trouble::known;
use crate::cli::{Exit, Format};
use crate::diag::count;
use crate::language::name::Subdomain;
use crate::language::version::KeepalivedVersion;
use crate::plan::Check;
use crate::state::elect::{Doubt, Electorate, Masters, NodeIndex, Outcome, Situation};
use crate::state::{State, Tree};
use crate::view::json::{Document, ForeignPlacement, OtherOutcome, VipHolders};

pub(super) fn run(folder: &Path, args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    if !args.zone.is_empty() || !args.compare.is_empty() || args.failures.is_some() {
        anyhow::bail!(
            "--from takes --fail, --drain and --unhealthy: files have no zones and no plan"
        );
    }
    let tree = Tree::of_folder(folder, None)?;
    let (state, remarks) = State::read(&tree, &mut session.sources);
    origin::say(session, &remarks);
    let electorate = Electorate::of(&[&state], KeepalivedVersion::OLDEST);
    let normal = electorate.all(0);
    let before = electorate.elect(&normal, &Masters::default());
    let situation = situation(args, &electorate, normal)?;
    let after = electorate.elect(&situation, &before);
    let named = |nodes: Vec<NodeIndex>| -> Vec<&Subdomain> {
        nodes.into_iter().map(|node| &electorate.nodes()[node]).collect()
    };
    let rows: Vec<Row<'_>> = electorate
        .addresses()
        .map(|vip| Row {
            vip,
            now: named(electorate.holders(&after, vip)),
            was: named(electorate.holders(&before, vip)),
            others: electorate.others(&situation, vip),
        })
        .collect();
    if session.global.format == Format::Json {
        let vips: Vec<_> = rows
            .iter()
            .map(|row| {
                let others: Vec<_> = row
                    .others
                    .iter()
                    .map(|other| {
                        let holders = named(other.holders.clone());
                        OtherOutcome { holders, why: why(&other.doubt, &electorate) }
                    })
                    .collect();
                VipHolders { address: row.vip, holders: &row.now, before: &row.was, others }
            })
            .collect();
        output::json(&Document::of(ForeignPlacement { vips }))?;
        return Ok(Exit::Done);
    }
    let (mut moved, mut several, mut unheld, mut open) = (0, 0, 0, 0);
    let mut notes: Vec<String> = Vec::new();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            moved += usize::from(row.now != row.was);
            several += usize::from(row.now.len() > 1);
            unheld += usize::from(row.now.is_empty());
            open += usize::from(!row.others.is_empty());
            let mut holders = vec![listed(&row.now)];
            for other in &row.others {
                holders.push(listed(&named(other.holders.clone())));
                let note = format!("{}: {}", row.vip, why(&other.doubt, &electorate));
                if notes.last() != Some(&note) {
                    notes.push(note);
                }
            }
            let from = if row.now == row.was {
                String::new()
            } else {
                format!("from {}", listed(&row.was))
            };
            vec![row.vip.to_string(), holders.join(" or "), from]
        })
        .collect();
    let mut text = table(&["VIP", "HOLDER", "MOVED"], cells);
    text +=
        &format!("{} moved, {unheld} unheld, {several} with several holders", count(moved, "VIP"));
    text += &if open > 0 { format!(", {open} unknown\n") } else { "\n".to_owned() };
    notes.iter().for_each(|note| text += &format!("{note}\n"));
    output::data(&text)?;
    Ok(Exit::Done)
}

/// A VIP and its holders.
struct Row<'a> {
    vip: IpAddr,
    now: Vec<&'a Subdomain>,
    was: Vec<&'a Subdomain>,
    others: Vec<Outcome>,
}

fn listed(nodes: &[&Subdomain]) -> String {
    match nodes {
        [] => "-".to_owned(),
        nodes => nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// Why a holder is not known, and what to do about it.
fn why(doubt: &Doubt, electorate: &Electorate) -> String {
    match doubt {
        Doubt::NeverPreempts => "`nopreempt`: whoever is MASTER first keeps it".to_owned(),
        Doubt::EqualPriorities => "equal priorities: whoever is MASTER first keeps it".to_owned(),
        Doubt::SyncGroups => "sync groups: the first that is ready as a whole keeps it".to_owned(),
        Doubt::Network(interfaces) => {
            let each = interfaces
                .iter()
                .map(|(node, interface)| format!("{interface} of {}", electorate.nodes()[*node]));
            format!(
                "nothing tells whether {} are on one network: collect ip-addr.json (`lbgen import --collect`)",
                each.collect::<Vec<_>>().join(" and ")
            )
        }
    }
}

/// Adds the failures that the options name: an entrypoint is its script, as lbgen calls it or by the script's own name.
fn situation(
    args: &Args,
    electorate: &Electorate,
    mut situation: Situation,
) -> anyhow::Result<Situation> {
    let all: Vec<&Subdomain> = electorate.nodes().iter().collect();
    let index = |name: &str| -> anyhow::Result<NodeIndex> {
        let known = known("node", name, &all)?;
        Ok(all.iter().position(|node| **node == known).unwrap_or(0))
    };
    for name in &args.fail {
        situation.down.insert(index(name)?);
    }
    for name in &args.drain {
        situation.drained.insert(index(name)?);
    }
    for pair in &args.unhealthy {
        let Some((script, node)) = pair.split_once('@') else {
            anyhow::bail!("--unhealthy takes CHECK@NODE, not `{pair}`");
        };
        let node = index(node)?;
        let checks: Vec<&String> = electorate.checks().into_iter().collect();
        let own = format!("{}{script}", Check::PREFIX);
        let name = if checks.contains(&&own) { own } else { known("check", script, &checks)? };
        situation.failing.insert((node, name));
    }
    Ok(situation)
}
