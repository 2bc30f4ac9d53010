//! Rollouts on the real daemons: the script itself, over namespaces instead of ssh, from what runs to what was rendered.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;

use lab::{Lab, timeline::Worst};
use lbgen::plan::simulate::Scenario;

/// An inventory before and after, and what the wiring must do besides.
struct Edit {
    name: &'static str,
    from: fn(&str) -> String,
    to: fn(&str) -> String,
    /// What a person in the datacenter does before.
    wire: fn(&Lab),
    /// Whether requests are answered at the end as at the beginning: the lab's own cluster does not change with it.
    answers: bool,
}

const SAME: fn(&str) -> String = |base| base.to_owned();

const EDITS: &[Edit] = &[
    Edit {
        name: "new node",
        from: |base| without(base, "lb-4:"),
        to: SAME,
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "removed node",
        from: SAME,
        to: |base| without(base, "lb-3:"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "maintenance",
        from: SAME,
        to: |base| state(base, "lb-2", "maintenance"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "back from maintenance",
        from: |base| state(base, "lb-2", "maintenance"),
        to: SAME,
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "new VIP",
        from: |base| without(base, "192.0.2.12"),
        to: SAME,
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "removed VIP",
        from: SAME,
        to: |base| without(base, "192.0.2.12"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "priorities swapped",
        from: |base| pinned(base, 200, 150),
        to: |base| pinned(base, 150, 200),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "VRRP version",
        from: SAME,
        to: |base| base.replace("vrrp_version: 2", "vrrp_version: 3"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "another VRID",
        from: SAME,
        to: |base| vip(base, "vrid: 77"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "advert interval",
        from: SAME,
        to: |base| base.replace("advert_interval: 1s", "advert_interval: 2s"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "renumbered node",
        from: SAME,
        to: |base| base.replace("10.0.0.12,", "10.0.0.22,"),
        wire: renumber,
        answers: true,
    },
    Edit {
        name: "another gateway",
        from: SAME,
        to: |base| base.replace("address: 192.0.2.1,", "address: 192.0.2.2,"),
        wire: second_gateway,
        answers: true,
    },
    Edit {
        name: "virtual to static",
        from: SAME,
        to: |base| base.replace("mode: virtual", "mode: static"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "static to virtual",
        from: |base| base.replace("mode: virtual", "mode: static"),
        to: SAME,
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "kube-proxy mode",
        from: SAME,
        to: |base| base.replace("kube_proxy: iptables", "kube_proxy: ipvs"),
        wire: nothing,
        answers: false,
    },
    Edit {
        name: "an address from one VIP to another",
        from: |base| extra(base, "192.0.2.10"),
        to: |base| extra(base, "192.0.2.11"),
        wire: nothing,
        answers: true,
    },
    Edit {
        name: "careful VRRP version",
        from: SAME,
        to: |base| base.replace("vrrp_version: 2", "vrrp_version: 3"),
        wire: nothing,
        answers: true,
    },
];

/// Four nodes in two zones, adverts every second as most fleets have them.
const BASE: &str = r#"
datacenter: lab
kubernetes: { kube_proxy: iptables }
keepalived: { vrrp_version: 2, advert_interval: 1s }
policy_routing: { mode: virtual }
gateways:
  public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }
  public6: { address: "2001:db8:8::1", network: "2001:db8:8::/64", interface: eth1 }
nodes:
  lb-1: { address: 10.0.0.11, address6: "fd00::11", interface: eth0, zone: a }
  lb-2: { address: 10.0.0.12, address6: "fd00::12", interface: eth0, zone: b }
  lb-3: { address: 10.0.0.13, address6: "fd00::13", interface: eth0, zone: b }
  lb-4: { address: 10.0.0.14, address6: "fd00::14", interface: eth0, zone: a }
entrypoints:
  web:
    edge: { class: web-edge, health_check_node_port: 32100 }
    routing: { class: web-routing }
    allow: [LB212]
vips:
  - { address: 192.0.2.10, entrypoint: web }
  - { address: 192.0.2.11, entrypoint: web }
  - { address: 192.0.2.12, entrypoint: web }
  - { address: 192.0.2.13, entrypoint: web }
  - { address: "2001:db8:8::14", entrypoint: web }
domains:
  www.example.com: { entrypoint: web }
components:
  shop: { entrypoint: web, backend: { port: http }, paths: [/] }
"#;

fn nothing(_: &Lab) {}

/// Without the lines that hold a word.
fn without(base: &str, word: &str) -> String {
    base.lines().filter(|line| !line.contains(word)).map(|line| format!("{line}\n")).collect()
}

fn state(base: &str, node: &str, state: &str) -> String {
    let line = base.lines().find(|line| line.contains(&format!("  {node}:"))).unwrap();
    base.replace(line, &line.replace(" }", &format!(", state: {state} }}")))
}

fn vip(base: &str, more: &str) -> String {
    let line = "{ address: 192.0.2.11, entrypoint: web }";
    base.replace(line, &line.replace(" }", &format!(", {more} }}")))
}

fn pinned(base: &str, one: u8, two: u8) -> String {
    vip(base, &format!("priorities: {{ lb-1: {one}, lb-2: {two}, lb-3: 90, lb-4: 80 }}"))
}

fn extra(base: &str, address: &str) -> String {
    let line = format!("{{ address: {address}, entrypoint: web }}");
    base.replace(&line, &line.replace(" }", ", extra_addresses: [192.0.2.99] }"))
}

/// The node has both addresses for a while.
fn renumber(lab: &Lab) {
    for (name, node) in &lab.nodes {
        let command = match name.as_str() {
            "lb-2" => "ip addr add 10.0.0.22/32 dev eth0",
            _ => "ip route add 10.0.0.22 dev eth0",
        };
        node.host.run(command);
    }
    lab.nodes["lb-2"].serve_health("10.0.0.22", 32100);
}

fn second_gateway(lab: &Lab) {
    let link = lab.gateway.run("ip -o addr show to 192.0.2.1 | awk '{ print $2 }'");
    lab.gateway.run(&format!("ip addr add 192.0.2.2/24 dev {}", link.trim()));
}

/// What stands for systemd and its journal on a node.
const SYSTEMD: &str = r#"
    set -e
    mkdir -p /run/systemd/system /usr/local/sbin
    cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
case "$*" in
*"reload keepalived") kill -HUP "$(cat /run/keepalived.pid)" ;;
*"enable "*"--now keepalived")
    keepalived --dont-fork --log-console --log-detail >>/run/lab/keepalived.log 2>&1 &
    while [ ! -s /run/keepalived.pid ]; do sleep 0.05; done ;;
*"disable "*"--now keepalived")
    [ -e /run/keepalived.pid ] || exit 0
    kill "$(cat /run/keepalived.pid)"
    while [ -e /run/keepalived.pid ]; do sleep 0.05; done ;;
esac
END
    printf '#!/bin/sh\ncat /run/lab/keepalived.log\n' >/usr/local/sbin/journalctl
    chmod 755 /usr/local/sbin/systemctl /usr/local/sbin/journalctl
"#;

/// What a rollout did, and what it had said that it would do.
struct Replayed {
    name: &'static str,
    steps: usize,
    predicted: BTreeMap<IpAddr, Duration>,
    measured: BTreeMap<IpAddr, Worst>,
}

fn replay(edit: &'static Edit) -> Replayed {
    let work = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| -> Output {
        let done = support::lbgen_in(work.path(), arguments);
        assert!(support::code(&done) < 2, "{}: {}", edit.name, support::stderr(&done));
        done
    };
    let (from, to) = ((edit.from)(BASE), (edit.to)(BASE));
    let inventory = work.path().join("inventory.yaml");
    let lock = || fs::read_to_string(work.path().join("inventory.lock")).unwrap();
    fs::write(&inventory, &from).unwrap();
    run(&["render", "-q"]);
    let old_lock = lock();
    fs::rename(work.path().join("out"), work.path().join("old")).unwrap();
    fs::write(&inventory, &to).unwrap();
    run(&["render", "-q"]);
    let mut options = vec!["rollout", "-q", "--from", "old"];
    if edit.name.starts_with("careful") {
        options.push("--careful");
    }
    let json = run(&[&options[..], &["--format", "json"]].concat());
    let plan: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let script = run(&[&options[..], &["--format", "sh"]].concat());
    fs::write(work.path().join("rollout.sh"), &script.stdout).unwrap();

    // Every machine of both inventories is there; those that the first does not have stand idle.
    let mut lab = Lab::start(machines(&from, &to), "");
    (edit.wire)(&lab);
    for node in lab.nodes.values() {
        node.host.run(SYSTEMD);
    }
    lab.become_fleet(&from, &old_lock);
    lab.prove_holders();
    for name in lab.nodes.keys() {
        lab.watch_timeline(name);
    }
    let before = lab.holders();
    hooks(work.path(), &lab);
    let done = Command::new("sh")
        .args(["rollout.sh", "--yes"])
        .current_dir(work.path())
        .env("LBGEN_ON", work.path().join("on"))
        .env("LBGEN_COPY", work.path().join("copy"))
        .env("LBGEN_KUBECTL", "true")
        .output()
        .unwrap();
    let mut said = format!("{}{}", support::stdout(&done), support::stderr(&done));
    if !done.status.success() || std::env::var("SHOW").is_ok() {
        for (name, node) in &lab.nodes {
            said += &format!("== {name}\n{}", node.log());
        }
    }
    if std::env::var("SHOW").is_ok() {
        println!("{said}");
    }
    assert!(done.status.success(), "{}:\n{said}", edit.name);
    lab.is_now(&to, &lock());
    // What comes or goes with the change was not held, or is not any more.
    let now = lab.holders();
    let lasting = before.into_iter().filter(|(vip, _)| now.contains_key(vip)).collect();
    let measured = lab.worst(&lasting);
    let there = lab.names();
    lab.nodes.retain(|name, _| there.contains(name));
    if edit.answers {
        lab.prove(&Scenario::default());
    } else {
        lab.prove_holders();
    }
    Replayed {
        name: edit.name,
        steps: plan["steps"].as_array().unwrap().len(),
        predicted: predicted(&plan),
        measured,
    }
}

/// How long a VIP may be silent at the worst of its moves, by the steps and the exceptions.
fn predicted(plan: &serde_json::Value) -> BTreeMap<IpAddr, Duration> {
    let mut worst: BTreeMap<IpAddr, Duration> = BTreeMap::new();
    let steps = plan["steps"].as_array().unwrap().iter();
    let moves = steps.flat_map(|step| step["vips"].as_array().unwrap());
    for found in moves.chain(plan["exceptions"].as_array().unwrap()) {
        let vip: IpAddr = found["vip"].as_str().unwrap().parse().unwrap();
        let seconds = Duration::from_secs_f64(found["seconds"].as_f64().unwrap());
        let entry = worst.entry(vip).or_default();
        *entry = seconds.max(*entry);
    }
    worst
}

/// The machines and their translation of VIPs: those of the inventory that has more, with the addresses that they have at first.
fn machines<'a>(from: &'a str, to: &'a str) -> &'a str {
    let works = |line: &&str| {
        line.starts_with("  lb-") && !line.contains("maintenance")
            || line.contains("entrypoint: web")
    };
    let count = |text: &str| text.lines().filter(works).count();
    if count(to) > count(from) { to } else { from }
}

/// `LBGEN_ON` and `LBGEN_COPY`, which lead into the namespaces.
fn hooks(folder: &Path, lab: &Lab) {
    let mut cases = String::new();
    for (name, node) in &lab.nodes {
        cases += &format!("{name}) pid={} ;;\n", node.host.pid());
    }
    let enter = "nsenter --target \"$pid\" --net --mount --pid -- sh -c";
    let on = format!("#!/bin/sh\ncase $1 in\n{cases}esac\nexec {enter} \"$2\"\n");
    let copy = format!(
        "#!/bin/sh\ncase $2 in\n{cases}esac\nexec {enter} \"mkdir -p /var/lib/lbgen/next; rsync -rlt --delete $PWD/$1/ /var/lib/lbgen/next/\"\n"
    );
    for (name, text) in [("on", on), ("copy", copy)] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

/// The machine is busy: what is measured may be this much longer than what was said.
const SLACK: Duration = Duration::from_millis(250);

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn rollouts_do_what_they_say() {
    let edits = Mutex::new(EDITS.iter());
    let done: Mutex<Vec<Replayed>> = Mutex::new(Vec::new());
    let only = std::env::var("EDIT").ok();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = edits.lock().unwrap().next();
                    let Some(edit) = next else { break };
                    if only.as_ref().is_none_or(|only| only == edit.name) {
                        let replayed = replay(edit);
                        print(&replayed);
                        done.lock().unwrap().push(replayed);
                    }
                }
            });
        }
    });
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for replayed in done.into_inner().unwrap() {
        for (vip, worst) in &replayed.measured {
            let said = replayed.predicted.get(vip).copied().unwrap_or_default();
            if worst.several > SLACK || worst.none > said + SLACK {
                wrong.insert(format!("{}: {vip}: said {said:?}, was {worst:?}", replayed.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn print(replayed: &Replayed) {
    let longest =
        |of: fn(&Worst) -> Duration| replayed.measured.values().map(of).max().unwrap_or_default();
    let said = replayed.predicted.values().max().copied().unwrap_or_default();
    println!(
        "{}: {} steps; predicted {:.2} s, measured none {:.2} s, several {:.2} s",
        replayed.name,
        replayed.steps,
        said.as_secs_f64(),
        longest(|worst| worst.none).as_secs_f64(),
        longest(|worst| worst.several).as_secs_f64()
    );
}
