//! Observations from outside: the holder of each VIP, the answers and the address they come from, and what the nodes
//! say about themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use lbgen::model::{Name, Preempt, Subdomain, Vip};
use lbgen::plan::simulate::{Scenario, Simulator};

use super::network::CLIENT;
use super::patience::Patience;
use super::{Lab, host::Host};

/// The slowest states are two failed health checks and an election of VRRPv2.
const LIMIT: Duration = Duration::from_secs(25);

/// The nodes that hold each address of a VIP; several where the state is not what it should be.
pub type Holders = BTreeMap<IpAddr, BTreeSet<String>>;

impl Lab {
    pub fn holders(&self) -> Holders {
        let vips = self.datacenter.vips.iter().flat_map(|vip| vip.addresses());
        let mut holders: Holders = vips.map(|(address, _)| (address, BTreeSet::new())).collect();
        for (name, node) in &self.nodes {
            // A node without power or cables holds what nobody sees.
            for word in node.host.run("ip -o addr show").split_whitespace() {
                let address = word.split('/').next().and_then(|word| word.parse().ok());
                if let Some(found) = address.and_then(|address: IpAddr| holders.get_mut(&address)) {
                    found.insert(name.clone());
                }
            }
        }
        holders
    }

    /// The VIPs are where the simulator says.
    pub fn prove_holders(&self) {
        let proof = self.until(self.limit(), || self.held(&self.simulated(&Scenario::default())));
        if let Err(text) = proof {
            panic!("{text}");
        }
    }

    /// Returns the holders by the simulator, after the state that was proven last: a VIP that is not preempted stays.
    pub fn simulated(&self, scenario: &Scenario) -> Holders {
        let mut holders = Holders::new();
        for (vip, holder) in self.datacenter.vips.iter().zip(self.elected(scenario)) {
            for (address, _) in vip.addresses() {
                holders.insert(address, holder.iter().map(ToString::to_string).collect());
            }
        }
        holders
    }

    fn elected(&self, scenario: &Scenario) -> Vec<Option<Subdomain>> {
        let last = self.last.borrow();
        let seen = self.holders();
        let before = |vip: &Vip| match last.get(&vip.address.value) {
            Some(holder) => holder.clone(),
            // Which of several nodes that start at once is first, nobody knows.
            None => {
                let seen = &seen[&vip.address.value];
                seen.first().filter(|_| seen.len() == 1).and_then(|name| Subdomain::parse(name))
            }
        };
        let before: Vec<Option<Subdomain>> = self.datacenter.vips.iter().map(before).collect();
        let elected = Simulator::of(&self.plan).elect_after(&before, scenario);
        elected.into_iter().map(|holder| holder.cloned()).collect()
    }

    /// Returns the time that a state may take to come on a machine that keeps up: a node that is back waits before it
    /// takes its VIPs.
    pub fn limit(&self) -> Duration {
        let delays = self.datacenter.vips.iter().map(|vip| match vip.preempt.value {
            Preempt::After(delay) => delay,
            Preempt::AtOnce | Preempt::Never => Duration::ZERO,
        });
        LIMIT + delays.max().unwrap_or_default()
    }

    /// Waits until the nodes hold what they should.
    pub fn wait_for(&self, expected: &Holders, limit: Duration) -> Result<(), String> {
        self.until(limit, || self.held(expected))
    }

    /// The whole proof of a state that the simulator knows: each VIP is where it should be, answers the client from there
    /// and sees the client's own address, and each node that runs finds its routing as intended. An answer has left by the
    /// public side, because the gateway drops all others.
    pub fn prove(&self, scenario: &Scenario) {
        if let Err(text) = self.proof(scenario) {
            panic!("{scenario:?}: {text}");
        }
    }

    /// The proof as a result: what was wrong last, when the patience was over.
    pub fn proof(&self, scenario: &Scenario) -> Result<(), String> {
        let proof = self.until(self.limit(), || self.look(&self.simulated(scenario), scenario));
        let vips = self.datacenter.vips.iter().map(|vip| vip.address.value);
        let last = vips.zip(self.elected(scenario)).collect();
        *self.last.borrow_mut() = last;
        proof
    }

    /// The same for a state that the simulator does not know.
    pub fn proof_of(&self, expected: &Holders, scenario: &Scenario) -> Result<(), String> {
        self.until(self.limit(), || self.look(expected, scenario))
    }

    fn look(&self, expected: &Holders, scenario: &Scenario) -> Result<(), String> {
        self.held(expected)?;
        self.answered(scenario)?;
        self.intended()
    }

    /// Looks until what it sees is right; what was wrong last, when the patience is over.
    fn until(&self, limit: Duration, look: impl Fn() -> Result<(), String>) -> Result<(), String> {
        let mut patience = Patience::new(limit);
        loop {
            let Err(text) = look() else { return Ok(()) };
            if !patience.pause() {
                return Err(format!("{patience}:\n{text}"));
            }
        }
    }

    /// Checks that the VIPs are where they should be.
    fn held(&self, expected: &Holders) -> Result<(), String> {
        let seen = self.holders();
        let wrong = expected.iter().filter(|(vip, expected)| seen[*vip] != **expected);
        let mut text = String::new();
        for (vip, expected) in wrong {
            let _ = writeln!(text, "{vip}: expected on {expected:?}, is on {:?}", seen[vip]);
        }
        if text.is_empty() {
            return Ok(());
        }
        for (name, node) in &self.nodes {
            let _ = writeln!(text, "== {name}\n{}", node.log());
        }
        Err(text)
    }

