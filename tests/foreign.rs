//! Files that somebody else wrote, and the real daemons: the election knows who holds what.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/host.rs"]
#[allow(dead_code, reason = "this program uses its own part")]
mod host;
#[path = "lab/pair.rs"]
mod pair;
#[path = "lab/release.rs"]
mod release;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lbgen::source::Sources;
use lbgen::state::elect::{Electorate, Masters};
use lbgen::state::{State, Statement, Tracked, Tree};
use pair::{Held, Pair, Side};

/// Pairs at once: elections are waited for more than they compute.
const AT_ONCE: usize = 8;

/// Every outcome that the election has for files: the usual one, and those that depend on who was first.
fn outcomes(folder: &Path) -> Vec<Held> {
    let tree = Tree::of_folder(folder, None).unwrap();
    let state = State::read(&tree, &mut Sources::default()).0;
    let electorate = Electorate::of(&[&state], release::version());
    let mut situation = electorate.all(0);
    // A check is as good as its command.
    for (node, name) in electorate.nodes().iter().enumerate() {
        let Some(found) = &state.nodes[name].keepalived else { continue };
        let fails = |statement: &Statement| {
            statement.key() == "script" && statement.text().contains("/bin/false")
        };
        for (check, script) in &found.scripts {
            if script.all.iter().any(fails) {
                situation.failing.insert((node, check.clone()));
            }
        }
        let tracks = found.instances.iter().flat_map(|instance| &instance.tracks);
        for track in tracks.filter(|track| track.kind == Tracked::Process) {
            situation.failing.insert((node, track.name.clone()));
        }
    }
    let usual = electorate.elect(&situation, &Masters::default());
    let mut all = vec![usual];
    all.extend(electorate.histories(&situation));
    all.iter()
        .map(|masters| {
            let held = electorate.addresses().map(|vip| {
                let holders = electorate.holders(masters, vip).into_iter();
                (vip, holders.map(|node| electorate.nodes()[node].to_string()).collect())
            });
            held.collect()
        })
        .collect()
}

/// Every address that the files mention as a virtual one, also where keepalived does not take it.
fn mentioned(sides: &[Side]) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    for side in sides {
        let text = String::from_utf8_lossy(&side.conf).into_owned();
        for word in text.split(|c: char| c.is_whitespace() || matches!(c, '{' | '}')) {
            let address = word.split('/').next().and_then(|text| text.parse::<IpAddr>().ok());
            found.extend(address);
        }
    }
    let own = (0..sides.len()).flat_map(|index| pair::own(index, "eth0"));
    let own: BTreeSet<IpAddr> =
        own.map(|(_, address)| address.split('/').next().unwrap().parse().unwrap()).collect();
    let is_virtual = |address: &IpAddr| !address.is_multicast() && !address.is_loopback();
    found.retain(|address| !own.contains(address) && is_virtual(address));
    found
}

/// Runs a pair, and says how it is otherwise than the election says.
fn compare(name: &str, sides: &[Side], collected: bool) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    for (index, side) in sides.iter().enumerate() {
        let write = |file: String, body: &[u8]| fs::write(folder.path().join(file), body).unwrap();
        write(format!("{}.conf", side.name), &side.conf);
        let said = format!("Keepalived v{}", release::version());
        write(format!("{}.keepalived-version.txt", side.name), said.as_bytes());
        if collected {
            let known = pair::collected(index, &side.interface);
            write(format!("{}.ip-addr.json", side.name), known.as_bytes());
        }
    }
    let mut outcomes = outcomes(folder.path());
    for address in mentioned(sides) {
        outcomes.iter_mut().for_each(|held| {
            held.entry(address).or_default();
        });
    }
    let pair = Pair::start(sides);
    let held = pair.settles(&outcomes, Duration::from_secs(16)).err()?;
    let differ = |of: &Held| -> Vec<String> {
        let differ = held.iter().filter(|(vip, now)| of.get(vip) != Some(now));
        differ.map(|(vip, now)| format!("{vip}: {now:?}, predicted {:?}", of.get(vip))).collect()
    };
    let conf = |index: usize| String::from_utf8_lossy(&sides[index].conf).into_owned();
    let confs: Vec<String> = (0..sides.len())
        .map(|index| {
            let said = pair.said(index);
            let said: Vec<&str> = said.lines().filter(|line| !line.contains("rat")).collect();
            let end = said.len().min(60);
            format!(
                "--- {}\n{}\n--- said\n{}",
                sides[index].name,
                conf(index),
                said[..end].join("\n")
            )
        })
        .collect();
    Some(format!("{name}: {}\n{}", differ(&outcomes[0]).join("; "), confs.join("\n")))
}

fn in_parallel(job: impl Fn() -> bool + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| while job() {});
        }
    });
}

