//! Watches that are tried again every second: a node that has missed the API server for minutes is not to miss half a minute more.

use std::time::Duration;

use kube::runtime::utils::Backoff;

/// The same time between all tries.
#[derive(Debug, Clone, Copy)]
pub struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}
