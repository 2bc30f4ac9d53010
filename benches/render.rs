//! What `render` costs beside writing the same files from memory: 12 nodes, 48 VIPs, 120 components, 2,000 domains.
//!
//! `cargo bench` prints medians over rounds in which the three take turns, each as a process of its own or, for the
//! plain writes, in this one.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.yaml");
    fs::write(&inventory, support::datacenter(12, 48, 120, 2000)).unwrap();
    let out = folder.path().join("out");
    render(&inventory, &out);
    let files = support::files(&out);
    let size: usize = files.values().map(Vec::len).sum();
    println!("{} files, {} KiB", files.len(), size / 1024);

    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut time = |name, work: &dyn Fn()| {
            let start = Instant::now();
            work();
            times.entry(name).or_default().push(start.elapsed());
        };
        let plain = folder.path().join("plain");
        time("write the same files from memory", &|| write(&plain, &files));
        fs::remove_dir_all(&out).unwrap();
        time("render into an empty folder", &|| render(&inventory, &out));
        time("render when nothing changed", &|| render(&inventory, &out));
        time("check", &|| run(&["check", "-q", inventory.to_str().unwrap()]));
        fs::remove_dir_all(&plain).unwrap();
    }
    let median = |name: &str| {
        let mut sorted = times[name].clone();
        sorted.sort();
        sorted[ROUNDS / 2]
    };
    let base = median("write the same files from memory");
    for name in times.keys() {
        let time = median(name);
        println!(
            "{name:<34} {:>8.1} ms  {:>5.2}x",
            time.as_secs_f64() * 1e3,
            time.as_secs_f64() / base.as_secs_f64()
        );
    }
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, body) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }
}

fn render(inventory: &Path, out: &Path) {
    run(&["render", "-q", inventory.to_str().unwrap(), "-o", out.to_str().unwrap()]);
}

fn run(arguments: &[&str]) {
    let status = Command::new(env!("CARGO_BIN_EXE_lbgen")).args(arguments).status().unwrap();
    assert!(status.success());
}
