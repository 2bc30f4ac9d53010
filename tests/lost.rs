//! Rollouts that lbgen carries out while connections are lost: before a node hears of an act, and in the middle of it.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
#[path = "lab/stage.rs"]
#[allow(dead_code, reason = "each program uses its own part")]
mod stage;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use lab::edits::EDITS;
use stage::{Stage, in_parallel, is_long};

/// Loses the connection of each act twice: the first time nothing of it arrives; the second time it goes on at the node, as with
/// ssh, and nobody hears of it. The act is the last line of what is sent, without `act` before it.
const LOSES: &str = r#"#!/bin/sh
folder=$(dirname "$0")
words=$(printf '%s\n' "$2" | tail -n 1 | tr -d "'")
set -- "$1" "$2" $words
case $3 in
act | on_word) name="$3 $4" ;;
*) name=$3 ;;
esac
[ "$name" = follow ] && exec "$folder/on" "$1" "$2"
# Of several at one moment one is lost.
if mkdir "$folder/lost/$name, unheard" 2>/dev/null; then exit 255; fi
if mkdir "$folder/lost/$name, half way" 2>/dev/null; then
    "$folder/on" "$1" "$2" </dev/null 2>/dev/null | head -c 0 &
    sleep 0.1
    exit 255
fi
exec "$folder/on" "$1" "$2"
"#;

struct Losing {
    stage: Stage,
    hook: PathBuf,
}

impl Losing {
    fn new(edit: &str) -> Self {
        let stage = Stage::new(EDITS.iter().find(|one| one.name == edit).unwrap());
        let hook = stage.work.path().join("loses");
        fs::write(&hook, LOSES).unwrap();
        fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
        fs::create_dir(stage.work.path().join("lost")).unwrap();
        Self { stage, hook }
    }

    /// Runs lbgen over connections that are lost.
    fn run(&self, options: &[&str]) -> (i32, String) {
        let done = self.stage.apply(options).env("LBGEN_ON", &self.hook).output().unwrap();
        (support::code(&done), support::stderr(&done))
    }

    /// The acts whose connection was lost.
    fn lost(&self) -> Vec<String> {
        let entries = fs::read_dir(self.stage.work.path().join("lost")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn goes_on(edit: &str) {
    let losing = Losing::new(edit);
    let mut how = "--apply";
    for attempt in 1.. {
        let (code, said) = losing.run(&[how]);
        if code == 0 {
            break;
        }
        assert!(code == 1 && said.contains("--resume"), "{code}: {said}");
        how = "--resume";
        assert!(attempt < 60, "{edit}: it never ends: {said}");
    }
    let lost = losing.lost();
    println!("{edit}: lost {}: {lost:?}", lost.len());
    assert!(lost.len() > 10, "{lost:?}");
    let replayed = losing.stage.finish();
    let twice = replayed.measured.values().map(|worst| worst.several).max().unwrap_or_default();
    assert!(twice <= stage::SLACK, "{edit}: {:?}", replayed.measured);
}

fn goes_back(edit: &str) {
    let losing = Losing::new(edit);
    for attempt in 1.. {
        let (code, said) = losing.run(&["--apply"]);
        if code == 0 {
            break;
        }
        assert_eq!(code, 1, "{said}");
        if said.contains("some nodes are released already") {
            let (code, said) = losing.run(&["--back-all"]);
            assert!(code == 2 && said.contains("go on with --resume"), "{code}: {said}");
            while losing.run(&["--resume"]).0 == 1 {}
            break;
        }
        // The way back is lost on the way, too.
        while losing.run(&["--back-all"]).0 == 1 {}
        losing.stage.lab.prove_holders();
        assert!(attempt < 60, "{edit}: it never ends: {said}");
    }
    println!("{edit}, back: lost {}: {:?}", losing.lost().len(), losing.lost());
    let replayed = losing.stage.finish();
    let twice = replayed.measured.values().map(|worst| worst.several).max().unwrap_or_default();
    assert!(twice <= stage::SLACK, "{edit}: {:?}", replayed.measured);
}

/// The edits together do every act: reload, hand over, drain, start, stop, leave, put rules.
const LOST: &[&str] = &["another VRID", "VRRP version", "new node", "removed node"];

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_rollout_goes_on_or_back_after_any_connection_was_lost() {
    let edits = &LOST[..if is_long() { LOST.len() } else { 1 }];
    let tries = edits.iter().flat_map(|edit| [(*edit, true), (*edit, false)]);
    let tries = Mutex::new(tries.collect::<Vec<_>>().into_iter());
    in_parallel(|| {
        let Some((edit, is_forward)) = tries.lock().unwrap().next() else { return false };
        if is_forward {
            goes_on(edit);
        } else {
            goes_back(edit);
        }
        true
    });
}
