//! The patience of a wait for a state: as many looks as an idle machine needs many times over, however long they take.

use std::fmt;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A pause that takes this much longer than it should is one in which a daemon might have lost an election.
const LATE: Duration = Duration::from_millis(500);

/// Looks that are left, and what the machine did to the pauses between them.
pub struct Patience {
    start: Instant,
    looks: u32,
    latest: Duration,
}

impl Patience {
    /// For a state that comes within `limit` on a machine that keeps up.
    pub fn new(limit: Duration) -> Self {
        let looks = limit.as_millis() / PAUSE.as_millis();
        Self {
            start: Instant::now(),
            looks: u32::try_from(looks).unwrap_or(u32::MAX),
            latest: Duration::ZERO,
        }
    }

    /// Waits for the next look; false where there is none left.
    pub fn pause(&mut self) -> bool {
        let asked = Instant::now();
        std::thread::sleep(PAUSE);
        self.latest = self.latest.max(asked.elapsed().saturating_sub(PAUSE));
        self.looks = self.looks.saturating_sub(1);
        self.looks > 0
    }
}

/// The time that was spent, as a message shows it.
impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:.1} s", self.start.elapsed().as_secs_f64())?;
        if self.latest > LATE {
            let late = self.latest.as_millis();
            write!(f, " (the machine is short of CPU: a pause of 100 ms took {late} ms longer)")?;
        }
        Ok(())
    }
}
