//! A tap between the operator and the API server: each call that writes is held until the test has seen it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// A call that writes. The API server has answered it, and the operator does not know yet; it does once this is dropped.
pub struct Call {
    pub verb: String,
    pub path: String,
    pub body: Value,
    held: Sender<()>,
}

impl Call {
    /// The operator never gets the answer.
    pub fn lose(self) {
        // It does not listen any more if it was killed.
        let _ = self.held.send(());
    }

    /// The kind of object that it writes, with `/status` where it writes that.
    pub fn resource(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let words: Vec<&str> = path.split('/').collect();
        let at = words.iter().position(|word| *word == "namespaces").map_or(3, |at| at + 2);
        let kind = words.get(at).copied().unwrap_or_default();
        format!("{kind}{}", if path.ends_with("/status") { "/status" } else { "" })
    }

    /// The same for two calls that do the same: without times, and without the numbers that grow with each of them.
    pub fn what(&self) -> String {
        let resource = self.resource();
        match resource.as_str() {
            "leases" | "events" => format!("{} {resource}", self.verb),
            _ => format!("{} {} {}", self.verb, self.path, timeless(&self.body)),
        }
    }
}

fn timeless(value: &Value) -> Value {
    const CHANGE: &[&str] = &["number", "runs", "run"];
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| {
                !CHANGE.contains(&key.as_str()) && !key.ends_with("At") && !key.ends_with("Time")
            });
            kept.map(|(key, value)| (key.clone(), timeless(value))).collect()
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

/// Relays HTTP (RFC 9112) from the operator to `kubectl proxy`, a connection for each request.
pub struct Tap {
    /// The address for the operator.
    pub url: String,
    calls: Receiver<Call>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Closed, it takes no connection, as the address of a server that is not there.
    is_closed: AtomicBool,
    /// The end of an answer is not passed on, as by a firewall that forgets connections.
    is_silent: AtomicBool,
}

impl Tap {
    pub fn new(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, calls) = channel();
        let state = Arc::new(State::default());
        let (upstream, own) = (upstream.to_owned(), Arc::clone(&state));
        let sender = Arc::new(Mutex::new(sender));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, state) = (upstream.clone(), Arc::clone(&own));
                let calls = sender.lock().unwrap().clone();
                std::thread::spawn(move || {
                    // Either side may end at any time.
                    let _ = relay(client, &upstream, &state, &calls);
                });
            }
        });
        Self { url, calls, state }
    }

    /// The next call that writes, or `None` if there is none for that long.
    pub fn next(&self, limit: Duration) -> Option<Call> {
        self.calls.recv_timeout(limit).ok()
    }

    /// The server is not there. If it ends without a word, nobody notices at the connections that there are.
    pub fn close(&self, is_silent: bool) {
        self.state.is_silent.store(is_silent, Ordering::SeqCst);
        self.state.is_closed.store(true, Ordering::SeqCst);
    }

    /// The server is there again.
    pub fn open(&self) {
        self.state.is_closed.store(false, Ordering::SeqCst);
        self.state.is_silent.store(false, Ordering::SeqCst);
    }
}

/// A request, and its answer until the server closes.
fn relay(
    mut client: TcpStream,
    upstream: &str,
    state: &State,
    calls: &Sender<Call>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 65536];
    let head = loop {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
        if let Some(at) = request.windows(4).position(|found| found == b"\r\n\r\n") {
            break at;
        }
    };
    if state.is_closed.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut body = request.split_off(head + 4);
    let text = String::from_utf8_lossy(&request[..head]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while body.len() < length.unwrap_or(0) {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        body.extend_from_slice(&buffer[..read]);
    }
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(format!("{text}\r\nConnection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    let mut words = text.split_whitespace().map(str::to_owned);
    let (verb, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if verb == "GET" {
        let mut back = client.try_clone()?;
        let heard = server.try_clone()?;
        // A watch ends with whoever listens.
        std::thread::spawn(move || {
            let _ = back.read(&mut [0; 1]);
            let _ = heard.shutdown(Shutdown::Both);
        });
        let copied = std::io::copy(&mut server, &mut client);
        if !state.is_silent.load(Ordering::SeqCst) {
            client.shutdown(Shutdown::Both)?;
        }
        return copied.map(drop);
    }
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let (held, seen) = channel();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    // Nobody asks any more at the end of a test.
    let _ = calls.send(Call { verb, path, body, held });
    if seen.recv().is_ok() {
        return Ok(());
    }
    client.write_all(&answer)
}
