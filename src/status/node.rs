//! Each node as it runs, beside the bundle.

use super::report::Loaded;
use super::{Answers, Finding, Report, Wanted, codes};
use crate::diag::{Code, count};
use crate::language::name::Subdomain;

/// A node right now.
#[derive(Debug)]
pub struct NodeStatus {
    /// Its name.
    pub node: Subdomain,
    /// Its report, or the reason that there is none.
    pub answer: Result<Report, String>,
    /// Its files, beside those that it should have.
    pub files: Files,
    /// True if it should run keepalived.
    pub has_instances: bool,
}

/// Files that are not as deployed, below `/`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// With other contents.
    pub edited: Vec<String>,
    /// Not there.
    pub missing: Vec<String>,
    /// In a folder of ours, and not ours.
    pub foreign: Vec<String>,
    /// As the next bundle has them.
    pub next: Vec<String>,
}

impl Files {
    fn of(report: &Report, wanted: Wanted<'_>, node: &Subdomain) -> Self {
        let mut files = Self { foreign: report.foreign.clone(), ..Self::default() };
        for path in wanted.files(node) {
            let found = report.files.get(path);
            let list = match wanted.next {
                _ if found == wanted.deployed.digest(node, path) => continue,
                Some(next) if found == next.digest(node, path) => &mut files.next,
                _ if found.is_none() => &mut files.missing,
                _ => &mut files.edited,
            };
            list.push(path.to_owned());
        }
        files
    }

    /// In a few words.
    pub fn words(&self) -> String {
        let parts =
            [(&self.edited, "edited"), (&self.missing, "missing"), (&self.foreign, "foreign")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(files, _)| !files.is_empty())
            .map(|(files, word)| format!("{} {word}", files.len()))
            .collect();
        match (parts.is_empty(), self.next.is_empty()) {
            (true, true) => "as deployed".to_owned(),
            (true, false) => "of the next bundle".to_owned(),
            (false, _) => parts.join(", "),
        }
    }
}

impl NodeStatus {
    /// Everything that is wrong on the node.
    pub fn findings(&self) -> Vec<Finding> {
        let finding = |code: &'static Code, text: String| Finding {
            code,
            subject: self.node.to_string(),
            text,
        };
        let report = match &self.answer {
            Ok(report) => report,
            Err(why) => return vec![finding(&codes::UNREACHED, format!("not reached: {why}"))],
        };
        let mut found = Vec::new();
        if !report.keepalived.running && self.has_instances {
            found.push(finding(&codes::DAEMON_DOWN, "keepalived does not run".to_owned()));
        }
        if report.loaded == Loaded::Differs && report.keepalived.running {
            let first = report.differs.first().map(|line| format!(", such as `{line}`"));
            found.push(finding(
                &codes::NOT_LOADED,
                format!(
                    "keepalived has not loaded its file: {} differ{} (< expected, > loaded)",
                    count(report.differs.len(), "line"),
                    first.unwrap_or_default()
                ),
            ));
        }
        // A rollout that is under way brings them.
        let next = if report.claim.is_some() { &Vec::new() } else { &self.files.next };
        let all = [
            ("not deployed yet, and there as the bundle in the directory has them", next),
            ("edited", &self.files.edited),
            ("missing", &self.files.missing),
            ("not ours", &self.files.foreign),
        ];
        for (what, files) in all.into_iter().filter(|(_, files)| !files.is_empty()) {
            let names: Vec<String> = files.iter().map(|file| format!("/{file}")).collect();
            found.push(finding(&codes::FILES, format!("{what}: {}", names.join(", "))));
        }
        if !report.routing.lines.is_empty() {
            found.push(finding(&codes::ROUTING, report.routing.lines.join("; ")));
        }
        if report.drained {
            found.push(finding(&codes::DRAINED, "drained".to_owned()));
        }
        for (check, _) in report.checks.iter().filter(|(_, passes)| !**passes) {
            found.push(finding(&codes::UNHEALTHY, format!("the check {check} fails")));
        }
        if let Some(claim) = &report.claim {
            let text = format!("claimed by {}, rollout {}", claim.by, claim.id);
            found.push(finding(&codes::CLAIM, text));
        }
        found
    }
}

/// Every node that should run something.
pub(super) fn all(wanted: Wanted<'_>, answers: &Answers) -> Vec<NodeStatus> {
    let unasked = || Err("was not asked".to_owned());
    let status = |node: &Subdomain| {
        let answer = answers.get(node).cloned().unwrap_or_else(unasked);
        let report = answer.as_ref().ok();
        let files = report.map(|report| Files::of(report, wanted, node));
        let side = wanted.sides().nth(wanted.phase(node, report))?;
        let state = side.state.nodes.get(node);
        // A rollout has not come to it yet.
        state.or_else(|| wanted.deployed.state.nodes.get(node))?;
        let configuration = state.and_then(|state| state.keepalived.as_ref());
        Some(NodeStatus {
            node: node.clone(),
            files: files.unwrap_or_default(),
            has_instances: configuration.is_some_and(|found| !found.instances.is_empty()),
            answer,
        })
    };
    wanted.nodes().into_iter().filter_map(status).collect()
}
