//! 64 nodes and 250 VIPs: the size of the objects, the writes at rest, and the memory of the operator.

use std::fs;
use std::time::{Duration, Instant};

use super::crew::{Crew, SYSTEM};
use crate::support;

#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn a_large_fleet_costs_little() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("inventory.yaml"), support::datacenter(64, 250, 120, 30)).unwrap();
    let mut crew = Crew::new(work.path());
    let bundle = crew.lbgen(&["render", "--format", "kubernetes"]);
    crew.cluster.apply(&bundle);
    let rollout = crew.lbgen(&["rollout", "--from", "none", "--format", "kubernetes"]);
    crew.cluster.apply(&rollout);
    for number in 0..64 {
        crew.start_fake_agent(&format!("lb-{number}"));
    }
    crew.start_operator();
    crew.cluster.wait("250 VIPs", |cluster| {
        let nodes = cluster.get("frontendnodes");
        let heard = nodes.iter().filter(|node| node["status"]["keepalived"]["running"] == true);
        heard.count() == 64 && cluster.get("frontends")[0]["status"]["vips"]["total"] == 250
    });
    std::thread::sleep(Duration::from_secs(15));
    let (before, began) = (crew.all_writes(), Instant::now());
    std::thread::sleep(Duration::from_secs(40));
    let writes = (crew.all_writes() - before) as f64 / began.elapsed().as_secs_f64();
    let memory = crew.operator_memory();
    let mut largest = (0, String::new());
    for kind in ["frontends", "rollouts", "frontendnodes", "configmaps"] {
        for object in crew.cluster.get(kind) {
            let size = object.to_string().len();
            if size > largest.0 && object["metadata"]["namespace"] == SYSTEM {
                largest =
                    (size, format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap()));
            }
        }
    }
    println!(
        "{writes:.1} writes a second, {} MiB, the largest object is {largest:?}",
        memory / 1024
    );
    assert!(largest.0 < 1 << 20, "{largest:?}");
    assert!(writes < 10.0, "{writes} writes a second");
    assert!(memory < 64 * 1024, "{memory} KiB");
}
