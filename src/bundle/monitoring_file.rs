//! The files for Prometheus, Grafana and the blackbox exporter.

use std::fmt;

/// A file that no node and no cluster gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MonitoringFile {
    /// Recording and alerting rules.
    Rules,
    /// Their unit tests.
    RuleTests,
    /// The dashboard.
    Dashboard,
    /// Targets of the blackbox exporter.
    Blackbox,
}

/// Every one of them.
pub(super) const MONITORING: [MonitoringFile; 4] = [
    MonitoringFile::Rules,
    MonitoringFile::RuleTests,
    MonitoringFile::Dashboard,
    MonitoringFile::Blackbox,
];

impl fmt::Display for MonitoringFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rules => "rules.yaml",
            Self::RuleTests => "rules.test.yaml",
            Self::Dashboard => "dashboard.json",
            Self::Blackbox => "blackbox.yaml",
        })
    }
}
