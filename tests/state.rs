//! The output of lbgen, read back as a stranger's files are.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lbgen::bundle::Place;
use lbgen::emit::BundleFile;
use lbgen::model::{Label, Preempt, Subdomain};
use lbgen::plan::simulate::{Scenario, Simulator};
use lbgen::plan::{Instance, Plan, Unhealthy};
use lbgen::source::Sources;
use lbgen::state::elect::{Electorate, Masters};
use lbgen::state::{self, Preemption, State, Tracked, Tree};
use proptest::prelude::*;
use support::random::{fleet, rendered};

const VERSION: lbgen::language::version::KeepalivedVersion =
    lbgen::language::version::KeepalivedVersion(2, 2, 7);

fn read(files: &[BundleFile]) -> State {
    let mut sources = Sources::default();
    let (state, remarks) = State::read(&Tree::of_files("", files), &mut sources);
    let said: Vec<String> = remarks.into_iter().map(|remark| remark.text).collect();
    assert!(said.is_empty(), "{said:?}");
    state
}

/// An instance that was read, against the one that was planned.
fn same(read: &state::Instance, plan: &Instance) {
    assert_eq!(read.name, plan.name());
    assert_eq!(read.interface, plan.interface.as_str());
    assert_eq!((read.vrid, read.priority), (plan.vrid, plan.priority));
    assert_eq!(read.advert.interval, plan.advert_interval);
    assert_eq!(read.advert.source, Some(plan.source));
    assert!(read.advert.peers.iter().eq(plan.peers.iter()));
    let preempt = match plan.preempt {
        Preempt::AtOnce => Preemption::AtOnce,
        Preempt::After(delay) => Preemption::After(delay),
        Preempt::Never => Preemption::Never,
    };
    assert_eq!(read.preempt, preempt);
    let addresses: Vec<_> = read.addresses.iter().chain(&read.excluded).collect();
    let planned: Vec<_> = [&plan.address].into_iter().chain(&plan.excluded).collect();
    assert_eq!(addresses.len(), planned.len());
    for (read, plan) in addresses.iter().zip(planned) {
        assert_eq!(read.address, plan.address);
        assert_eq!(read.interface, plan.interface.as_str());
    }
    assert_eq!(read.routes.len(), plan.routes.len());
    assert_eq!(read.rules.len(), plan.rules.len());
    let weights: Vec<i32> = read.tracked(Tracked::Script).map(|track| track.weight.value).collect();
    let tracked = plan.track.iter().map(|track| match track {
        Unhealthy::Fault => 0,
        Unhealthy::Lose(lost) => -i32::from(*lost),
    });
    assert_eq!(weights, tracked.collect::<Vec<_>>());
}

fn same_fleet(state: &State, plan: &Plan) {
    let names: Vec<&Subdomain> = plan.nodes.iter().map(|node| &node.node).collect();
    assert_eq!(state.nodes.keys().collect::<Vec<_>>(), names);
    for node in &plan.nodes {
        let read = &state.nodes[&node.node];
        let instances = &read.keepalived.as_ref().unwrap().instances;
        assert_eq!(instances.len(), node.instances.len());
        for (read, plan) in instances.iter().zip(&node.instances) {
            same(read, plan);
        }
        let routing = &node.routing;
        assert_eq!(
            read.routing.rules.len(),
            routing.iter().map(|vip| vip.rules.len()).sum::<usize>()
        );
        assert_eq!(
            read.routing.routes.len(),
            routing.iter().map(|vip| vip.routes.len()).sum::<usize>()
        );
        let marks: Vec<_> = routing.iter().flat_map(|vip| &vip.marks).collect();
        assert_eq!(read.routing.marks.len(), marks.len());
        for (read, plan) in read.routing.marks.iter().zip(marks) {
            assert_eq!(
                (read.address, read.value, read.mask),
                (plan.address, plan.value, plan.mask)
            );
        }
    }
    let objects: usize =
        plan.kubernetes.manifests.iter().map(|manifest| manifest.objects.len()).sum();
    // Those of pods come with the nodes.
    let is_planned = |object: &&lbgen::state::Object| !Place::of(&object.file).is_of_pods();
    assert_eq!(state.objects.values().filter(is_planned).count(), objects);
}

