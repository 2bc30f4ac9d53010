//! The dashboard of Grafana: who holds what, how even that is, checks, moves, alerts.

use serde_json::{Value, json};

use crate::bundle::{sha256, short};
use crate::plan::MonitoringPlan;

/// As Grafana's schema 39 has it (Grafana 11).
pub(super) fn dashboard(plan: &MonitoringPlan, header: &str) -> Value {
    let own = format!("datacenter=\"{}\"", plan.datacenter);
    let most = plan.vips.len().div_ceil(plan.nodes.len().max(1));
    let panels = [
        panel(
            "Alerts",
            "stat",
            &format!(
                "count by (alertname) (ALERTS{{alertname=~\"Lbgen.+\", alertstate=\"firing\", {own}}})"
            ),
            "{{alertname}}",
            [0, 0, 24, 4],
            FIRING,
        ),
        panel(
            "Holder of each VIP",
            "state-timeline",
            &format!("lbgen:vip_held{{{own}}} == 1"),
            "{{vip}} on {{node}}",
            [0, 4, 24, 12],
            WELL,
        ),
        panel(
            &format!("VIPs of each node (even: {most})"),
            "timeseries",
            &format!("sum by (node) (lbgen:vip_held{{{own}}})"),
            "{{node}}",
            [0, 16, 12, 8],
            &[],
        ),
        panel(
            "Moves of VIPs in ten minutes",
            "timeseries",
            &format!("sum by (vip) (changes(lbgen:vip_held{{{own}}}[10m])) / 2 > 0"),
            "{{vip}}",
            [12, 16, 12, 8],
            &[],
        ),
        panel(
            "Checks",
            "state-timeline",
            &format!("lbgen:check_healthy{{{own}}}"),
            "{{entrypoint}} on {{node}}",
            [0, 24, 12, 8],
            WELL,
        ),
        panel(
            "Nodes",
            "state-timeline",
            &format!(
                "lbgen:keepalived_up{{{own}}} - on (datacenter, node) (lbgen:drained{{{own}}} or 0 * lbgen:keepalived_up{{{own}}}) / 2"
            ),
            "{{node}}",
            [12, 24, 12, 8],
            WELL,
        ),
    ];
    let panels: Vec<Value> = panels
        .into_iter()
        .enumerate()
        .map(|(index, mut panel)| {
            panel["id"] = json!(index + 1);
            panel
        })
        .collect();
    json!({
        // The first key, where a file of ours says so.
        "__lbgen": header,
        "title": format!("Front end of {}", plan.datacenter),
        "uid": uid(plan.datacenter.as_str()),
        "tags": ["lbgen"],
        "schemaVersion": 39,
        "editable": false,
        "refresh": "30s",
        "time": { "from": "now-6h", "to": "now" },
        "templating": { "list": [{
            "name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus",
        }] },
        "panels": panels,
    })
}

/// Grafana takes 40 characters (its `util.MaxUIDLength`).
fn uid(datacenter: &str) -> String {
    const MOST: usize = 40;
    let uid = format!("lbgen-{datacenter}");
    match uid.len() {
        0..=MOST => uid,
        _ => format!("lbgen-{}", short(&sha256(datacenter.as_bytes()))),
    }
}

/// Colours from a value on, the lowest first.
type Colours = &'static [(Option<f64>, &'static str)];

/// 0 is down, and half of 1 drained.
const WELL: Colours = &[(None, "red"), (Some(0.5), "yellow"), (Some(1.0), "green")];
const FIRING: Colours = &[(None, "green"), (Some(1.0), "red")];

/// `place` is the column, the row, the width and the height, of 24 columns. Without colours each series has its own.
fn panel(
    title: &str,
    kind: &str,
    expr: &str,
    legend: &str,
    place: [u32; 4],
    colours: Colours,
) -> Value {
    let [x, y, w, h] = place;
    let source = json!({ "type": "prometheus", "uid": "${source}" });
    let steps = colours.iter().map(|(value, color)| json!({ "color": color, "value": value }));
    let defaults = match colours {
        [] => json!({ "color": { "mode": "palette-classic" } }),
        _ => json!({
            "color": { "mode": "thresholds" },
            "thresholds": { "mode": "absolute", "steps": steps.collect::<Vec<_>>() },
            "noValue": "none",
        }),
    };
    json!({
        "title": title,
        "type": kind,
        "fieldConfig": { "defaults": defaults, "overrides": [] },
        "datasource": source,
        "gridPos": { "x": x, "y": y, "w": w, "h": h },
        "targets": [{ "refId": "A", "datasource": source, "expr": expr, "legendFormat": legend }],
    })
}
