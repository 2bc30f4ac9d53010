//! Text templates: embedded, or from a folder of the user's; loops and ifs only.

use std::path::Path;

use anyhow::{Context, bail};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

/// The embedded templates, by name.
const EMBEDDED: &[(&str, &str)] = &[
    ("check", include_str!("../../templates/check")),
    ("check-entrypoint", include_str!("../../templates/check-entrypoint")),
    ("expected", include_str!("../../templates/expected")),
    ("keepalived.conf", include_str!("../../templates/keepalived.conf")),
    ("load-balancer-status", include_str!("../../templates/load-balancer-status")),
    ("loaded", include_str!("../../templates/loaded")),
    ("metrics", include_str!("../../templates/metrics")),
    ("metrics.service", include_str!("../../templates/metrics.service")),
    ("metrics.timer", include_str!("../../templates/metrics.timer")),
    ("networkd.conf", include_str!("../../templates/networkd.conf")),
    ("node.sh", include_str!("../../templates/node.sh")),
    ("node/claim.sh", include_str!("../../templates/node/claim.sh")),
    ("node/pod.sh", include_str!("../../templates/node/pod.sh")),
    ("node/seen.sh", include_str!("../../templates/node/seen.sh")),
    ("policy-routing", include_str!("../../templates/policy-routing")),
    ("policy-routing.service", include_str!("../../templates/policy-routing.service")),
    ("rollout.sh", include_str!("../../templates/rollout.sh")),
    ("rollout/cluster.sh", include_str!("../../templates/rollout/cluster.sh")),
    ("rollout/files.sh", include_str!("../../templates/rollout/files.sh")),
    ("rollout/holders.sh", include_str!("../../templates/rollout/holders.sh")),
    ("rollout/moment.sh", include_str!("../../templates/rollout/moment.sh")),
    ("rollout/nodes.sh", include_str!("../../templates/rollout/nodes.sh")),
    ("rollout/pods.sh", include_str!("../../templates/rollout/pods.sh")),
    ("rollout/options.sh", include_str!("../../templates/rollout/options.sh")),
    ("rollout/visit.sh", include_str!("../../templates/rollout/visit.sh")),
    ("sysctl.conf", include_str!("../../templates/sysctl.conf")),
    ("tmpfiles.conf", include_str!("../../templates/tmpfiles.conf")),
];

/// More than any inventory needs; a template of the user's cannot run for ever.
const FUEL: u64 = 50_000_000;

/// The templates of a run.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// The embedded templates, each replaced by the file of the same name in `folder` where there is one.
    /// A file there whose name no template has is an error.
    pub fn load(folder: Option<&Path>) -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()?;
        environment.set_syntax(syntax);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(only_text);
        environment.set_fuel(Some(FUEL));
        for (name, text) in EMBEDDED {
            environment.add_template(name, text).with_context(|| format!("template {name}"))?;
        }
        if let Some(folder) = folder {
            replace(&mut environment, folder, "")
                .with_context(|| format!("templates of {}", folder.display()))?;
        }
        Ok(Self { environment })
    }

    /// The program that runs on a node.
    pub fn node_program(&self) -> anyhow::Result<String> {
        self.render("node.sh", minijinja::context! {})
    }

    /// The text of a template.
    pub(crate) fn render(&self, name: &str, context: Value) -> anyhow::Result<String> {
        let template = self.environment.get_template(name)?;
        template.render(context).with_context(|| format!("template {name}"))
    }
}

/// Replaces the templates that have a file in a folder; `prefix` is the name of a folder below it, with a slash.
fn replace(
    environment: &mut Environment<'static>,
    folder: &Path,
    prefix: &str,
) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() && EMBEDDED.iter().any(|(known, _)| in_folder(known, &name))
        {
            replace(environment, &entry.path(), &format!("{name}/"))?;
            continue;
        }
        if !EMBEDDED.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = EMBEDDED.iter().map(|(known, _)| *known).collect();
            bail!("{name} replaces no template; they are {}", known.join(", "));
        }
        let text = std::fs::read_to_string(entry.path()).with_context(|| name.clone())?;
        environment.add_template_owned(name.clone(), text).with_context(|| name)?;
    }
    Ok(())
}

fn in_folder(template: &str, folder: &str) -> bool {
    template.strip_prefix(folder).is_some_and(|below| below.starts_with('/'))
}

/// Refuses what would print as `True` or `None` in a configuration file.
fn only_text(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Number => minijinja::escape_formatter(out, state, value),
        kind => Err(Error::new(
            ErrorKind::BadSerialization,
            format!("{kind} cannot be written into a file"),
        )),
    }
}
