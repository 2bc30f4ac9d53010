//! A keepalived.conf of ours as somebody else would have written it.

/// Files of /etc/keepalived, by name, from the one of ours.
pub type Style = fn(&str) -> Vec<(String, String)>;

fn one(text: String) -> Vec<(String, String)> {
    vec![("keepalived.conf".to_owned(), text)]
}

/// The plainest.
pub fn by_hand(conf: &str) -> Vec<(String, String)> {
    one(without_ours(conf))
}

/// With MAC addresses of VRRP.
pub fn virtual_macs(conf: &str) -> Vec<(String, String)> {
    one(each_instance(conf, "interface", "    use_vmac\n    vmac_xmit_base\n"))
}

/// Reloads are tested first, which later releases take for a reason to ignore them.
pub fn tested_reloads(conf: &str) -> Vec<(String, String)> {
    one(without_ours(conf).replacen(
        "global_defs {\n",
        "global_defs {\n    reload_check_config\n",
        1,
    ))
}

/// Instances of two VIPs go together.
pub fn sync_groups(conf: &str) -> Vec<(String, String)> {
    let text = without_ours(conf);
    let of = |vip: &str| {
        let before = &text[..text.find(vip).expect("the VIP is there")];
        let start = before.rfind("vrrp_instance ").expect("it is in an instance");
        before[start..].split_whitespace().nth(1).expect("a name")
    };
    let names = ["192.0.2.11/", "192.0.2.12/"].map(|vip| format!("        {}\n", of(vip)));
    let group =
        format!("vrrp_sync_group together {{\n    group {{\n{}    }}\n}}\n", names.concat());
    one(text.clone() + &group)
}

/// A file for each instance.
pub fn included(conf: &str) -> Vec<(String, String)> {
    let text = without_ours(conf);
    let mut parts = text.split("vrrp_instance ");
    let first = parts.next().unwrap_or_default();
    let mut files = one(format!("{first}include conf.d/*.conf\n"));
    for (index, part) in parts.enumerate() {
        files.push((format!("conf.d/{index}.conf"), format!("vrrp_instance {part}")));
    }
    files
}

/// More lines after a word of every instance.
fn each_instance(conf: &str, word: &str, more: &str) -> String {
    let mut text = String::new();
    for line in without_ours(conf).lines() {
        text += &format!("{line}\n");
        if line.starts_with("    ") && line.trim_start().split(' ').next() == Some(word) {
            text += more;
        }
    }
    text
}

/// Multicast, with a password, without a drain file.
fn without_ours(conf: &str) -> String {
    let mut text = String::from("! by hand\n");
    let mut skipped = false;
    for line in conf.lines().skip(1) {
        let word = line.trim_start();
        let blocks = ["unicast_peer {", "track_script {", "track_file ", "vrrp_script "];
        if blocks.iter().any(|block| word.starts_with(block)) {
            skipped = true;
        }
        if !skipped && !word.starts_with("unicast_src_ip") && !word.starts_with("# Drain") {
            text += &format!("{line}\n");
        }
        if word.starts_with("advert_int") {
            text +=
                "    authentication {\n        auth_type PASS\n        auth_pass secret12\n    }\n";
        }
        if word == "}" {
            skipped = false;
        }
    }
    text
}
