//! Failures, as options name them: `--fail`, `--zone`, `--drain`, `--unhealthy`.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::diag::{nearest, printable};
use crate::model::{Label, Subdomain};
use crate::plan::Plan;
use crate::plan::simulate::Scenario;

/// Failures, as options name them.
pub struct Trouble<'a> {
    pub fail: &'a [String],
    pub zone: &'a [String],
    pub drain: &'a [String],
    pub unhealthy: &'a [String],
    /// Names that another datacenter of the fleet has: a datacenter without them is not in trouble.
    pub elsewhere: &'a BTreeSet<String>,
}

impl Trouble<'_> {
    /// The scenario. A name that the plan does not have is an error.
    pub fn scenario(&self, plan: &Plan) -> anyhow::Result<Scenario> {
        let nodes: Vec<&Subdomain> = plan.nodes.iter().map(|node| &node.node).collect();
        let zones: Vec<&Label> = plan.nodes.iter().filter_map(|node| node.zone.as_ref()).collect();
        let entrypoints: Vec<&Label> = plan.entrypoints.iter().collect();
        let mut scenario = Scenario::default();
        for name in self.fail {
            scenario.failed.extend(self.own("node", name, &nodes)?);
        }
        for zone in self.zone {
            let Some(zone) = self.own("zone", zone, &zones)? else { continue };
            let inside = plan.nodes.iter().filter(|node| node.zone.as_ref() == Some(&zone));
            scenario.failed.extend(inside.map(|node| node.node.clone()));
        }
        for name in self.drain {
            scenario.drained.extend(self.own("node", name, &nodes)?);
        }
        for pair in self.unhealthy {
            let Some((entrypoint, name)) = pair.split_once('@') else {
                bail!("--unhealthy takes ENTRYPOINT@NODE, not `{}`", printable(pair));
            };
            let entrypoint = self.own("entrypoint", entrypoint, &entrypoints)?;
            scenario.unhealthy.extend(entrypoint.zip(self.own("node", name, &nodes)?));
        }
        Ok(scenario)
    }

    /// The name, where the datacenter has it; `None` where another one does.
    fn own<T: AsRef<str> + Clone>(
        &self,
        what: &str,
        written: &str,
        names: &[&T],
    ) -> anyhow::Result<Option<T>> {
        match known(what, written, names) {
            Err(_) if self.elsewhere.contains(written) => Ok(None),
            found => found.map(Some),
        }
    }
}

/// The name as it is known.
pub fn known<T: AsRef<str> + Clone>(what: &str, written: &str, names: &[&T]) -> anyhow::Result<T> {
    if let Some(found) = names.iter().find(|name| AsRef::<str>::as_ref(**name) == written) {
        return Ok((*found).clone());
    }
    let all: Vec<&str> = names.iter().map(|name| (*name).as_ref()).collect();
    let written = printable(written);
    match nearest(&written, &all) {
        None if all.is_empty() => bail!("there is no {what} `{written}`: there is none at all"),
        Some(near) => bail!("there is no {what} `{written}`; did you mean `{near}`?"),
        None => bail!("there is no {what} `{written}`; valid: {}", all.join(", ")),
    }
}
