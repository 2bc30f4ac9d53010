//! The status of a FrontEnd, by the same comparison as `lbgen status`.

use std::collections::{BTreeMap, BTreeSet};

use lbgen::execute::journal::now;
use lbgen::language::name::{Name, Subdomain};
use lbgen::language::version::KeepalivedVersion;
use lbgen::source::Sources;
use lbgen::state::State;
use lbgen::status::{Answers, Digests, Report, Side, Status, VipStatus, Wanted, codes};
use lbgen::view::kubernetes::About;

use super::bundle::Bundle;
use super::events::Move;
use crate::api::{FrontEndNode, FrontEndStatus, VipCounts, set_condition};

/// A bundle that runs, or will.
#[derive(Debug)]
pub struct Running {
    state: State,
    digests: Digests,
    pub about: About,
}

impl Running {
    /// Reads a bundle.
    pub fn of(bundle: &Bundle) -> Self {
        let tree = bundle.tree();
        let (state, _) = State::read(&tree, &mut Sources::default());
        Self { state, digests: tree.digests(), about: bundle.about.clone() }
    }

    /// Every address that a node may hold.
    pub fn vips(&self) -> BTreeSet<String> {
        let configurations = self.state.nodes.values().filter_map(|node| node.keepalived.as_ref());
        let addresses =
            configurations.flat_map(|found| &found.instances).flat_map(|found| &found.addresses);
        addresses.map(|held| held.address.addr().to_string()).collect()
    }

    /// Each file of each node.
    pub fn files(&self) -> impl Iterator<Item = (String, String)> {
        let all = self.digests.iter();
        all.flat_map(|(node, files)| files.iter().map(|(path, _)| (node.to_string(), path.clone())))
    }

    fn side(&self) -> Side<'_> {
        Side { state: &self.state, digests: &self.digests }
    }

    /// Fills in how the VIPs are held, as the nodes say it. Returns those that are held by another node than before.
    pub fn report(
        &self,
        next: Option<&Self>,
        nodes: &BTreeMap<String, FrontEndNode>,
        status: &mut FrontEndStatus,
    ) -> Vec<Move> {
        let answers: Answers = nodes
            .iter()
            .filter_map(|(name, node)| Some((Subdomain::parse(name)?, answer(node))))
            .collect();
        let reports = || answers.values().filter_map(|answer| answer.as_ref().ok());
        let version = reports().find_map(|report| {
            KeepalivedVersion::of_text(&format!("v{}", report.keepalived.version))
        });
        let wanted = Wanted {
            deployed: self.side(),
            next: next.map(Self::side),
            version: version.unwrap_or(KeepalivedVersion::OLDEST),
        };
        let found = Status::of(wanted, &answers);
        status.vips = counts(&found.vips);
        let drift = [&codes::NOT_LOADED, &codes::FILES, &codes::ROUTING, &codes::DAEMON_DOWN];
        let drifted = found.findings.iter().find(|finding| drift.contains(&finding.code));
        let line =
            |finding: &lbgen::status::Finding| format!("{}: {}", finding.subject, finding.text);
        let drift = drifted.map(line).unwrap_or_default();
        let reason =
            |is_so: bool, yes: &'static str, no: &'static str| if is_so { yes } else { no };
        set_condition(
            &mut status.conditions,
            "Drifted",
            drifted.is_some(),
            reason(drifted.is_some(), "Differs", "AsDeployed"),
            &drift,
        );
        let is_planned = status.vips.as_planned == status.vips.total;
        // A rollout that has claimed nodes says so in Progressing.
        let worst = found.findings.iter().find(|finding| finding.code != &codes::CLAIM);
        let worst = worst.map(line).unwrap_or_default();
        set_condition(
            &mut status.conditions,
            "AsPlanned",
            is_planned,
            reason(is_planned, "AsPlanned", "Elsewhere"),
            &worst,
        );
        let of_service = |vip: &VipStatus| {
            let mut objects = self.state.objects.values();
            objects.find(|object| {
                object.key.kind == "Service" && object.external_ips().contains(&vip.vip)
            })
        };
        let moves = found.vips.iter().map(|vip| Move {
            vip: vip.vip,
            held_by: vip.held_by.iter().map(ToString::to_string).collect(),
            why: vip.why.clone(),
            service: of_service(vip)
                .map(|object| (object.key.namespace.clone(), object.key.name.clone())),
        });
        moves.collect()
    }
}

/// The report of a node's agent.
fn answer(node: &FrontEndNode) -> Result<Report, String> {
    let report = node.status.as_ref().and_then(|status| status.report(now()));
    report.ok_or_else(|| "its agent gives no sign of life".to_owned())
}

fn counts(vips: &[VipStatus]) -> VipCounts {
    let count =
        |is_so: &dyn Fn(&VipStatus) -> bool| vips.iter().filter(|vip| is_so(vip)).count() as u32;
    let is_planned =
        |vip: &VipStatus| vip.planned.is_some() && vip.held_by.first() == vip.planned.as_ref();
    VipCounts {
        total: vips.len() as u32,
        as_planned: count(&|vip| vip.held_by.len() == 1 && is_planned(vip)),
        elsewhere: count(&|vip| vip.held_by.len() == 1 && !is_planned(vip)),
        unheld: count(&|vip| vip.held_by.is_empty()),
        held_twice: count(&|vip| vip.held_by.len() > 1),
    }
}
