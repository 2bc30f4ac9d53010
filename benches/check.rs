//! What `check` costs on the inventory of a large datacenter: 12 nodes, 48 VIPs, 500 components, 20,000 domains; all right, and
//! with a mistake in every domain.
//!
//! `cargo bench --bench check` prints the median of whole processes.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;

fn main() {
    let right = support::datacenter(12, 48, 500, 20_000);
    let wrong = right.replace("example.com: { entrypoint: ", "example.com: { entrypoint: x");
    for (name, text, exit) in
        [("20,000 domains", right, 0), ("20,000 domains, each with a mistake", wrong, 1)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.yaml");
        fs::write(&path, text).unwrap();
        for format in ["human", "json"] {
            let mut times: Vec<Duration> = (0..ROUNDS)
                .map(|_| {
                    let start = Instant::now();
                    let status = Command::new(env!("CARGO_BIN_EXE_lbgen"))
                        .args(["check", "--format", format, path.to_str().unwrap()])
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .status()
                        .unwrap();
                    assert_eq!(status.code(), Some(exit));
                    start.elapsed()
                })
                .collect();
            times.sort();
            println!("{name:<36} {format:<6} {:>8.1} ms", times[ROUNDS / 2].as_secs_f64() * 1e3);
        }
    }
}
