//! A stand-in for a pod and for kube-proxy's health port on a host of the lab: answers with its name and the client's
//! address. `lab agent NAME ADDRESS/PORT[/FLAG]...`: 503 while the file FLAG exists.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A socket and the file that makes it unready.
struct Port {
    listener: TcpListener,
    flag: Option<PathBuf>,
}

/// Serves until it is killed. `arguments` are what follows `agent`.
pub fn run(arguments: &[String]) -> std::io::Result<()> {
    let name: Arc<str> = arguments[0].as_str().into();
    let ports: std::io::Result<Vec<Port>> = arguments[1..].iter().map(|spec| open(spec)).collect();
    let serving: Vec<_> = ports?
        .into_iter()
        .map(|port| {
            let name = Arc::clone(&name);
            std::thread::spawn(move || serve(&port, &name))
        })
        .collect();
    println!("ready");
    for thread in serving {
        let _ = thread.join();
    }
    Ok(())
}

fn open(spec: &str) -> std::io::Result<Port> {
    let mut parts = spec.splitn(3, '/');
    let address: IpAddr = parts.next().and_then(|text| text.parse().ok()).expect("an address");
    let port: u16 = parts.next().and_then(|text| text.parse().ok()).expect("a port");
    Ok(Port {
        listener: TcpListener::bind(SocketAddr::new(address, port))?,
        flag: parts.next().map(PathBuf::from),
    })
}

fn serve(port: &Port, name: &str) {
    for stream in port.listener.incoming().flatten() {
        let ready = !port.flag.as_deref().is_some_and(Path::exists);
        // A client that goes away is none of our business.
        let _ = answer(&stream, name, ready);
    }
}

fn answer(mut stream: &TcpStream, name: &str, ready: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let client = match stream.peer_addr()?.ip() {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(address.into(), IpAddr::from),
        address => address,
    };
    for line in BufReader::new(stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let status = if ready { "200 OK" } else { "503 Service Unavailable" };
    let body = format!("{name} {client}\n");
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
