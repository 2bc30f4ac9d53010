//! Leases (coordination.k8s.io/v1): one of several operators works, and a node's agent is there.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use crate::api::NAMESPACE;

/// A holder that has not renewed its Lease for this long has lost it.
const DURATION: Duration = Duration::from_secs(15);
/// A holder that could not renew it for this long stops, before another one begins.
const DEADLINE: Duration = Duration::from_secs(10);
/// The time between two renewals of the operator's.
const RENEW: Duration = Duration::from_secs(3);
/// The same of an agent's: 64 nodes write seven times a second.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A Lease that one program holds.
pub struct Election {
    api: Api<Lease>,
    name: String,
    me: String,
    /// The last renewal by somebody else, and when that was seen: clocks of two machines may differ.
    seen: Mutex<Option<(MicroTime, Instant)>>,
}

impl Election {
    /// A Lease of our namespace, for somebody whose name nobody else has.
    pub fn new(client: Client, name: &str, me: &str) -> Self {
        Self {
            api: Api::namespaced(client, NAMESPACE),
            name: name.to_owned(),
            me: me.to_owned(),
            seen: Mutex::default(),
        }
    }

    /// Waits until the Lease is ours. Returns the time before the call that took it: others count from the write, which may be long
    /// before its answer.
    pub async fn win(&self) -> Instant {
        loop {
            let asked = Instant::now();
            match self.try_take().await {
                Ok(true) => return asked,
                Ok(false) => {}
                Err(error) => tracing::warn!("cannot read the Lease {}: {error:#}", self.name),
            }
            tokio::time::sleep(RENEW).await;
        }
    }

    /// Renews it for ever, from the time at which it was won. Returns once it may be lost: whoever holds it must stop at once.
    pub async fn hold(&self, won: Instant) -> anyhow::Error {
        let mut renewed = won;
        loop {
            tokio::time::sleep(RENEW).await;
            let asked = Instant::now();
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left.max(Duration::from_millis(1)), self.try_take()).await {
                Ok(Ok(true)) => renewed = asked,
                Ok(Ok(false)) => {
                    return anyhow::anyhow!("another one holds the Lease {}", self.name);
                }
                Ok(Err(_)) | Err(_) => {}
            }
            if renewed.elapsed() >= DEADLINE {
                return anyhow::anyhow!(
                    "the Lease {} could not be renewed for {DEADLINE:?}",
                    self.name
                );
            }
        }
    }

    /// Gives it up, for whoever waits.
    pub async fn release(&self) -> anyhow::Result<()> {
        let mut lease = self.api.get(&self.name).await?;
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() == Some(&self.me) {
            spec.holder_identity = None;
            self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }

    /// Takes or renews it; false if another one holds it.
    async fn try_take(&self) -> anyhow::Result<bool> {
        let now = Timestamp::now();
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let lease = self.fresh(now);
            return Ok(self.api.create(&PostParams::default(), &lease).await.is_ok());
        };
        let spec = lease.spec.get_or_insert_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let is_mine = holder == self.me;
        let is_free = holder.is_empty() || self.is_overdue(spec.renew_time.as_ref());
        if !is_mine && !is_free {
            return Ok(false);
        }
        if !is_mine {
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default() + 1);
            spec.acquire_time = Some(MicroTime(now));
        }
        spec.holder_identity = Some(self.me.clone());
        spec.lease_duration_seconds = Some(DURATION.as_secs() as i32);
        spec.renew_time = Some(MicroTime(now));
        // The resourceVersion of what was read goes along: of two who take it at one moment, one fails.
        match self.api.replace(&self.name, &PostParams::default(), &lease).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns true if the holder has not renewed it for as long as it lasts, by our own clock.
    fn is_overdue(&self, renewed: Option<&MicroTime>) -> bool {
        let Some(renewed) = renewed else { return true };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match seen.as_ref().filter(|(last, _)| last == renewed) {
            Some((_, since)) => *since,
            None => Instant::now(),
        };
        *seen = Some((renewed.clone(), since));
        since.elapsed() > DURATION
    }

    fn fresh(&self, now: Timestamp) -> Lease {
        Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.me.clone()),
                lease_duration_seconds: Some(DURATION.as_secs() as i32),
                acquire_time: Some(MicroTime(now)),
                renew_time: Some(MicroTime(now)),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// The Lease of a node's agent.
pub fn of_node(node: &str) -> String {
    format!("node-{node}")
}

/// The node that a Lease is of, or `None`.
pub fn node_of(lease: &str) -> Option<&str> {
    lease.strip_prefix("node-")
}

/// Renews the Lease of a node's agent, which nobody else takes.
pub async fn beat(client: Client, node: String) {
    let election = Election::new(client, &of_node(&node), &node);
    loop {
        if let Err(error) = election.renew().await {
            tracing::warn!("cannot renew the Lease of {node}: {error:#}");
        }
        tokio::time::sleep(HEARTBEAT).await;
    }
}

impl Election {
    async fn renew(&self) -> anyhow::Result<()> {
        if !self.try_take().await.context("no answer")? {
            bail!("{} has two agents", self.me);
        }
        Ok(())
    }
}
