//! A page that shows a datacenter: one HTML file with its own style and script, that asks nothing from outside.

mod change;
mod holder;
mod index;
mod known;
mod page;
mod route;
mod served;

pub use change::Change;
pub use index::{Index, IndexRow};
pub use page::Page;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../../templates/report/style.css");
/// One program: a scope of its own around its parts.
const SCRIPT: &str = concat!(
    "'use strict';\n(() => {\n",
    include_str!("../../templates/report/election.js"),
    include_str!("../../templates/report/answer.js"),
    include_str!("../../templates/report/picture.js"),
    include_str!("../../templates/report/table.js"),
    include_str!("../../templates/report/page.js"),
    "})();\n"
);

/// The templates: text is escaped.
fn environment() -> anyhow::Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, text) in [
        ("page", include_str!("../../templates/report/page.html")),
        ("index", include_str!("../../templates/report/index.html")),
    ] {
        environment.add_template(name, text).with_context(|| format!("template {name}"))?;
    }
    Ok(environment)
}

/// As a Content-Security-Policy names an inline style or script (CSP Level 3, hash-source).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

impl Page {
    /// The beginning of every page.
    pub const BEGINS: &str = "<!DOCTYPE html>";

    /// The page of a datacenter.
    pub fn html(&self) -> anyhow::Result<String> {
        let environment = environment()?;
        let template = environment.get_template("page")?;
        let html = template.render(context! {
            datacenter => &self.datacenter,
            counts => self.counts(),
            versions => &self.versions,
            source => &self.source,
            commit => &self.commit,
            version => env!("CARGO_PKG_VERSION"),
            has_alerts => !self.alerts.is_empty(),
            has_change => self.change.is_some(),
            style => STYLE, style_hash => hash(STYLE),
            script => SCRIPT, script_hash => hash(SCRIPT),
            data => self.json()?,
        });
        html.context("the page of the report")
    }

    /// The data in a `script` element: nothing in it ends that, or begins a comment (HTML, "restrictions for contents of
    /// script elements").
    fn json(&self) -> anyhow::Result<String> {
        let json = serde_json::to_string(self)?;
        Ok(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
    }
}
