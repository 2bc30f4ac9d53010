//! One verb, from the word to its end.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

use super::program::Program;
use super::verb::Verb;
use crate::api::{Desired, Moment, Progress};

/// Something that a verb has come to.
#[derive(Debug)]
pub struct Came {
    /// The number of the request.
    pub number: i64,
    /// Its progress.
    pub progress: Progress,
    /// Its error.
    pub message: String,
}

/// A node that is ready waits this long for the word to go: longer than the operator waits for the last of them to be ready.
const READY: Duration = Duration::from_secs(300);

/// Does what is desired, and says how far it is. `wanted` are later versions of the same request.
pub async fn work(
    program: Program,
    desired: Desired,
    wanted: watch::Receiver<Option<Desired>>,
    came: mpsc::Sender<Came>,
) {
    let voice = Voice { number: desired.number, came };
    match carry_out(&program, &desired, wanted, &voice).await {
        Ok(()) => voice.say(Progress::Done, String::new()).await,
        Err(why) => voice.say(Progress::Failed, why).await,
    }
}

/// Says how far a request is.
struct Voice {
    number: i64,
    came: mpsc::Sender<Came>,
}

impl Voice {
    async fn say(&self, progress: Progress, message: String) {
        // The agent that does not listen any more is at its end.
        let _ = self.came.send(Came { number: self.number, progress, message }).await;
    }
}

async fn carry_out(
    program: &Program,
    desired: &Desired,
    wanted: watch::Receiver<Option<Desired>>,
    voice: &Voice,
) -> Result<(), String> {
    let verb = Verb::of(desired)?;
    let start = |line: &str| program.start(desired, line).map_err(|error| format!("{error:#}"));
    if verb.is_held {
        return moment(start(&verb.lines[0])?, desired, wanted, voice).await;
    }
    let mut input = match &desired.pack {
        Some(pack) => {
            let pack = STANDARD.decode(pack).map_err(|error| error.to_string())?;
            lbgen::bundle::unpacked(&pack).map_err(|error| format!("{error:#}"))?
        }
        None => Vec::new(),
    };
    for line in &verb.lines {
        let mut child = start(line)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that reads none of it says itself why.
            let _ = stdin.write_all(&std::mem::take(&mut input)).await;
        }
        end(child).await?;
    }
    Ok(())
}

/// A verb that waits for its moment.
async fn moment(
    mut child: Child,
    desired: &Desired,
    mut wanted: watch::Receiver<Option<Desired>>,
    voice: &Voice,
) -> Result<(), String> {
    let mut stdin = child.stdin.take();
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.as_str() {
            "ready" => {
                voice.say(Progress::Ready, String::new()).await;
                match next(&mut wanted, desired, Moment::Hold, READY).await {
                    Some(Moment::Go | Moment::Stays) => {
                        tokio::time::sleep(Duration::from_millis(desired.delay.into())).await;
                        if let Some(stdin) = &mut stdin {
                            let _ = stdin.write_all(b"go\n").await;
                        }
                        if desired.opposite.is_none() {
                            stdin = None;
                        }
                    }
                    // The end of its input: it does nothing.
                    _ => {
                        drop(stdin.take());
                        let _ = end(child).await;
                        return Err("the word to go did not come: nothing was changed".to_owned());
                    }
                }
            }
            "acted" => {
                voice.say(Progress::Acted, String::new()).await;
                if let Some(mut stdin) = stdin.take() {
                    // Whoever has to say it may be gone, and what is half done is not left so.
                    let limit = Duration::from_secs(desired.patience.into());
                    let said = next(&mut wanted, desired, Moment::Go, limit).await;
                    let stays = said == Some(Moment::Stays);
                    if stays {
                        let _ = stdin.write_all(b"stays\n").await;
                    }
                    drop(stdin);
                    if !stays {
                        end(child).await?;
                        return Err(
                            "the other half did not happen: this one was taken back".to_owned()
                        );
                    }
                }
            }
            _ => {}
        }
    }
    end(child).await
}

/// The next word about a request, or `None` where there is none: it was given up, or nobody says anything.
async fn next(
    wanted: &mut watch::Receiver<Option<Desired>>,
    desired: &Desired,
    now: Moment,
    limit: Duration,
) -> Option<Moment> {
    let changed = wanted.wait_for(|other| {
        other.as_ref().is_none_or(|other| other.number != desired.number || other.moment != now)
    });
    let found = tokio::time::timeout(limit, changed).await.ok()?.ok()?;
    found.as_ref().filter(|found| found.number == desired.number).map(|found| found.moment)
}

/// Waits for the end of a program; the error is what it says last.
async fn end(mut child: Child) -> Result<(), String> {
    let (mut said, mut unused) = (String::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // A pipe that nobody reads stops whoever writes into it.
    let read_out = async {
        if let Some(mut stdout) = stdout {
            let _ = stdout.read_to_end(&mut unused).await;
        }
    };
    let read_error = async {
        if let Some(mut stderr) = stderr {
            let _ = stderr.read_to_string(&mut said).await;
        }
    };
    tokio::join!(read_out, read_error);
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(6)..].join("; ");
    Err(if last.is_empty() { status.to_string() } else { last })
}
