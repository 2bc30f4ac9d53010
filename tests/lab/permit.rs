//! A limit on the labs that run at once: elections on a machine that cannot keep up prove nothing.

use std::sync::{Condvar, Mutex, PoisonError};

static RUNNING: Mutex<usize> = Mutex::new(0);
static FREE: Condvar = Condvar::new();

/// A place for one lab, on a core of its own; free again when it is dropped.
pub struct Permit;

impl Permit {
    /// Waits for a place.
    pub fn wait() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |running: &mut usize| *running >= cores;
        let mut running = FREE.wait_while(running, full).unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FREE.notify_one();
    }
}
