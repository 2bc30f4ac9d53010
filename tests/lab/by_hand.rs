//! `cargo run --example lab -- INVENTORY`: runs an inventory in the lab, lets nodes fail, and reports what was seen; or lets
//! idle machines stand, for a rollout by hand.

#![allow(clippy::unwrap_used, reason = "a lab that cannot be built stops")]

#[path = "mod.rs"]
mod lab;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use lab::Lab;
use lbgen::plan::simulate::Scenario;

/// Run an inventory on the real keepalived, in network namespaces, and look at it from outside
#[derive(Parser)]
#[command(name = "lab")]
struct Args {
    /// The inventory; its lock is the one beside it
    inventory: PathBuf,
    /// Let only these nodes fail; default: each one in turn
    #[arg(long, value_name = "NODES", value_delimiter = ',')]
    fail: Vec<String>,
    /// Let the machines stand idle, and write into FOLDER how to reach them; until Ctrl-C
    #[arg(long, value_name = "FOLDER", conflicts_with = "fail")]
    idle: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [agent, rest @ ..] = arguments.as_slice()
        && agent == "agent"
    {
        lab::agent::run(rest).unwrap();
        return ExitCode::SUCCESS;
    }
    match arguments.as_slice() {
        [pod, rest @ ..] if pod == "pod" => lab::kubelet::print_pod(rest),
        [objects, rest @ ..] if objects == "objects" => lab::kubelet::keep_objects(rest),
        _ => return by_hand(),
    }
    ExitCode::SUCCESS
}

fn by_hand() -> ExitCode {
    let args = Args::parse();
    let text = match std::fs::read_to_string(&args.inventory) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("error: cannot read {}: {error}", args.inventory.display());
            return ExitCode::from(2);
        }
    };
    let lock = std::fs::read_to_string(args.inventory.with_extension("lock")).unwrap_or_default();
    let mut lab = match Lab::try_start(&text, &lock) {
        Ok(lab) => lab,
        Err(message) => {
            eprint!("{message}");
            return ExitCode::from(2);
        }
    };
    if let Some(folder) = args.idle {
        return wait(&lab, &folder);
    }
    let mut sound = report(&lab, "every node up", &Scenario::default());
    let nodes = if args.fail.is_empty() { lab.names() } else { args.fail };
    for node in nodes {
        if !lab.nodes.contains_key(&node) {
            eprintln!("error: there is no node {node}");
            return ExitCode::from(2);
        }
        lab.crash(&node);
        sound &= report(&lab, &format!("{node} without power"), &lab::failed(&[&node]));
        lab.boot(&node);
        sound &= report(&lab, &format!("{node} booted"), &Scenario::default());
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Idle machines, and how a rollout reaches them.
fn wait(lab: &Lab, folder: &Path) -> ExitCode {
    lab.idle();
    std::fs::create_dir_all(folder).unwrap();
    let folder = folder.canonicalize().unwrap();
    lab::reach::hooks(&folder, lab);
    let shown = folder.display();
    println!("{} machines stand idle. In another shell:\n", lab.nodes.len());
    println!("export LBGEN_ON={shown}/on LBGEN_COPY={shown}/copy LBGEN_KUBECTL=true");
    println!(
        "\nlbgen rollout, its script and lbgen status reach them then, and so do you: $LBGEN_ON NODE COMMAND."
    );
    println!("Ctrl-C ends the lab.");
    let (end, ended) = std::sync::mpsc::channel();
    ctrlc::set_handler(move || _ = end.send(())).unwrap();
    ended.recv().unwrap();
    ExitCode::SUCCESS
}

/// Says what was seen of a state, and whether it is as it should be.
fn report(lab: &Lab, title: &str, scenario: &Scenario) -> bool {
    let start = Instant::now();
    let proof = lab.proof(scenario);
    let seconds = start.elapsed().as_secs_f64();
    match &proof {
        Ok(()) => println!("\n{title}: as simulated after {seconds:.1} s"),
        Err(_) => println!("\n{title}: not as simulated after {seconds:.1} s"),
    }
    for (vip, holders) in lab.holders() {
        let holder = holders.iter().cloned().collect::<Vec<_>>().join(", ");
        let pings = if lab.pings(vip) { "pings" } else { "no ping" };
        println!("  {vip:<24} on {holder:<12} {pings:<8} answer: {}", lab.request(vip));
    }
    if let Err(text) = &proof {
        println!("{text}");
    }
    proof.is_ok()
}
