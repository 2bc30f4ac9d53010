//! The machines of the tours of docs/moving-in.md: the files that were gathered from them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Lab;

/// The files of machines under `inventory-examples/`, and of their cluster where there is one.
#[derive(Clone, Copy)]
pub struct Collected {
    pub nodes: &'static str,
    pub objects: Option<&'static str>,
}

impl Collected {
    /// The folder of the machines.
    pub fn folder(self) -> PathBuf {
        path(self.nodes)
    }

    /// The arguments of `lbgen import`.
    pub fn import(self) -> Vec<String> {
        let mut arguments =
            vec!["import".to_owned(), "-q".to_owned(), self.folder().display().to_string()];
        if let Some(objects) = self.objects {
            arguments.extend(["--objects".to_owned(), path(objects).display().to_string()]);
        }
        arguments
    }

    /// Every machine has the addresses that it had when it was asked, with their networks, and runs what is checked on it.
    pub fn settle(self, lab: &Lab) {
        for (name, node) in &lab.nodes {
            node.host.run("cp /usr/bin/sleep /run/lab/haproxy");
            node.host.serve("echo up; exec /run/lab/haproxy 3600");
            let file = self.folder().join(name).join("ip-addr.json");
            let found = fs::read(file).expect("it was gathered");
            let found: serde_json::Value = serde_json::from_slice(&found).expect("JSON");
            let entries = found.as_array().expect("a list");
            for entry in entries {
                for address in entry["addr_info"].as_array().expect("a list") {
                    node.host.run(&format!(
                        "ip addr add {}/{} dev {}",
                        address["local"].as_str().expect("an address"),
                        address["prefixlen"],
                        entry["ifname"].as_str().expect("a name"),
                    ));
                }
            }
        }
    }
}

fn path(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory-examples").join(example)
}
