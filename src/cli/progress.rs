//! The progress of something that takes long: a line on a terminal, nothing in CI.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Format, Global};

/// A line that goes away when it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// So many datacenters; of one nobody knows how long it takes.
    pub fn through(count: usize, what: &'static str, global: &Global) -> Self {
        let watched = std::io::stderr().is_terminal() && global.format == Format::Human;
        if global.quiet || !watched || std::env::var_os("CI").is_some() {
            return Self(ProgressBar::hidden());
        }
        let bar = match count {
            0 | 1 => ProgressBar::new_spinner(),
            _ => {
                let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
                let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
                ProgressBar::new(u64::try_from(count).unwrap_or(0)).with_style(style)
            }
        };
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// One of them is done.
    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
