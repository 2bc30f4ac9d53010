//! Rules, and their unit tests, as Prometheus takes them: promtool decides.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use rayon::prelude::*;
use support::node::{nodes, on_node};
use support::{
    code, examples_of_one_file, inventory, lbgen, lbgen_in, random, root, stderr, stdout,
};

/// The forms of metrics.
const FORMS: [&str; 2] = ["textfile", "keepalived_exporter"];

fn promtool(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("promtool").args(arguments).current_dir(folder).output().expect("promtool")
}

/// The folder with the rules of an inventory that is watched; `None` where it is not valid.
fn rendered(work: &Path, text: &str, form: &str) -> Option<PathBuf> {
    let path = work.join("inventory.yaml");
    // An example that is watched already has it at its end.
    let text = text.split("\nmonitoring:").next()?;
    fs::write(&path, format!("{text}\nmonitoring: {{ metrics: {form} }}\n")).unwrap();
    let done = lbgen_in(work, &["render", "-q"]);
    let bundle = || fs::read_dir(work.join("out")).unwrap().next().unwrap().unwrap().path();
    (code(&done) == 0).then(|| bundle().join("monitoring"))
}

/// The same of an example, with the files that it includes.
fn of_example(work: &Path, example: &str, form: &str) -> Option<PathBuf> {
    let path = inventory(example);
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs::copy(entry.path(), work.join(entry.file_name())).unwrap();
        }
    }
    rendered(work, &fs::read_to_string(path).unwrap(), form)
}

fn must_pass(rules: &Path) {
    for command in [["check", "rules", "rules.yaml"], ["test", "rules", "rules.test.yaml"]] {
        let done = promtool(rules, &command);
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success(), "{command:?}: {said}{}", stderr(&done));
    }
}

#[test]
#[ignore = "needs promtool; run tests/run"]
fn every_example() {
    let jobs: Vec<(String, &str)> = examples_of_one_file()
        .into_iter()
        .flat_map(|example| FORMS.map(|form| (example.clone(), form)))
        .collect();
    jobs.par_iter().for_each(|(example, form)| {
        let work = tempfile::tempdir().unwrap();
        let rules = of_example(work.path(), example, form)
            .unwrap_or_else(|| panic!("{example} is not valid"));
        must_pass(&rules);
    });
}

#[test]
#[ignore = "needs promtool; run tests/run"]
fn random_inventories() {
    let mut runner = TestRunner::deterministic();
    let texts: Vec<String> =
        std::iter::repeat_with(|| random::fleet().new_tree(&mut runner).unwrap().current().text())
            .take(70)
            .collect();
    let tested: usize = texts
        .par_iter()
        .enumerate()
        .map(|(index, text)| {
            let work = tempfile::tempdir().unwrap();
            let Some(rules) = rendered(work.path(), text, FORMS[index % 2]) else { return 0 };
            must_pass(&rules);
            1
        })
        .sum();
    assert!(tested >= 50, "{tested} inventories were valid");
}

/// Nodes of every example write metrics that Prometheus takes, also while no daemon runs.
#[test]
#[ignore = "needs promtool, iproute2 and root; run tests/run"]
fn metrics_of_every_example() {
    for example in examples_of_one_file() {
        let work = tempfile::tempdir().unwrap();
        let rules = of_example(work.path(), &example, "textfile").unwrap();
        for node in nodes(rules.parent().unwrap()) {
            if !node.join("usr/local/libexec/lbgen/metrics").exists() {
                continue;
            }
            let done = on_node(
                &node,
                "mount -t tmpfs tmpfs /var/lib/prometheus
                mkdir /var/lib/prometheus/node-exporter
                /usr/local/libexec/lbgen/metrics
                promtool check metrics </var/lib/prometheus/node-exporter/lbgen.prom
                cat /var/lib/prometheus/node-exporter/lbgen.prom",
            );
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(done.status.success(), "{example}: {said}{}", stderr(&done));
            assert!(said.contains("lbgen_keepalived_up{"), "{example}: {said}");
        }
    }
}

