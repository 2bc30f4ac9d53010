//! Targets of the blackbox exporter, as Prometheus discovers them (`file_sd_config`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::plan::MonitoringPlan;

/// Targets with the same labels.
#[derive(Serialize)]
pub(super) struct Group<'a> {
    targets: Vec<String>,
    labels: BTreeMap<&'static str, &'a str>,
}

/// Every port of each VIP, and every domain at the VIPs of its entrypoint.
pub(super) fn targets(plan: &MonitoringPlan) -> Vec<Group<'_>> {
    let mut all = Vec::new();
    for target in &plan.targets {
        let common = |module| {
            BTreeMap::from([
                ("datacenter", plan.datacenter.as_str()),
                ("entrypoint", target.entrypoint.as_str()),
                ("module", module),
            ])
        };
        let address = socket(target.vip, target.port);
        all.push(Group { targets: vec![address.clone()], labels: common("tcp_connect") });
        for host in &target.hosts {
            let mut labels = common("http_2xx");
            labels.insert("hostname", host);
            all.push(Group { targets: vec![format!("https://{address}/")], labels });
        }
    }
    all
}

fn socket(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}
