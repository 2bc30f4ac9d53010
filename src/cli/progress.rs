//! What a person sees while something takes long: a line on a terminal, nothing in CI.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Format, Global};

/// A line that goes away when it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Something whose length nobody knows.
    pub fn of(what: &'static str, global: &Global) -> Self {
        Self::start(ProgressBar::new_spinner(), what, global)
    }

    /// So many things; one is not worth a line.
    pub fn through(count: usize, what: &'static str, global: &Global) -> Self {
        if count < 2 {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(u64::try_from(count).unwrap_or(0));
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
        Self::start(
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            what,
            global,
        )
    }

    /// One of them is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    fn start(bar: ProgressBar, what: &'static str, global: &Global) -> Self {
        let watched = std::io::stderr().is_terminal() && global.format == Format::Human;
        if global.quiet || !watched || std::env::var_os("CI").is_some() {
            return Self(ProgressBar::hidden());
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
