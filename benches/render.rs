//! What whole runs cost beside the floor: writing the same files from memory, each folder made once, one thread.
//!
//! `cargo bench --bench render` prints a table per size, on the disk of the temporary folder and in memory (/dev/shm), as medians
//! over rounds in which everything takes turns. Where `target/jinja` has Python with Jinja2 (benches/jinja.py says how), it takes part. `cargo bench --bench render -- M L` measures some of the sizes,
//! `cargo bench --bench render -- growth` what twice the domains, components, or nodes and VIPs cost, `-- forms` what Ingresses and
//! Gateway API cost, `-- report` what a page costs beside the plan.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Name; datacenters; nodes, VIPs, components and domains of each.
const SIZES: &[(&str, usize, [usize; 4])] = &[
    ("S", 1, [3, 6, 20, 20]),
    ("M", 1, [12, 48, 120, 2_000]),
    ("L", 1, [64, 250, 500, 20_000]),
    ("F", 50, [6, 24, 120, 200]),
];

/// What grows; the first of its sizes, and what every next one has twice of.
const GROWTH: &[(&str, [usize; 4], [bool; 4])] = &[
    ("domains", [12, 48, 120, 2_500], [false, false, false, true]),
    ("components", [12, 48, 250, 2_000], [false, false, true, false]),
    ("nodes and VIPs", [8, 31, 120, 2_000], [true, true, false, false]),
];

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if wanted.iter().any(|wanted| wanted == "growth") {
        return growth();
    }
    if wanted.iter().any(|wanted| wanted == "forms") {
        return forms();
    }
    if wanted.iter().any(|wanted| wanted == "report") {
        return report();
    }
    for (name, datacenters, size) in SIZES {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        for place in [std::env::temp_dir(), PathBuf::from("/dev/shm")] {
            if place.is_dir() {
                measure(name, *datacenters, *size, &place);
            }
        }
    }
}

fn measure(
    name: &str,
    datacenters: usize,
    [nodes, vips, components, domains]: [usize; 4],
    place: &Path,
) {
    let folder = tempfile::tempdir_in(place).unwrap();
    let inventories = folder.path().join("fleet");
    fs::create_dir(&inventories).unwrap();
    let text = support::datacenter(nodes, vips, components, domains);
    for index in 0..datacenters {
        let named = text.replace("datacenter: big", &format!("datacenter: dc-{index}"));
        fs::write(inventories.join(format!("dc-{index}.yaml")), named).unwrap();
    }
    let input = match datacenters {
        1 => inventories.join("dc-0.yaml"),
        _ => inventories.clone(),
    };
    let input = input.to_str().unwrap();
    let one = inventories.join("dc-0.yaml");
    let out = folder.path().join("out");
    let out_text = out.to_str().unwrap();
    let lbgen = |command: &str, more: &[&str], exit: i32| {
        let mut arguments = vec![command, "-q", input];
        if command != "check" {
            arguments.extend(["-o", out_text]);
        }
        arguments.extend(more);
        run(&arguments, exit)
    };
    lbgen("render", &[], 0);
    let files = support::files(&out);
    let rounds = if files.len() > 10_000 { 5 } else { 11 };
    let bytes: usize = files.values().map(Vec::len).sum();
    println!("\n{name} in {}: {} files, {} KiB", place.display(), files.len(), bytes / 1024);

    let mut times: Vec<(&str, Vec<Duration>, u64)> = Vec::new();
    for _ in 0..rounds {
        let mut time = |name, work: &mut dyn FnMut() -> u64| {
            // What was removed or written before is not to be paid by what comes next.
            assert!(Command::new("sync").status().unwrap().success());
            let start = Instant::now();
            let memory = work();
            let took = start.elapsed();
            match times.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, all, most)) => {
                    all.push(took);
                    *most = memory.max(*most);
                }
                None => times.push((name, vec![took], memory)),
            }
        };
        let plain = folder.path().join("plain");
        let copied = folder.path().join("copied");
        time("the floor", &mut || write(&plain, &files));
        time("cp -r", &mut || {
            let done = Command::new("cp").arg("-r").arg(&plain).arg(&copied).status().unwrap();
            assert!(done.success());
            0
        });
        fs::remove_dir_all(&copied).unwrap();
        let python = support::root().join("target/jinja/bin/python");
        if python.exists() {
            let templated = folder.path().join("templated");
            time("PyYAML and Jinja2", &mut || {
                let script = support::root().join("benches/jinja.py");
                let mut command = Command::new(&python);
                command.arg(script).arg(&inventories).arg(&templated);
                assert!(command.status().unwrap().success());
                0
            });
            fs::remove_dir_all(&templated).unwrap();
        }
        fs::remove_dir_all(&plain).unwrap();
        fs::remove_dir_all(&out).unwrap();
        time("render into nothing", &mut || lbgen("render", &[], 0));
        time("render, nothing changed", &mut || lbgen("render", &[], 0));
        time("render --check", &mut || lbgen("render", &["--check"], 0));
        time("check", &mut || lbgen("check", &[], 0));
        let before = fs::read_to_string(&one).unwrap();
        let more = "domains:\n  one-more.example.com: { entrypoint: rest }\n";
        fs::write(&one, before.replacen("domains:\n", more, 1)).unwrap();
        time("diff, one domain added", &mut || lbgen("diff", &[], 1));
        time("render, one domain added", &mut || lbgen("render", &[], 0));
        fs::write(&one, before).unwrap();
        lbgen("render", &[], 0);
    }
    let median = |times: &[Duration]| {
        let mut sorted = times.to_vec();
        sorted.sort();
        sorted[sorted.len() / 2]
    };
    let floor = median(&times[0].1);
    for (name, all, memory) in &times {
        let time = median(all);
        let memory = if *memory == 0 { String::new() } else { format!("{:>5} MiB", memory / 1024) };
        println!(
            "{name:<26} {:>9.1} ms {:>6.2}x {memory}",
            time.as_secs_f64() * 1e3,
            time.as_secs_f64() / floor.as_secs_f64()
        );
    }
}