    /// Checks that each VIP that is held answers from there: requests where its entrypoint is healthy on the holder,
    /// pings anywhere.
    fn answered(&self, scenario: &Scenario) -> Result<(), String> {
        for (vip, holder) in self.holders() {
            let Some(holder) = holder.first() else { continue };
            if !self.pings(vip) {
                return Err(format!("{vip} answers no ping: {}", self.describe(vip, holder)));
            }
            let node = Subdomain::parse(holder).expect("a node");
            if scenario.is_unhealthy(&self.vip(vip).entrypoint, &node) {
                continue;
            }
            let client = if vip.is_ipv6() { CLIENT[1] } else { CLIENT[0] };
            let answer = self.request(vip);
            if answer != format!("{holder} {client}") {
                return Err(format!("{vip} answers `{answer}`: {}", self.describe(vip, holder)));
            }
        }
        Ok(())
    }

    /// Checks that every node that runs has its rules and routes, and has loaded what its files say.
    fn intended(&self) -> Result<(), String> {
        for (name, node) in &self.nodes {
            let script = "lbgen-policy-routing status && { ! kill -0 $(cat /run/vrrp.pid) 2>/dev/null || /usr/local/libexec/lbgen/loaded --check; }";
            let done = match node.has_pod() {
                true => node.inside(script),
                false => node.host.sh(script),
            };
            if !done.status.success() {
                return Err(format!("{name}:\n{}", String::from_utf8_lossy(&done.stdout)));
            }
        }
        Ok(())
    }

    /// Returns the client's answer from a VIP, or what went wrong.
    pub fn request(&self, vip: IpAddr) -> String {
        self.request_from(&self.client, vip)
    }

    /// Returns the answer that a process on a host gets from a VIP, or what went wrong.
    pub fn request_from(&self, host: &Host, vip: IpAddr) -> String {
        let port = self.port(vip);
        let name = if vip.is_ipv6() { format!("[{vip}]") } else { vip.to_string() };
        let done = host.sh(&format!("curl -sS -g --max-time 1 http://{name}:{port}/ 2>&1"));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Returns true if a VIP answers the client's ping.
    pub fn pings(&self, vip: IpAddr) -> bool {
        self.client.sh(&format!("ping -n -c 1 -W 1 {vip}")).status.success()
    }

    /// Packets from a VIP that the gateway dropped, because they came from the internal side. Some do when a VIP moves: its
    /// old holder's connections end without it.
    pub fn leaked(&self) -> u64 {
        let counter = self.gateway.run("nft -j list counter inet lab leaked");
        let json: serde_json::Value = serde_json::from_str(&counter).expect("nft prints JSON");
        json["nftables"][1]["counter"]["packets"].as_u64().expect("a counter has packets")
    }

    /// Writes down from now on which addresses a node gets and loses.
    pub fn watch_addresses(&self, node: &str) {
        let watch = "ip monitor address >/run/lab/addresses & sleep 0.2; echo ready; wait";
        self.nodes[node].host.serve(watch);
    }

    /// The addresses that the node has lost since, once they are that many, or have not come to be in a while.
    pub fn addresses_lost(&self, node: &str, count: usize) -> BTreeSet<IpAddr> {
        let lost = || -> BTreeSet<IpAddr> {
            let log = self.nodes[node].host.run("cat /run/lab/addresses");
            let deleted = log.lines().filter(|line| line.starts_with("Deleted"));
            let words = deleted.flat_map(str::split_whitespace);
            words.filter_map(|word| word.split('/').next()?.parse().ok()).collect()
        };
        let enough = || if lost().len() < count { Err(String::new()) } else { Ok(()) };
        let _ = self.until(Duration::from_secs(5), enough);
        lost()
    }

    /// The client pings a VIP every 10 ms from now on.
    pub fn start_pings(&self, vip: IpAddr) {
        self.client.run("mount -t tmpfs tmpfs /run");
        let ping =
            format!("ping -n -D -i 0.01 -W 1 {vip} >/run/pings & sleep 0.5; echo ready; wait");
        self.client.serve(&ping);
    }

    /// The longest time between two answers to them.
    pub fn longest_silence(&self) -> Duration {
        let log = self.client.run("cat /run/pings");
        // [1700000000.123456] 64 bytes from 192.0.2.11: icmp_seq=1 ttl=63 time=0.07 ms
        let answers = log.lines().filter(|line| line.contains("bytes from"));
        let times: Vec<f64> = answers
            .filter_map(|line| line.strip_prefix('[')?.split(']').next()?.parse().ok())
            .collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        Duration::from_secs_f64(gaps.fold(0.0, f64::max))
    }

    /// The VIP with an address, its own or an extra one.
    fn vip(&self, address: IpAddr) -> &Vip {
        let mut vips = self.datacenter.vips.iter();
        vips.find(|vip| vip.addresses().any(|(other, _)| other == address)).expect("a VIP")
    }

    /// The lowest port of its entrypoint.
    fn port(&self, vip: IpAddr) -> u16 {
        let entrypoint = &self.datacenter.entrypoints[&self.vip(vip).entrypoint];
        match entrypoint.tiers() {
            Some(tiers) => tiers.edge.ports.values().min().expect("an edge has ports").number,
            None => super::node::SERVICE,
        }
    }

    /// Returns facts that may explain why a VIP does not answer.
    fn describe(&self, vip: IpAddr, holder: &str) -> String {
        let look = self.gateway.run(&format!("ip neigh show {vip}"));
        let node = self.nodes.get(holder).map_or_else(String::new, |node| {
            node.host.run(
                "ip -br addr; ip rule; ip -6 rule; ip route show table all | grep -v 'table local'; ip -6 route show table all | grep -v 'table local'; nft list ruleset; lbgen-policy-routing status || true",
            )
        });
        format!("gateway: {look}\n{holder}:\n{node}")
    }
}