/// A test that cannot fail tests nothing: without an alert, or with another wait, some test fails.
#[test]
#[ignore = "needs promtool; run tests/run"]
fn a_change_of_a_rule_fails() {
    let work = tempfile::tempdir().unwrap();
    let rules = of_example(work.path(), "seed", "textfile").unwrap();
    let text = fs::read_to_string(rules.join("rules.yaml")).unwrap();
    let names: BTreeSet<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(names.len(), 13, "{names:?}");
    for name in names {
        let renamed = text.replace(&format!("alert: {name}\n"), "alert: Another\n");
        fs::write(rules.join("rules.yaml"), renamed).unwrap();
        let done = promtool(&rules, &["test", "rules", "rules.test.yaml"]);
        assert!(!done.status.success(), "nothing tests {name}");
    }
    for (from, to) in [
        ("for: 1m", "for: 1h"),
        ("for: 10m", "for: 1m"),
        ("unless on (datacenter, vip)", "and on (datacenter, vip)"),
        ("> 1)", "> 2)"),
        (" >= 6", " >= 7"),
        ("> 3600", "> 36000"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(rules.join("rules.yaml"), text.replace(from, to)).unwrap();
        let done = promtool(&rules, &["test", "rules", "rules.test.yaml"]);
        assert!(!done.status.success(), "nothing tests {from}");
    }
}

/// A rollout that begins while an alert fires may be the repair: the alert goes on, once. One that begins before makes it wait.
#[test]
#[ignore = "needs promtool; run tests/run"]
fn a_page_goes_on_when_a_rollout_begins() {
    let work = tempfile::tempdir().unwrap();
    let rules = of_example(work.path(), "seed", "textfile").unwrap();
    let text = fs::read_to_string(rules.join("rules.yaml")).unwrap();
    let planned = text.split("record: lbgen:node_planned").nth(1).unwrap();
    let label = |name: &str| {
        let value = planned.split(&format!("{name}: ")).nth(1).unwrap();
        value.split_whitespace().next().unwrap().to_owned()
    };
    let own = format!("datacenter=\"{}\",node=\"{}\"", label("datacenter"), label("node"));
    let claimed = |values: &str| {
        format!(
            "  - interval: 1m
    input_series:
      - {{ series: 'lbgen_keepalived_up{{{own}}}', values: '0x30' }}
      - {{ series: 'lbgen_report_timestamp_seconds{{{own}}}', values: '0+60x30' }}
      - {{ series: 'lbgen_rollout_claimed_timestamp_seconds{{{own}}}', values: '{values}' }}
    promql_expr_test:
"
        )
    };
    let look = |minute: usize, samples: &str| {
        format!(
            "      - {{ expr: 'count by (during) (ALERTS{{alertname=\"LbgenKeepalivedDown\", alertstate=\"firing\"}})', eval_time: {minute}m, exp_samples: [{samples}] }}\n"
        )
    };
    let [alone, during] =
        ["{ labels: '{}', value: 1 }", "{ labels: '{during=\"rollout\"}', value: 1 }"];
    let tests = [
        claimed("0x9 600x20"),
        look(9, alone),
        look(11, alone),
        look(25, alone),
        claimed("0 60x29"),
        look(9, ""),
        look(25, during),
    ];
    let tests =
        format!("rule_files: [rules.yaml]\nevaluation_interval: 1m\ntests:\n{}", tests.concat());
    fs::write(rules.join("rules.test.yaml"), tests).unwrap();
    must_pass(&rules);
}

/// The configurations of docs/monitoring.md are taken, its commands work, and each severity finds its receiver.
#[test]
#[ignore = "needs promtool, amtool and root; run tests/run"]
fn the_page_for_debian_works() {
    let work = tempfile::tempdir().unwrap();
    rendered(work.path(), &fs::read_to_string(inventory("seed")).unwrap(), "textfile").unwrap();
    let bundle = fs::read_dir(work.path().join("out")).unwrap().next().unwrap().unwrap().path();
    fs::rename(bundle, work.path().join("out/eu1")).unwrap();
    let page = fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    let blocks = |kind: &'static str| {
        let opening = format!("```{kind}\n");
        let found = page.split(opening.as_str()).skip(1);
        found.map(|block| block.split("```").next().unwrap()).collect::<Vec<&str>>()
    };
    let mut written = 0;
    for block in blocks("yaml") {
        let Some(path) = block.lines().next().unwrap().strip_prefix("# /etc/prometheus/") else {
            continue;
        };
        fs::write(work.path().join(path), block).unwrap();
        written += 1;
    }
    assert_eq!(written, 2);
    let is_run = |line: &&str| !line.starts_with("apt ") && !line.starts_with("systemctl ");
    let commands: Vec<&str> =
        blocks("sh").iter().flat_map(|block| block.lines()).filter(is_run).collect();
    assert_eq!(commands.len(), 5, "{commands:?}");
    let script = format!(
        "set -eu; mount -t tmpfs tmpfs /etc/prometheus; cp *.yml /etc/prometheus
        {}
        for severity in critical warning; do
            amtool config routes test --config.file /etc/prometheus/alertmanager.yml alertname=LbgenVipUnheld severity=$severity
        done",
        commands.join("\n")
    );
    let done = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .current_dir(work.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", stderr(&done));
    assert!(said.contains(" rules found"), "{said}");
    assert!(said.ends_with("page\nday\n"), "{said}");
}

/// docs/alerts.md has a section for each alert, and for no other.
#[test]
fn every_alert_has_a_runbook() {
    let work = tempfile::tempdir().unwrap();
    let rules = of_example(work.path(), "seed", "textfile").unwrap();
    let text = fs::read_to_string(rules.join("rules.yaml")).unwrap();
    let names: BTreeSet<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let page = fs::read_to_string(root().join("docs/alerts.md")).unwrap();
    let sections: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("## Lbgen").map(|_| &line[3..])).collect();
    assert_eq!(names, sections);
}

#[test]
fn settings_that_nothing_uses_are_named() {
    let starter = stdout(&lbgen(&["init", "-"]));
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.yaml");
    for (settings, said) in [
        (
            "{ metrics: none, directory: /srv/metrics }",
            "the nodes write no metrics into a directory",
        ),
        ("{ rules: none, labels: { team: web } }", "there are no alerts to label"),
    ] {
        fs::write(&inventory, format!("{starter}\nmonitoring: {settings}\n")).unwrap();
        let done = lbgen(&["check", inventory.to_str().unwrap()]);
        let found = stderr(&done);
        assert!(found.contains("LB211") && found.contains(said), "{settings}: {found}");
    }
}
