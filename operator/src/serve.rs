//! /livez, /readyz and /metrics (the text format of Prometheus 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tiny_http::{Response, Server};

use crate::api::VipCounts;

/// A controller that has not looked for this long hangs.
const HANGS: Duration = Duration::from_secs(120);

/// The health of the operator.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    leads: bool,
    looked: Option<Instant>,
    looks: u64,
    seconds: f64,
    vips: BTreeMap<String, VipCounts>,
}

impl Health {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This one works.
    pub fn leads(&self) {
        self.known().leads = true;
    }

    /// It has looked at every object.
    pub fn looked(&self, took: Duration) {
        let mut known = self.known();
        known.looked = Some(Instant::now());
        known.looks += 1;
        known.seconds += took.as_secs_f64();
    }

    /// The VIPs of a FrontEnd.
    pub fn vips(&self, front_end: &str, counts: VipCounts) {
        self.known().vips.insert(front_end.to_owned(), counts);
    }

    fn is_alive(&self) -> bool {
        self.known().looked.is_none_or(|looked| looked.elapsed() < HANGS)
    }

    fn metrics(&self) -> String {
        let known = self.known();
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, lines: Vec<(String, String)>| {
            let _ = writeln!(
                text,
                "# HELP lbgen_operator_{name} {help}\n# TYPE lbgen_operator_{name} {kind}"
            );
            for (labels, value) in lines {
                let _ = writeln!(text, "lbgen_operator_{name}{labels} {value}");
            }
        };
        let one = |value: String| vec![(String::new(), value)];
        metric(
            "leader",
            "gauge",
            "1 for the operator that works.",
            one(u8::from(known.leads).to_string()),
        );
        metric(
            "reconciles_total",
            "counter",
            "Looks at every object.",
            one(known.looks.to_string()),
        );
        metric(
            "reconcile_seconds_total",
            "counter",
            "Time that they took.",
            one(format!("{:.3}", known.seconds)),
        );
        let mut vips = Vec::new();
        for (front_end, counts) in &known.vips {
            for (state, count) in [
                ("as_planned", counts.as_planned),
                ("elsewhere", counts.elsewhere),
                ("unheld", counts.unheld),
                ("held_twice", counts.held_twice),
            ] {
                vips.push((
                    format!("{{front_end=\"{front_end}\",state=\"{state}\"}}"),
                    count.to_string(),
                ));
            }
        }
        metric("vips", "gauge", "VIPs, by who holds them.", vips);
        text
    }
}

/// Answers from now on.
pub fn start(listen: &str, health: Health) -> anyhow::Result<()> {
    let server =
        Server::http(listen).map_err(|error| anyhow!("cannot listen on {listen}: {error}"))?;
    std::thread::spawn(move || {
        for request in server.incoming_requests() {
            let (status, text) = match request.url() {
                "/livez" | "/readyz" if health.is_alive() => (200, "ok\n".to_owned()),
                "/livez" | "/readyz" => (500, "the controller hangs\n".to_owned()),
                "/metrics" => (200, health.metrics()),
                _ => (404, "not found\n".to_owned()),
            };
            // A client that goes away is none of our business.
            let _ = request.respond(Response::from_string(text).with_status_code(status));
        }
    });
    Ok(())
}