/// Renders into nothing, in memory; each size is twice the one before in what grows.
fn growth() {
    for (what, first, grows) in GROWTH {
        println!("\n{what}");
        for doubled in 0..4 {
            let size: Vec<usize> = first
                .iter()
                .zip(grows)
                .map(|(n, grows)| n << if *grows { doubled } else { 0 })
                .collect();
            let text = support::datacenter(size[0], size[1], size[2], size[3]);
            let time = into_nothing(&text);
            println!("{size:?} {:>9.1} ms", time.as_secs_f64() * 1e3);
        }
    }
}

/// What a report costs beside the plan that it shows.
fn report() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let inventory = folder.path().join("dc.yaml");
    fs::write(&inventory, support::datacenter(12, 48, 120, 2_000)).unwrap();
    let (inventory, page) = (inventory.to_str().unwrap(), folder.path().join("page.html"));
    for arguments in [
        vec!["plan", "-q", inventory],
        vec!["report", "-q", inventory, "-o", page.to_str().unwrap()],
    ] {
        let mut times: Vec<Duration> = (0..7)
            .map(|_| {
                let start = Instant::now();
                run(&arguments, 0);
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("{:<8} {:>9.1} ms", arguments[0], times[times.len() / 2].as_secs_f64() * 1e3);
    }
}

/// What 5,000 domains and 120 components cost as two tiers of Ingresses, as one Gateway each, and as both.
fn forms() {
    let ingress = support::datacenter(12, 48, 120, 5_000).replace("port: http", "port: 80");
    let form = |api: &str, keeps_routing: bool| {
        let mut text = ingress.clone();
        for (edge, routing) in [("a", "b"), ("c", "d")] {
            let gateway = format!("gateway: {{ class: {edge}, selector: {{ app: {edge} }} }}");
            text = text.replace(
                &format!("edge: {{ class: {edge},"),
                &format!("edge: {{ class: {edge}, api: {api}, {gateway},"),
            );
            if !keeps_routing {
                text = text.replace(&format!(", routing: {{ class: {routing} }}"), "");
            }
        }
        text
    };
    let forms = [
        ("ingress", ingress.clone()),
        ("gateway", form("gateway", false)),
        ("both", form("both", true)),
    ];
    for (name, text) in forms {
        println!("{name:<8} {:>9.1} ms", into_nothing(&text).as_secs_f64() * 1e3);
    }
}

/// The median time of a render into nothing, in memory.
fn into_nothing(text: &str) -> Duration {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let inventory = folder.path().join("dc.yaml");
    fs::write(&inventory, text).unwrap();
    let out = folder.path().join("out");
    let mut times: Vec<Duration> = (0..7)
        .map(|_| {
            let _ = fs::remove_dir_all(&out);
            let start = Instant::now();
            let arguments =
                ["render", "-q", inventory.to_str().unwrap(), "-o", out.to_str().unwrap()];
            run(&arguments, 0);
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Writes files, every folder made once.
fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> u64 {
    let folders: BTreeSet<&Path> =
        files.keys().filter_map(|path| Path::new(path).parent()).collect();
    for below in folders {
        fs::create_dir_all(folder.join(below)).unwrap();
    }
    for (path, body) in files {
        fs::write(folder.join(path), body).unwrap();
    }
    0
}

/// Runs lbgen; the most memory that it was seen to have, in KiB.
fn run(arguments: &[&str], exit: i32) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        most = now.unwrap_or(0).max(most);
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(exit), "{arguments:?}");
            return most;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}
