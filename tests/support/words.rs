//! Pairs of configurations in words of keepalived's own language, as people and their mistakes write them.

use std::fmt::Write as _;

/// Throws of one seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One of so many.
    pub fn of(&mut self, count: u64) -> u64 {
        (self.next() >> 11) % count
    }

    /// Returns true in one of so many throws.
    fn rarely(&mut self, one_in: u64) -> bool {
        self.of(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.of(all.len() as u64)).unwrap()]
    }
}

/// The properties that both nodes have in common before each goes its own way.
struct Plan {
    unicast: bool,
    ipv6: bool,
    version: Option<u8>,
    auth: Option<&'static str>,
    interval: Option<&'static str>,
    second: bool,
    grouped: bool,
    group_checks: bool,
}

/// The configurations of two nodes.
pub fn pair(seed: u64) -> [String; 2] {
    let mut dice = Dice::new(seed);
    let ipv6 = dice.rarely(6);
    let second = dice.rarely(3);
    let plan = Plan {
        unicast: dice.rarely(2),
        ipv6,
        version: if dice.rarely(5) { Some(3) } else { None },
        auth: if dice.rarely(3) { Some(dice.pick(&["PASS", "AH", "none"])) } else { None },
        interval: dice.pick(&[Some("1"), Some("1"), None, Some("0.5"), Some("2")]),
        second,
        grouped: second && dice.rarely(2),
        group_checks: dice.rarely(2),
    };
    [0, 1].map(|node| conf(&mut dice, &plan, node))
}

