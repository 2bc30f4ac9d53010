//! `lbgen simulate --from`: the election over the files of a folder, whoever wrote them.

use std::path::Path;

use serde_json::json;

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
use crate::state::elect::{Electorate, Masters, NodeIndex, Situation};
use crate::state::{State, Tree};

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
    let names = |masters: &Masters, vip| -> Vec<&Subdomain> {
        let holders = electorate.holders(masters, vip).into_iter();
        holders.map(|node| &electorate.nodes()[node]).collect()
    };
    let vips = electorate.addresses().map(|vip| (vip, names(&after, vip), names(&before, vip)));
    if session.global.format == Format::Json {
        let vips: Vec<_> = vips
            .map(|(vip, now, was)| json!({ "address": vip, "holders": now, "before": was }))
            .collect();
        output::json(&json!({ "version": 1, "vips": vips }))?;
        return Ok(Exit::Done);
    }
    let listed = |nodes: &[&Subdomain]| match nodes {
        [] => "-".to_owned(),
        nodes => nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", "),
    };
    let (mut moved, mut several, mut unheld) = (0, 0, 0);
    let rows: Vec<Vec<String>> = vips
        .map(|(vip, now, was)| {
            moved += usize::from(now != was);
            several += usize::from(now.len() > 1);
            unheld += usize::from(now.is_empty());
            let from = if now == was { String::new() } else { format!("from {}", listed(&was)) };
            vec![vip.to_string(), listed(&now), from]
        })
        .collect();
    let mut text = table(&["VIP", "HOLDER", "MOVED"], rows);
    text += &format!(
        "{} moved, {unheld} unheld, {several} with several holders\n",
        count(moved, "VIP")
    );
    output::data(&text)?;
    Ok(Exit::Done)
}

/// What is wrong, by the options: an entrypoint is its script, as lbgen calls it or by the script's own name.
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
            anyhow::bail!("--unhealthy takes SCRIPT@NODE, not `{pair}`");
        };
        let node = index(node)?;
        let scripts: Vec<&String> = electorate.scripts().into_iter().collect();
        let own = format!("{}{script}", Check::PREFIX);
        let name = if scripts.contains(&&own) { own } else { known("script", script, &scripts)? };
        situation.failing.insert((node, name));
    }
    Ok(situation)
}
