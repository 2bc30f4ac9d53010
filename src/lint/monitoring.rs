//! Settings of the monitoring that do not do what they seem to.

use super::idle::IDLE;
use crate::diag::{Code, Diagnostic, Report, code, count};
use crate::model::{Datacenter, MetricsForm, Monitoring, RulesForm};
use crate::route::RoutingTable;

/// mehdy/keepalived-exporter splits the names of instances at colons (revision 5aedbfb).
const IPV6: Code = code!(Warning "LB244", "an IPv6 VIP that keepalived_exporter cannot read");

/// The codes of this family.
pub const CODES: &[&Code] = &[&IPV6];

/// Reports what reads as if it did something, and VIPs that nothing would watch.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let Some(monitoring) = &datacenter.monitoring else { return };
    idle(monitoring, report);
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

fn idle(monitoring: &Monitoring, report: &mut Report) {
    if let Some(span) = monitoring.directory_span
        && monitoring.metrics != MetricsForm::Textfile
    {
        let title = "the nodes write no metrics into a directory";
        report.push(
            Diagnostic::new(&IDLE, span, title, "this directory is not used")
                .help("remove the line, or write `metrics: textfile`"),
        );
    }
    if let Some(span) = monitoring.labels_span
        && monitoring.rules == RulesForm::None
    {
        let title = "there are no alerts to label";
        report.push(
            Diagnostic::new(&IDLE, span, title, "these labels are not used")
                .help("remove `labels`, or write `rules: file`"),
        );
    }
}