fn conf(dice: &mut Dice, plan: &Plan, node: usize) -> String {
    let mut text = String::new();
    if dice.rarely(4) {
        text += "# a comment with ! and \"quotes\" } {\n";
    }
    let prio = dice.pick(&["50", "100", "100", "101", "150", "150", "200", "254"]);
    let defines = dice.rarely(6);
    if defines {
        // With spaces it is no definition.
        let _ = writeln!(text, "$PRIO{}{prio}", dice.pick(&["=", " = ", "= "]));
    }
    let globals: Vec<String> = [
        plan.version.map(|version| format!("vrrp_version {version}")),
        dice.rarely(12).then(|| "vrrp_strict".to_owned()),
        dice.rarely(14).then(|| "vrrp_mcast_group4 224.0.0.19".to_owned()),
        dice.rarely(10).then(|| "vrrp_check_unicast_src".to_owned()),
        dice.rarely(10).then(|| "vrrp_skip_check_adv_addr".to_owned()),
        dice.rarely(10).then(|| "no_such_word 1".to_owned()),
        Some(format!("router_id node{node}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let _ = writeln!(text, "global_defs {{\n  {}\n}}", globals.join("\n  "));
    let late = dice.rarely(10);
    let checks = checks(dice);
    if !late {
        text += &checks;
    }
    if plan.grouped {
        text += &group(dice, plan);
    }
    text += &instance(dice, plan, node, "A", 21, if defines { "$PRIO" } else { prio });
    if plan.second {
        let name = if dice.rarely(14) { "A" } else { "B" };
        let vrid = if dice.rarely(14) { 21 } else { 22 };
        let prio = if dice.rarely(2) { prio } else { dice.pick(&["90", "120", "150"]) };
        text += &instance(dice, plan, node, name, vrid, prio);
    }
    if late {
        text += &checks;
    }
    if dice.rarely(12) {
        text = text.replace('\n', "\r\n");
    }
    text
}

fn checks(dice: &mut Dice) -> String {
    let mut text = String::new();
    for name in ["good", "bad"] {
        let weight =
            dice.pick(&["", "", "  weight 20\n", "  weight -60\n", "  weight 5 reverse\n"]);
        let command = if name == "good" { "/usr/bin/true" } else { "/usr/bin/false" };
        let _ = write!(
            text,
            "vrrp_script {name} {{\n  script \"{command}\"\n  interval 1\n{weight}}}\n"
        );
    }
    let _ = write!(
        text,
        "track_file file {{\n  file \"/run/lab/no-such-file\"\n{}}}\n",
        dice.pick(&["", "  weight 0\n", "  weight 10\n"])
    );
    text
}

fn group(dice: &mut Dice, plan: &Plan) -> String {
    let mut text = "vrrp_sync_group G {\n  group {\n    A\n    B\n  }\n".to_owned();
    if plan.group_checks {
        let _ = writeln!(
            text,
            "  track_script {{\n    {}\n  }}",
            dice.pick(&["good", "bad", "good weight 10", "bad weight -70"])
        );
    }
    if dice.rarely(4) {
        text += "  sync_group_tracking_weight\n";
    }
    text + "}\n"
}

fn instance(dice: &mut Dice, plan: &Plan, node: usize, name: &str, vrid: u8, prio: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(match dice.of(8) {
        0..=3 => Some("state BACKUP".to_owned()),
        4..=5 => Some("state MASTER".to_owned()),
        6 => None,
        _ => Some("state SLAVE".to_owned()),
    });
    lines.push("interface eth0".into());
    lines.push(format!("virtual_router_id {}", if dice.rarely(16) { vrid + 1 } else { vrid }));
    lines.extend(match dice.of(14) {
        0 => None,
        1 => Some("priority 0".to_owned()),
        2 => Some(format!("priority\u{a0}{prio}")),
        3 => Some(format!("priority {prio}x")),
        _ => Some(format!("priority {prio}")),
    });
    let interval = if dice.rarely(12) { Some("3") } else { plan.interval };
    lines.extend(interval.map(|interval| format!("advert_int {interval}")));
    if plan.unicast != dice.rarely(14) {
        let (own, other) = match (plan.ipv6, node) {
            (true, 0) => ("2001:db8::1", "2001:db8::2"),
            (true, _) => ("2001:db8::2", "2001:db8::1"),
            (false, 0) => ("192.0.2.1", "192.0.2.2"),
            (false, _) => ("192.0.2.2", "192.0.2.1"),
        };
        let length = if plan.ipv6 { "/64" } else { "/24" };
        // Without it the source of IPv6 is a link-local address, which no peer is told.
        if plan.ipv6 || !dice.rarely(4) {
            lines.push(format!("unicast_src_ip {own}{}", if dice.rarely(8) { length } else { "" }));
        }
        let other = if dice.rarely(12) { "192.0.2.99" } else { other };
        if dice.rarely(3) {
            lines.push(format!(
                "unicast_peer {{ {other}{} }}",
                if dice.rarely(6) { length } else { "" }
            ));
        } else {
            lines.push(format!("unicast_peer {{\n    {other}\n    192.0.2.77\n  }}"));
        }
        if dice.rarely(12) {
            lines.push("check_unicast_src".into());
        }
    }
    if let Some(kind) = plan.auth {
        let pass = match dice.of(6) {
            0 => String::new(),
            1 => "    auth_pass secret-and-long\n".to_owned(),
            2 => "    auth_pass secret-and-longer\n".to_owned(),
            _ => "    auth_pass secret\n".to_owned(),
        };
        lines.push(format!("authentication {{\n    auth_type {kind}\n{pass}  }}"));
    }
    if dice.rarely(5) {
        lines.push(dice.pick(&["nopreempt", "preempt_delay 1", "preempt"]).into());
    }
    if dice.rarely(10) {
        lines.push(format!("version {}", dice.pick(&[2, 3, 4])));
    }
    if dice.rarely(14) {
        lines.push("strict_mode on".into());
    }
    if dice.rarely(12) {
        lines.push("no_such_word 7".into());
    }
    if dice.rarely(18) {
        lines.push("no_such_block {\n    priority 240\n  }".into());
    }
    lines.push(addresses(dice, plan, vrid));
    if dice.rarely(5) {
        lines.push(
            "virtual_ipaddress_excluded {\n    192.0.2.30/24\n    2001:db8::30/64\n  }"
                .replace("30", &vrid.to_string()),
        );
    }
    for (block, entries) in [
        (
            "track_script",
            &[
                "good",
                "bad",
                "good weight 15",
                "bad weight -80",
                "bad weight 30 reverse",
                "good weight 0 reverse",
                "missing",
            ][..],
        ),
        (
            "track_interface",
            &[
                "eth1",
                "eth1 weight 20",
                "eth1 weight -20",
                "eth0 weight 40",
                "eth1 weight 10 reverse",
            ][..],
        ),
        ("track_file", &["file", "file weight 3", "file weight 0", "missing"][..]),
    ] {
        if dice.rarely(4) {
            lines.push(format!("{block} {{\n    {}\n  }}", dice.pick(entries)));
        }
    }
    if dice.rarely(10) {
        // Everything glued, and the order of lines as it comes.
        lines.reverse();
        return format!("vrrp_instance {name}{{\n  {}}}\n", lines.join("\n  "));
    }
    format!("vrrp_instance {name} {{\n  {}\n}}\n", lines.join("\n  "))
}

fn addresses(dice: &mut Dice, plan: &Plan, vrid: u8) -> String {
    let first =
        if plan.ipv6 { format!("2001:db8::1{vrid}/64") } else { format!("192.0.2.1{vrid}/24") };
    let mut lines =
        vec![format!("{first}{}", dice.pick(&["", "", " dev eth0", " dev eth1", " label eth0:1"]))];
    if plan.ipv6 {
        lines[0] = first;
    }
    if dice.rarely(6) {
        lines.push(if plan.ipv6 {
            format!("192.0.2.6{vrid}/24")
        } else {
            format!("2001:db8::6{vrid}/64")
        });
    }
    if dice.rarely(5) {
        lines.push(if plan.ipv6 {
            format!("2001:db8::7{vrid}")
        } else {
            format!("192.0.2.7{vrid}")
        });
    }
    if dice.rarely(10) && !plan.ipv6 {
        lines.push(format!("192.0.2.8{vrid} label eth0:far-too-long-a-label"));
    }
    format!("virtual_ipaddress {{\n    {}\n  }}", lines.join("\n    "))
}
