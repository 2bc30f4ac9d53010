//! The fate of every directive of keepalived.conf(5): carried, done in another way, or left behind. A directive that is
//! not in these lists is left behind, and that is said.

use super::codes;
use super::finding::Findings;
use crate::state::Statement;

enum Fate {
    /// The inventory says the same, or its value is read elsewhere.
    Carried,
    /// lbgen does it in another way.
    Otherwise(&'static str),
    /// Nothing does it any more.
    Lost(&'static str),
}

use Fate::{Carried, Lost, Otherwise};

const OWN_GLOBALS: &str = "lbgen writes its own `global_defs`";
const NO_MAIL: &str =
    "let your monitoring watch the nodes; `notify` runs a command on every transition";

const TOP: &[(&str, Fate)] = &[
    ("global_defs", Carried),
    ("vrrp_instance", Carried),
    ("vrrp_script", Carried),
    ("vrrp_track_process", Carried),
    ("track_process", Carried),
    ("track_file", Carried),
    ("vrrp_track_file", Carried),
    (
        "vrrp_sync_group",
        Otherwise("instances that move together are one VIP, with `extra_addresses`"),
    ),
    (
        "virtual_server",
        Lost(
            "lbgen has no LVS: keep it in a keepalived of its own, or let a proxy on the nodes do it (`host`)",
        ),
    ),
    (
        "virtual_server_group",
        Lost(
            "lbgen has no LVS: keep it in a keepalived of its own, or let a proxy on the nodes do it (`host`)",
        ),
    ),
    ("static_ipaddress", Lost("let the network configuration of the node set it")),
    ("static_routes", Lost("let the network configuration of the node set them")),
    ("static_rules", Lost("let the network configuration of the node set them")),
];

const GLOBAL: &[(&str, Fate)] = &[
    ("vrrp_version", Carried),
    ("vrrp_garp_master_delay", Carried),
    ("vrrp_garp_master_repeat", Carried),
    ("vrrp_garp_master_refresh", Carried),
    ("vrrp_garp_master_refresh_repeat", Carried),
    ("vrrp_rt_priority", Carried),
    ("vrrp_no_swap", Carried),
    ("vrrp_rlimit_rttime", Otherwise("lbgen sets it to a second beside `rt_priority`")),
    ("default_interface", Carried),
    ("router_id", Otherwise("lbgen sets it to the node's name")),
    ("lvs_id", Otherwise("lbgen sets `router_id` to the node's name")),
    (
        "script_user",
        Otherwise(
            "lbgen's keepalived starts scripts as root, and each becomes the user that the inventory names",
        ),
    ),
    ("enable_script_security", Otherwise(OWN_GLOBALS)),
    (
        "reload_check_config",
        Otherwise(
            "from keepalived 2.3.4 on it makes every reload do nothing; lbgen's rollout runs the test itself",
        ),
    ),
    ("vrrp_check_unicast_src", Otherwise("adverts go to the nodes' own addresses only")),
    ("vrrp_mcast_group4", Otherwise("adverts go to the other nodes one by one (unicast)")),
    ("vrrp_mcast_group6", Otherwise("adverts go to the other nodes one by one (unicast)")),
    ("vrrp_skip_check_adv_addr", Otherwise("lbgen advertises one address per VIP")),
    (
        "vrrp_strict",
        Otherwise("lbgen writes what the RFC asks for, and unicast, which `vrrp_strict` refuses"),
    ),
    (
        "dynamic_interfaces",
        Lost("lbgen expects the interfaces to be there before keepalived starts"),
    ),
    ("notification_email", Lost(NO_MAIL)),
    ("notification_email_from", Lost(NO_MAIL)),
    ("smtp_server", Lost(NO_MAIL)),
    ("smtp_connect_timeout", Lost(NO_MAIL)),
    ("smtp_alert", Lost(NO_MAIL)),
    ("smtp_helo_name", Lost(NO_MAIL)),
    ("email_faults", Lost(NO_MAIL)),
    ("enable_snmp_vrrp", Lost("lbgen writes no SNMP")),
    ("enable_snmp_keepalived", Lost("lbgen writes no SNMP")),
    ("enable_snmp_rfc", Lost("lbgen writes no SNMP")),
    ("enable_traps", Lost("lbgen writes no SNMP")),
];

const INSTANCE: &[(&str, Fate)] = &[
    ("interface", Carried),
    ("virtual_router_id", Carried),
    ("priority", Carried),
    ("version", Carried),
    ("advert_int", Carried),
    ("unicast_src_ip", Carried),
    ("unicast_peer", Carried),
    ("nopreempt", Carried),
    ("preempt", Carried),
    ("preempt_delay", Carried),
    ("track_script", Carried),
    ("track_process", Carried),
    ("track_file", Carried),
    ("track_interface", Carried),
    ("virtual_ipaddress", Carried),
    ("virtual_ipaddress_excluded", Carried),
    ("virtual_routes", Carried),
    ("virtual_rules", Carried),
    ("notify", Carried),
    (
        "state",
        Otherwise("every instance starts as BACKUP; the priorities decide who becomes MASTER"),
    ),
    ("mcast_src_ip", Otherwise("adverts go to the other nodes one by one (unicast)")),
    ("check_unicast_src", Otherwise("adverts go to the nodes' own addresses only")),
    (
        "authentication",
        Lost(
            "passwords of VRRPv2 protect nothing, and RFC 5798 dropped them; adverts go from node to node (unicast)",
        ),
    ),
    ("notify_master", Carried),
    ("notify_backup", Carried),
    ("notify_fault", Carried),
    ("notify_stop", Carried),
    ("smtp_alert", Lost(NO_MAIL)),
    ("garp_master_delay", Carried),
    ("garp_master_repeat", Carried),
    ("garp_master_refresh", Carried),
    ("garp_master_refresh_repeat", Carried),
    (
        "use_vmac",
        Lost(
            "VIPs stand on the node's own interfaces; the next MASTER tells its neighbours by gratuitous ARP",
        ),
    ),
    ("vmac_xmit_base", Lost("adverts leave by the node's own interface")),
    ("dont_track_primary", Otherwise("the interface of an instance is tracked")),
    ("accept", Carried),
];

const GROUP: &[(&str, Fate)] = &[
    ("group", Carried),
    ("track_script", Carried),
    ("track_process", Carried),
    ("track_file", Carried),
    ("track_interface", Carried),
    ("notify", Carried),
    ("notify_master", Carried),
    ("notify_backup", Carried),
    ("notify_fault", Carried),
    ("notify_stop", Carried),
    ("smtp_alert", Lost(NO_MAIL)),
    ("global_tracking", Otherwise("one VIP has one check, whose weight is lbgen's to choose")),
    (
        "sync_group_tracking_weight",
        Otherwise("one VIP has one check, whose weight is lbgen's to choose"),
    ),
];

const SCRIPT: &[(&str, Fate)] = &[
    ("script", Carried),
    ("interval", Carried),
    ("timeout", Carried),
    ("fall", Carried),
    ("rise", Carried),
    ("user", Carried),
    (
        "weight",
        Otherwise(
            "an unhealthy node ranks below every healthy one (`on_unhealthy: yield`), and gives its VIPs up only where the weight was 0 (`fault`)",
        ),
    ),
    ("init_fail", Otherwise("a check that has not run yet counts as well")),
];

const PROCESS: &[(&str, Fate)] =
    &[("process", Carried), ("weight", Carried), ("fork_delay", Carried), ("delay", Carried)];

/// Words of our own configurations, of which there is nothing to say.
const OWN: &[&[&str]] = &[
    &["script_user", "root"],
    &["enable_script_security"],
    &["state", "BACKUP"],
    &["vrrp_rlimit_rttime", "1000000"],
    &["weight", "0"],
];

/// Says what becomes of every directive of a node.
pub fn account(node: &str, statements: &[Statement], findings: &mut Findings) {
    for statement in statements {
        tell(statement, "", TOP, node, findings);
        let (place, list) = match statement.key() {
            "global_defs" => ("global_defs", GLOBAL),
            "vrrp_instance" => ("vrrp_instance", INSTANCE),
            "vrrp_sync_group" => ("vrrp_sync_group", GROUP),
            "vrrp_script" => ("vrrp_script", SCRIPT),
            "vrrp_track_process" | "track_process" => ("vrrp_track_process", PROCESS),
            _ => continue,
        };
        for inner in statement.inner() {
            tell(inner, place, list, node, findings);
        }
    }
}

fn tell(
    statement: &Statement,
    place: &str,
    list: &[(&str, Fate)],
    node: &str,
    findings: &mut Findings,
) {
    let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
    let is_own = OWN.contains(&words.as_slice()) || words == ["router_id", node];
    if is_own {
        return;
    }
    let key = statement.key();
    let title = match place {
        "" => format!("`{key}`"),
        place => format!("`{key}` of `{place}`"),
    };
    match list.iter().find(|(name, _)| *name == key).map(|(_, fate)| fate) {
        Some(Carried) => {}
        Some(Otherwise(how)) => {
            findings.add(
                &codes::OTHERWISE,
                statement.at,
                format!("{title} is handled differently"),
                *how,
            );
        }
        Some(Lost(instead)) => {
            findings.add(&codes::LOST, statement.at, format!("{title} is left behind"), *instead);
        }
        None => findings.add(
            &codes::LOST,
            statement.at,
            format!("{title} is left behind"),
            "an inventory has no word for it",
        ),
    }
}
