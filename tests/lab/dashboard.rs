//! The dashboard as a picture: each panel's query asked of the lab's Prometheus and drawn at the panel's place, for people to look
//! at where there is no Grafana.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::lab::Lab;

/// Pixels of a column and a row of Grafana's grid.
const GRID: [f64; 2] = [50.0, 30.0];

const COLOURS: [&str; 6] = ["#3274d9", "#e0752d", "#56a64b", "#a352cc", "#e02f44", "#b8870b"];

/// A question to Prometheus' API: `query` or `query_range` (<https://prometheus.io/docs/prometheus/latest/querying/api/>).
pub fn query(lab: &Lab, kind: &str, parameters: &[(&str, &str)]) -> Value {
    let mut command = "curl -sG".to_owned();
    for (name, value) in parameters {
        let _ = write!(command, " --data-urlencode '{name}={value}'");
    }
    let said = lab.gateway.sh(&format!("{command} http://127.0.0.1:9090/api/v1/{kind}"));
    let answer: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(answer["status"], "success", "{parameters:?}: {answer}");
    answer
}

/// The panels of a dashboard over the last minutes, as SVG. A panel without data is an error.
pub fn picture(lab: &Lab, dashboard: &str, age: Duration) -> String {
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let now = query(lab, "query", &[("query", "time()")])["data"]["result"][0].as_f64().unwrap();
    let (start, span) = (now - age.as_secs_f64(), age.as_secs_f64());
    let mut svg = String::new();
    let mut bottom = 0.0_f64;
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        let place = |key: &str| panel["gridPos"][key].as_f64().unwrap();
        let (x, y) = (place("x") * GRID[0], place("y") * GRID[1]);
        let (width, height) = (place("w") * GRID[0], place("h") * GRID[1]);
        bottom = bottom.max(y + height);
        let target = &panel["targets"][0];
        let answer = query(
            lab,
            "query_range",
            &[
                ("query", target["expr"].as_str().unwrap()),
                ("start", &start.to_string()),
                ("end", &now.to_string()),
                ("step", "1"),
            ],
        );
        let series = answer["data"]["result"].as_array().unwrap();
        assert!(!series.is_empty(), "{title} shows nothing");
        let _ = writeln!(
            svg,
            "<rect x='{x}' y='{y}' width='{width}' height='{height}' fill='none' stroke='#ccc'/><text x='{}' y='{}' font-weight='bold'>{title}</text>",
            x + 8.0,
            y + 16.0
        );
        let samples = |one: &Value| -> Vec<(f64, f64)> {
            let all = one["values"].as_array().unwrap().iter();
            all.map(|pair| (pair[0].as_f64().unwrap(), pair[1].as_str().unwrap().parse().unwrap()))
                .collect()
        };
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
        let steps = steps.map_or_else(Vec::new, Clone::clone);
        let is_lines = panel["type"] == "timeseries";
        let most = series.iter().flat_map(samples).map(|(_, value)| value).fold(1.0, f64::max);
        let (left, top) = (x + if is_lines { 30.0 } else { 200.0 }, y + 24.0);
        let (wide, high) = (x + width - left - 10.0, height - 32.0);
        let across = |at: f64| left + (at - start) / span * wide;
        for (index, one) in series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let name = legend(target["legendFormat"].as_str().unwrap(), &one["metric"]);
            if is_lines {
                let points: String = samples(one)
                    .iter()
                    .map(|(at, value)| {
                        format!("{:.1},{:.1} ", across(*at), top + high - value / most * high)
                    })
                    .collect();
                let _ = writeln!(
                    svg,
                    "<polyline points='{points}' fill='none' stroke='{colour}'/><text x='{}' y='{}' fill='{colour}'>{name}</text>",
                    left + 8.0,
                    top + 14.0 * (index + 1) as f64
                );
                continue;
            }
            let row = high / series.len() as f64;
            let at = top + row * index as f64;
            let _ =
                writeln!(svg, "<text x='{}' y='{}'>{name}</text>", x + 8.0, at + row * 0.6 + 3.0);
            for (time, value) in samples(one) {
                let mut reached = steps
                    .iter()
                    .filter(|step| step["value"].as_f64().is_none_or(|from| value >= from));
                let colour = reached.next_back().unwrap()["color"].as_str().unwrap();
                let _ = write!(
                    svg,
                    "<rect x='{:.1}' y='{:.1}' width='{:.1}' height='{:.1}' fill='{colour}'/>",
                    across(time),
                    at + row * 0.1,
                    wide / span + 0.3,
                    row * 0.8
                );
            }
            svg.push('\n');
        }
        if is_lines {
            let _ = writeln!(svg, "<text x='{}' y='{}'>{most}</text>", x + 8.0, top + 10.0);
        }
    }
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='1200' height='{bottom}' font-family='sans-serif' font-size='12'><rect width='100%' height='100%' fill='white'/>\n{svg}</svg>\n"
    )
}

/// `{{vip}} on {{node}}` with the labels of a series.
fn legend(format: &str, labels: &Value) -> String {
    labels.as_object().unwrap().iter().fold(format.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), value.as_str().unwrap())
    })
}