/// The election over the files agrees with the simulator over the plan.
fn same_election(
    state: &State,
    plan: &Plan,
    out: &BTreeSet<Subdomain>,
    sick: &BTreeSet<(Label, Subdomain)>,
) {
    let electorate = Electorate::of(&[state], VERSION);
    let index: BTreeMap<&Subdomain, usize> =
        electorate.nodes().iter().enumerate().map(|(index, name)| (name, index)).collect();
    let mut situation = electorate.all(0);
    situation.drained = out.iter().map(|name| index[name]).collect();
    situation.failing =
        sick.iter().map(|(label, name)| (index[name], format!("entrypoint-{label}"))).collect();
    let masters = electorate.elect(&situation, &Masters::default());
    let scenario =
        Scenario { failed: BTreeSet::new(), drained: out.clone(), unhealthy: sick.clone() };
    for (vip, holder) in plan.vips.iter().zip(Simulator::of(plan).elect(&scenario)) {
        let read: Vec<&Subdomain> = electorate
            .holders(&masters, vip.address)
            .into_iter()
            .map(|node| &electorate.nodes()[node])
            .collect();
        assert_eq!(read, holder.into_iter().collect::<Vec<_>>(), "{}", vip.address);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_bundle_reads_back_as_it_was_planned(fleet in fleet(), picks in prop::collection::vec(any::<u16>(), 0..4)) {
        let Some((plan, _, files)) = rendered(&fleet, "") else { return Ok(()) };
        let state = read(&files);
        same_fleet(&state, &plan);
        let node = |pick: &u16| plan.nodes[usize::from(*pick) % plan.nodes.len()].node.clone();
        let out: BTreeSet<Subdomain> = picks.iter().filter(|pick| *pick % 3 == 0).map(node).collect();
        let sick = picks.iter().filter(|pick| *pick % 3 != 0).map(|pick| {
            (plan.entrypoints[usize::from(*pick / 7) % plan.entrypoints.len()].clone(), node(pick))
        });
        same_election(&state, &plan, &out, &sick.collect());
    }
}

#[test]
fn the_examples_read_back() {
    for example in support::examples_of_one_file() {
        let text = std::fs::read_to_string(support::inventory(&example)).unwrap();
        let plan = support::random::plan(&text, "").unwrap();
        let templates = lbgen::emit::Templates::load(None).unwrap();
        let files = lbgen::emit::emit(&plan, &templates).unwrap();
        same_fleet(&read(&files), &plan);
    }
}

/// A holder steps down for an equal with a greater address that it hears, also where that one does not hear it
/// (RFC 9568, 6.4.3).
#[test]
fn of_two_equals_the_one_that_hears_the_other_yields() {
    let conf = |own: &str, peer: &str| {
        format!(
            "vrrp_instance VI {{\n  state BACKUP\n  interface eth0\n  virtual_router_id 7\n  priority 100\n  unicast_src_ip {own}\n  unicast_peer {{\n    {peer}\n  }}\n  virtual_ipaddress {{\n    192.0.2.10/32 dev eth1\n  }}\n}}\n"
        )
    };
    let tree = |newcomer: &str| {
        let folder = tempfile::tempdir().unwrap();
        // The holder sends to somebody else.
        for (node, text) in [("a", conf("10.0.0.5", "10.0.0.9")), ("b", conf(newcomer, "10.0.0.5"))]
        {
            let path = folder.path().join(node).join("etc/keepalived");
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("keepalived.conf"), text).unwrap();
        }
        State::read(&Tree::of_folder(folder.path(), None).unwrap(), &mut Sources::default()).0
    };
    for (newcomer, expected) in [("10.0.0.6", vec![1]), ("10.0.0.4", vec![0, 1])] {
        let state = tree(newcomer);
        let electorate = Electorate::of(&[&state], VERSION);
        let mut alone = electorate.all(0);
        alone.running[1] = None;
        let before = electorate.elect(&alone, &Masters::default());
        let vip: IpAddr = "192.0.2.10".parse().unwrap();
        assert_eq!(electorate.holders(&before, vip), [0]);
        let after = electorate.elect(&electorate.all(0), &before);
        assert_eq!(electorate.holders(&after, vip), expected, "{newcomer}");
    }
}
