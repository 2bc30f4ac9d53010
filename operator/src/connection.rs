//! The connection to the API server. One that is dead without a word, such as behind a firewall that has forgotten it, is given up
//! after seconds: what is known may be old, and nobody would know.

use std::time::Duration;

use kube::runtime::utils::Backoff;
use kube::runtime::watcher;
use kube::{Client, Config};

/// The API server ends a watch after this many seconds, and another one goes on from there.
const WATCH: u32 = 30;
/// An answer, or the next part of one, comes within this time.
const ANSWER: Duration = Duration::from_secs(40);

/// Connects with the rights of the pod, or of a kubeconfig.
pub async fn connect() -> anyhow::Result<Client> {
    let mut config = Config::infer().await?;
    config.read_timeout = Some(ANSWER);
    // Not from the end of the answer before.
    config.reset_reader_on_write = true;
    Ok(Client::try_from(config)?)
}

/// A watch that says soon that it hears nothing more.
pub fn watch() -> watcher::Config {
    watcher::Config::default().timeout(WATCH)
}

/// The same time between all tries: a node that has missed the API server for minutes is not to miss half a minute more.
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
