//! The origin of the running state changes nothing of what a diff says.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use support::{code, files, lbgen_in, stdout};

/// An edit of one node says nothing of components, wherever the state before it is read from.
#[test]
fn a_diff_is_the_same_from_every_origin() {
    for example in support::examples() {
        let folder = tempfile::tempdir().unwrap();
        let inventory = support::inventory(&example);
        let inventory = inventory.to_str().unwrap();
        let run = |arguments: &[&str]| lbgen_in(folder.path(), &[arguments, &[inventory]].concat());
        assert_eq!(code(&run(&["render", "-q"])), 0, "{example}");
        let edited = files(&folder.path().join("out"))
            .into_keys()
            .find(|path| path.ends_with("etc/sysctl.d/90-lbgen.conf"))
            .unwrap();
        let path = folder.path().join("out").join(edited);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "net.ipv4.ip_forward = 0\n").unwrap();
        let impact = |arguments: &[&str]| {
            let done = run(&[&["diff", "-q", "--format", "json"], arguments].concat());
            let found: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
            found["impact"].clone()
        };
        let disk = impact(&[]);
        let findings = disk.as_array().unwrap();
        assert_eq!(findings.len(), 1, "{example}: {disk}");
        assert_eq!(disk, impact(&["--from", "out"]), "{example}");
    }
}
