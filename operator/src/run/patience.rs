//! Calls of an API server that is away for a while.

use std::time::Duration;

use tokio::runtime::Handle;

/// The time until a call is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The times that an answer is taken for one that passes.
const TRIES: usize = 60;

/// Makes a call, and makes it again for as long as the API server does not answer: the rollout stalls, and a Lease that cannot be
/// renewed ends the operator. An error is the API server's own; where it may pass, such as that of a webhook, after a minute.
pub fn again<T, F: Future<Output = kube::Result<T>>>(
    handle: &Handle,
    call: impl Fn() -> F,
) -> Result<T, String> {
    let mut answers = 0;
    loop {
        match handle.block_on(call()) {
            Ok(value) => return Ok(value),
            Err(error) if may_pass(&error) && answers < TRIES => {
                answers += usize::from(matches!(error, kube::Error::Api(_)));
                tracing::warn!(%error, "the API server does not answer");
            }
            // Without the structure around it.
            Err(kube::Error::Api(status)) => return Err(status.message),
            Err(error) => return Err(error.to_string()),
        }
        std::thread::sleep(AGAIN);
    }
}

/// Returns true if the same call may succeed later.
pub fn may_pass(error: &kube::Error) -> bool {
    match error {
        // An API server that has just begun knows no rights yet.
        kube::Error::Api(status) => status.code >= 500 || matches!(status.code, 403 | 409 | 429),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}
