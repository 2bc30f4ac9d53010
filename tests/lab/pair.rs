//! Two nodes with somebody's keepalived.conf on two networks, and the real daemon: who holds what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::release;

/// A node's configuration and what its first interface is called.
pub struct Side {
    pub name: String,
    pub conf: Vec<u8>,
    /// The folder that it lies in, with the files that it includes.
    pub folder: Option<PathBuf>,
    /// The interface in the first network; the second is `eth1`.
    pub interface: String,
    /// The options that keepalived is started with besides its file.
    pub options: String,
}

/// Holders of each address.
pub type Held = BTreeMap<IpAddr, BTreeSet<String>>;

/// Nodes on one switch.
pub struct Pair {
    nodes: Vec<(String, Host)>,
    _switch: Host,
    _folder: tempfile::TempDir,
}

/// The node's own addresses: interface and address.
pub fn own(index: usize, interface: &str) -> [(String, String); 4] {
    let number = index + 1;
    [
        (interface.to_owned(), format!("192.0.2.{number}/24")),
        (interface.to_owned(), format!("10.0.0.{}/24", 10 + number)),
        (interface.to_owned(), format!("2001:db8::{number}/64")),
        ("eth1".to_owned(), format!("198.51.100.{number}/24")),
    ]
}

/// The same as `ip -j addr` prints it.
pub fn collected(index: usize, interface: &str) -> String {
    let entries = own(index, interface).map(|(name, address)| {
        let (address, length) = address.split_once('/').expect("a length");
        let family = if address.contains(':') { "inet6" } else { "inet" };
        format!(
            r#"{{"ifname":"{name}","addr_info":[{{"family":"{family}","local":"{address}","prefixlen":{length}}}]}}"#
        )
    });
    format!("[{}]", entries.join(","))
}

impl Pair {
    /// Boots the nodes and starts keepalived on all of them, the first a moment before the others.
    pub fn start(sides: &[Side]) -> Self {
        let switch = Host::start("switch");
        switch.run("ip link add b0 type bridge; ip link add b1 type bridge; ip link set b0 up; ip link set b1 up");
        let folder = tempfile::tempdir().expect("a folder");
        let mut nodes = Vec::new();
        for (index, side) in sides.iter().enumerate() {
            let host = Host::start(&side.name);
            let uplink = &side.interface;
            switch.connect(&format!("a{index}"), &host, uplink);
            switch.connect(&format!("c{index}"), &host, "eth1");
            let mut script = format!("ip link set {uplink} up; ip link set eth1 up;");
            for (interface, address) in own(index, uplink) {
                let quiet = if address.contains(':') { "nodad" } else { "" };
                script += &format!("ip addr add {address} dev {interface} {quiet};");
            }
            host.run(&script);
            switch.run(&format!(
                "ip link set a{index} master b0 up; ip link set c{index} master b1 up"
            ));
            let conf = folder.path().join(&side.name);
            fs::create_dir(&conf).expect("a folder");
            fs::write(conf.join("keepalived.conf"), &side.conf).expect("a file");
            if let Some(folder) = &side.folder {
                host.run(&format!("cp -r {}/. {}", folder.display(), conf.display()));
            }
            host.run("mount -t tmpfs tmpfs /run; mkdir -p /run/lab /run/keepalived");
            release::layers(&host);
            host.run(&start(&conf, &side.options));
            nodes.push((side.name.clone(), host));
        }
        Self { nodes, _switch: switch, _folder: folder }
    }

    pub fn held(&self, addresses: &BTreeSet<IpAddr>) -> Held {
        let mut held: Held = addresses.iter().map(|address| (*address, BTreeSet::new())).collect();
        for (name, host) in &self.nodes {
            let all = host.run("ip -o addr show");
            let fields = all.lines().filter_map(|line| line.split_whitespace().nth(3));
            let here = fields.filter_map(|text| text.split('/').next()?.parse::<IpAddr>().ok());
            for address in here {
                if let Some(holders) = held.get_mut(&address) {
                    holders.insert(name.clone());
                }
            }
        }
        held
    }

    /// Waits until the daemons hold one of these outcomes for a second. An error is what they hold instead.
    pub fn settles(&self, outcomes: &[Held], limit: Duration) -> Result<(), Held> {
        let addresses: BTreeSet<IpAddr> =
            outcomes.iter().flat_map(BTreeMap::keys).copied().collect();
        let start = Instant::now();
        // Before that nobody is MASTER: three adverts and the skew.
        std::thread::sleep(Duration::from_millis(4500));
        let mut since: Option<Instant> = None;
        loop {
            let held = self.held(&addresses);
            if outcomes.contains(&held) {
                let first = *since.get_or_insert_with(Instant::now);
                if first.elapsed() > Duration::from_secs(1) {
                    return Ok(());
                }
            } else {
                since = None;
                if start.elapsed() > limit {
                    return Err(held);
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Returns keepalived's log on a node.
    pub fn said(&self, index: usize) -> String {
        self.nodes[index].1.run("cat /run/lab/keepalived.log")
    }
}

/// Starts the daemon on files that stand outside, copied to its own /run.
fn start(conf: &Path, options: &str) -> String {
    format!(
        "cp -r {}/. /run/lab; TMPDIR=/run/lab keepalived --dont-fork --log-console --log-detail -f /run/lab/keepalived.conf {options} >/run/lab/keepalived.log 2>&1 &",
        conf.display()
    )
}
