//! An Ansible inventory, YAML or INI -> what is known of the hosts.

use std::collections::BTreeMap;

use anyhow::bail;
use serde_json::Value;

use super::label;

/// Hosts by name.
#[derive(Debug, Default)]
pub struct Hosts(BTreeMap<String, Host>);

/// The facts that are known of a host.
#[derive(Debug, Default, Clone)]
pub struct Host {
    /// The address to connect to.
    pub address: Option<String>,
    /// Failure domain.
    pub zone: Option<String>,
}

/// Variables that name a failure domain, the more precise first.
const ZONES: &[&str] = &["zone", "rack", "failure_domain", "availability_zone", "room"];

impl Hosts {
    /// Reads the text of an inventory.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let mut hosts = Self::default();
        match serde_saphyr::from_str::<Value>(text) {
            Ok(Value::Object(groups)) => {
                for (name, group) in &groups {
                    hosts.group(name, group, None);
                }
            }
            _ if text.lines().any(|line| line.trim_start().starts_with('[')) => hosts.ini(text),
            _ => bail!("neither the YAML nor the INI of an Ansible inventory"),
        }
        Ok(hosts)
    }

    /// A host by its name, with or without its domain.
    pub fn get(&self, node: &str) -> Option<&Host> {
        let short = |name: &str| name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        self.0.get(node).or_else(|| {
            self.0.iter().find(|(name, _)| short(name) == short(node)).map(|(_, host)| host)
        })
    }

    fn group(&mut self, name: &str, group: &Value, zone: Option<&str>) {
        let of_group = zone_of(&group["vars"]).or_else(|| zone_of_name(name));
        let zone = of_group.as_deref().or(zone);
        for (host, vars) in group["hosts"].as_object().into_iter().flatten() {
            self.host(host, vars, zone);
        }
        for (name, group) in group["children"].as_object().into_iter().flatten() {
            self.group(name, group, zone);
        }
    }

    fn host(&mut self, name: &str, vars: &Value, zone: Option<&str>) {
        let host = self.0.entry(name.to_owned()).or_default();
        let address = vars["ansible_host"].as_str().or(vars["ansible_ssh_host"].as_str());
        let user = vars["ansible_user"].as_str();
        if let Some(address) = address {
            host.address = Some(match user {
                Some(user) => format!("{user}@{address}"),
                None => address.to_owned(),
            });
        }
        let zone = zone_of(vars).or_else(|| zone.map(str::to_owned));
        host.zone = zone.or_else(|| host.zone.take());
    }

    /// `[group]`, `name key=value`, `[group:vars]`, `[group:children]`.
    fn ini(&mut self, text: &str) {
        let mut section = String::new();
        let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut vars: BTreeMap<String, Value> = BTreeMap::new();
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default().trim();
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                name.clone_into(&mut section);
                continue;
            }
            let mut words = line.split_whitespace();
            let Some(first) = words.next() else { continue };
            match section.split_once(':') {
                Some((group, "vars")) => {
                    if let Some((key, value)) = line.split_once('=') {
                        let map = vars
                            .entry(group.to_owned())
                            .or_insert_with(|| Value::Object(Default::default()));
                        map[key.trim()] = Value::from(value.trim().trim_matches(['"', '\'']));
                    }
                }
                Some(_) => {}
                None => {
                    let mut own = Value::Object(Default::default());
                    for (key, value) in words.filter_map(|word| word.split_once('=')) {
                        own[key] = Value::from(value.trim_matches(['"', '\'']));
                    }
                    self.host(first, &own, zone_of_name(&section).as_deref());
                    members.entry(section.clone()).or_default().push(first.to_owned());
                }
            }
        }
        for (group, vars) in vars {
            let Some(zone) = zone_of(&vars) else { continue };
            for name in members.get(&group).into_iter().flatten() {
                self.host(name, &Value::Null, Some(&zone));
            }
        }
    }
}

fn zone_of(vars: &Value) -> Option<String> {
    ZONES.iter().find_map(|key| match &vars[*key] {
        Value::String(text) => Some(label(text, "zone")),
        Value::Number(number) => Some(format!("{}-{number}", label(key, "zone"))),
        _ => None,
    })
}

/// `rack_a` is a zone by its name.
fn zone_of_name(group: &str) -> Option<String> {
    let name = group.to_ascii_lowercase();
    let is_zone = ["rack", "zone", "room"].iter().any(|word| {
        name.strip_prefix(word)
            .is_some_and(|rest| rest.starts_with(['-', '_']) || rest.parse::<u32>().is_ok())
    });
    is_zone.then(|| label(group, "zone"))
}
