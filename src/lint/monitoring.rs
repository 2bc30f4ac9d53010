//! VIPs that the chosen source of metrics cannot read.

use crate::diag::{Code, Diagnostic, Report, code, count};
use crate::model::{Datacenter, MetricsForm};
use crate::route::RoutingTable;

/// mehdy/keepalived-exporter splits the names of instances at colons (revision 5aedbfb).
const IPV6: Code = code!(Warning "LB244", "an IPv6 VIP that keepalived_exporter cannot read");

/// The codes of this family.
pub const CODES: &[&Code] = &[&IPV6];

/// Reports IPv6 VIPs under keepalived_exporter.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let Some(monitoring) = &datacenter.monitoring else { return };
    let Some(metrics) = monitoring.metrics_span else { return };
    let mut six = datacenter.vips.iter().filter(|vip| vip.address.value.is_ipv6());
    let Some(first) = six.next() else { return };
    if monitoring.metrics == MetricsForm::KeepalivedExporter {
        let more = six.count();
        let title = match more {
            0 => format!("keepalived_exporter cannot read the instance of {}", first.address.value),
            _ => format!(
                "keepalived_exporter cannot read the instances of {}",
                count(more + 1, "IPv6 VIP")
            ),
        };
        report.push(
            Diagnostic::new(
                &IPV6,
                metrics,
                title,
                "it reports `keepalived_up 0` on every node that may hold one",
            )
            .also(
                first.address.span,
                "its name has colons, which the exporter takes for a separator",
            )
            .help("write `metrics: textfile`"),
        );
    }
}
