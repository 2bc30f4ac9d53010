//! Ctrl-C while lbgen carries a rollout out.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::output::say;
use super::steps::RUNNING;
use crate::execute::Wish;

/// Times that somebody has asked to stop (Ctrl-C).
static STOPS: AtomicUsize = AtomicUsize::new(0);

/// The wish of the person at the terminal.
pub(super) fn wish() -> Wish {
    match STOPS.load(Ordering::SeqCst) {
        0 => Wish::GoOn,
        1 => Wish::Stop,
        _ => Wish::Undo,
    }
}

/// Ctrl-C once: stops after the step. Twice: ends the step, which is undone then. The third time ends lbgen.
pub(super) fn stop_between_steps() {
    let handled = ctrlc::set_handler(|| match STOPS.fetch_add(1, Ordering::SeqCst) {
        0 => say("\nstops after this step; Ctrl-C again undoes it\n"),
        1 => say("\nundoing this step\n"),
        _ => {
            say("\nleft in the middle of a step: go on with --resume, or undo with --back-all\n");
            // Nobody waits for what hangs.
            let group = RUNNING.load(Ordering::SeqCst);
            if group > 0 {
                let group = format!("-{group}");
                let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
            }
            std::process::exit(130)
        }
    });
    // Another handler keeps Ctrl-C from ending what is under way, too.
    drop(handled);
}