/// `PAIRS=200 cargo test --test foreign random -- --ignored`; `FIRST=17 PAIRS=1` is one of them again.
#[test]
#[ignore = "needs keepalived and root; run tests/run"]
fn random_pairs_are_as_predicted() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse::<usize>().unwrap())
    };
    let (first, count) = (number("FIRST", 0), number("PAIRS", 24));
    let next = AtomicUsize::new(first);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    in_parallel(|| {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + count {
            return false;
        }
        let confs = support::words::pair(seed as u64);
        let sides: Vec<Side> = confs
            .into_iter()
            .enumerate()
            .map(|(index, conf)| Side {
                name: format!("lb-{}", index + 1),
                conf: conf.into_bytes(),
                folder: None,
                interface: "eth0".to_owned(),
                options: String::new(),
            })
            .collect();
        let found = compare(&format!("pair {seed}"), &sides, true);
        wrong.lock().unwrap().extend(found);
        true
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// The fleets of `tests/elections`: nodes, and who holds what, as the real daemon decided it.
fn fleets() -> Vec<PathBuf> {
    let folder = support::root().join("tests/elections");
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// `192.0.2.10 lb-1` of a fleet's `holders`; with several it is a split.
fn holders(fleet: &Path) -> Held {
    let text = fs::read_to_string(fleet.join("holders")).unwrap();
    let mut held: BTreeMap<IpAddr, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let vip = words.next().unwrap().parse().unwrap();
        held.insert(vip, words.map(str::to_owned).collect());
    }
    held
}

/// The nodes of a fleet: NODE.conf, or NODE/etc/keepalived/keepalived.conf with what keepalived is started with.
fn sides(nodes: &Path) -> Vec<Side> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(nodes).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let is_node =
        |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|kind| kind == "conf");
    let side = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let conf = match path.is_dir() {
            true => path.join("etc/keepalived/keepalived.conf"),
            false => path.clone(),
        };
        let conf = fs::read(conf).unwrap();
        let text = String::from_utf8_lossy(&conf).into_owned();
        // Nodes name their first interface as they like.
        let named = ["ens3", "ens192", "bond0"].into_iter().find(|name| text.contains(name));
        let options = fs::read_to_string(path.join("etc/default/keepalived")).unwrap_or_default();
        let options = options.trim().strip_prefix("DAEMON_ARGS=").unwrap_or_default();
        Side {
            name,
            conf,
            folder: path.is_dir().then(|| path.join("etc/keepalived")),
            interface: named.unwrap_or("eth0").to_owned(),
            options: options.trim_matches('"').to_owned(),
        }
    };
    paths.into_iter().filter(is_node).map(side).collect()
}

#[test]
fn the_election_knows_who_holds_what() {
    let fleets = fleets();
    assert!(fleets.len() >= 25, "{}", fleets.len());
    for fleet in fleets {
        let name = fleet.file_name().unwrap().to_string_lossy().into_owned();
        let wanted = holders(&fleet);
        let predicted = outcomes(&fleet.join("nodes"));
        let fits = predicted.iter().any(|held| {
            wanted
                .iter()
                .all(|(vip, holders)| held.get(vip).cloned().unwrap_or_default() == *holders)
        });
        assert!(fits, "{name}: {wanted:?}, predicted {predicted:?}");
    }
}

/// Writes down what the daemons decide.
fn bless(fleet: &Path, mentioned: &BTreeSet<IpAddr>, pair: &Pair) {
    std::thread::sleep(Duration::from_secs(9));
    let predicted = outcomes(&fleet.join("nodes")).into_iter().flat_map(BTreeMap::into_keys);
    let addresses = predicted.chain(mentioned.iter().copied()).collect();
    let held = pair.held(&addresses).into_iter().map(|(vip, holders)| {
        let names: Vec<String> = holders.into_iter().collect();
        format!("{vip} {}", names.join(" ")).trim_end().to_owned() + "\n"
    });
    fs::write(fleet.join("holders"), held.collect::<String>()).unwrap();
}

/// `BLESS=1` writes down what they decide.
#[test]
#[ignore = "needs keepalived and root; run tests/run"]
fn the_daemons_decide_the_same() {
    let all = fleets();
    let next = AtomicUsize::new(0);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    in_parallel(|| {
        let Some(fleet) = all.get(next.fetch_add(1, Ordering::Relaxed)) else { return false };
        let sides = sides(&fleet.join("nodes"));
        let pair = Pair::start(&sides);
        if std::env::var_os("BLESS").is_some() {
            bless(fleet, &mentioned(&sides), &pair);
            return true;
        }
        let wanted = holders(fleet);
        if let Err(held) = pair.settles(std::slice::from_ref(&wanted), Duration::from_secs(16)) {
            wrong.lock().unwrap().push(format!("{}: {held:?}, not {wanted:?}", fleet.display()));
        }
        true
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
