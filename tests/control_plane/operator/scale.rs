//! 64 nodes and 250 VIPs: the size of the objects, the writes at rest, and the memory of the operator.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

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
    let (memory, worst) = crew.operator_memory();
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
        "{writes:.1} writes a second, {} MiB ({} at worst), the largest object is {largest:?}",
        memory / 1024,
        worst / 1024
    );
    crew.plans_as_fast(work.path());
    assert!(largest.0 < 1 << 20, "{largest:?}");
    assert!(writes < 10.0, "{writes} writes a second");
    assert!(memory < 64 * 1024, "{memory} KiB");
}

impl Crew {
    /// Another bundle, which the operator plans by itself: the time that this takes, beside lbgen's.
    fn plans_as_fast(&self, work: &Path) {
        let digest = self.cluster.get("configmaps");
        let annotation = |map: &Value| {
            map["metadata"]["annotations"]["lbgen.dev/digest"].as_str().map(str::to_owned)
        };
        let is_bundle =
            |map: &&Value| map["metadata"]["name"].as_str().unwrap().starts_with("bundle-");
        let digest = digest.iter().find(is_bundle).and_then(annotation).unwrap();
        let name = self.rollout()["metadata"]["name"].as_str().unwrap().to_owned();
        self.cluster.kubectl(&["delete", "rollout", &name, "--namespace", SYSTEM], "").unwrap();
        let deployed = serde_json::json!({ "status": { "deployed": digest } });
        self.merge("frontend", "big", &deployed, &["--subresource", "status"]).unwrap();
        let automatic = serde_json::json!({ "spec": { "rollout": "Automatic" } });
        self.merge("frontend", "big", &automatic, &[]).unwrap();
        fs::rename(work.join("out"), work.join("old")).unwrap();
        fs::write(work.join("inventory.yaml"), support::datacenter(64, 251, 120, 30)).unwrap();
        let bundle = self.lbgen(&["render", "--format", "kubernetes"]);
        let began = Instant::now();
        let plan = self.lbgen(&["rollout", "--from", "old", "--format", "kubernetes"]);
        println!(
            "lbgen plans in {:.2} s, {} KiB",
            began.elapsed().as_secs_f64(),
            plan.len() / 1024
        );
        self.cluster.apply(&bundle);
        self.cluster.wait("a Rollout", |cluster| !cluster.get("rollouts").is_empty());
        let logs = self.logs();
        println!("{}", logs.lines().find(|line| line.contains("planned")).unwrap());
        let spec = self.rollout()["spec"].clone();
        assert_eq!(spec["from"], digest);
    }
}
