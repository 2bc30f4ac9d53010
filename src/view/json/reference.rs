//! The page of the documents: every key, from the schemas.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::{COMMANDS, Command};

/// The named parts of a schema.
const DEFINITIONS: &str = "#/$defs/";

/// A table of keys for every document of every command, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(INTRODUCTION);
    for command in COMMANDS {
        Page { schema: command.schema().into(), seen: BTreeSet::new() }.write(command, &mut text);
    }
    text
}

const INTRODUCTION: &str = "# JSON

Made from the types by `UPDATE_DOCS=1 cargo test --test json`; `schema/COMMAND.json` has the same for programs.

Every document has `version`, which is 1. Keys are added to it; a key that goes or means something else raises the number. The text for people may change at
any time.

A command that an inventory with errors stops prints the document of `check`. For a fleet a command prints `{ \"version\": 1, \"datacenters\": [...] }`: one
document for each datacenter, in the order of the files, without `version` and with `datacenter`, its name; `{ \"datacenter\", \"error\" }` where the command
could not be done, and of `render` `{ \"datacenter\", \"written\": false }` where another datacenter has errors.
";

/// The part of the page about one command.
struct Page {
    schema: Value,
    /// The named parts that were written.
    seen: BTreeSet<String>,
}

impl Page {
    fn write(&mut self, command: &Command, text: &mut String) {
        let _ = write!(text, "\n## `lbgen {} --format json`\n", command.name);
        let forms = self.schema["anyOf"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = forms.iter().filter_map(referred).collect();
        let is_told = |name: &String| command.name == "check" || name != "DiagnosticsDocument";
        for name in names.into_iter().filter(is_told) {
            self.part(&name, text);
        }
    }

    /// A named part, and those that it refers to.
    fn part(&mut self, name: &str, text: &mut String) {
        if !self.seen.insert(name.to_owned()) {
            return;
        }
        let part = self.schema["$defs"][name].clone();
        let _ = write!(text, "\n### {}\n", title(name));
        if let Some(about) = about(&part) {
            let _ = write!(text, "\n{about}\n");
        }
        let mut next = Vec::new();
        for form in forms(&part) {
            form_of_several(form, &part, text);
            table(form, &mut next, text);
        }
        for name in next {
            self.part(&name, text);
        }
    }
}

/// The head of one of several alternatives.
fn form_of_several(form: &Value, part: &Value, text: &mut String) {
    if form == part {
        return;
    }
    let word = form.get("const").or_else(|| form["properties"]["kind"].get("const"));
    let word = word.and_then(Value::as_str).map(|word| format!("`{word}`: ")).unwrap_or_default();
    if let Some(about) = about(form) {
        let _ = write!(text, "\n{word}{about}\n");
    }
}

/// The alternatives of a part, or the part itself.
fn forms(part: &Value) -> Vec<&Value> {
    let alternatives = ["oneOf", "anyOf"].into_iter().find_map(|key| part[key].as_array());
    match alternatives {
        Some(forms) => forms.iter().collect(),
        None => vec![part],
    }
}

fn table(form: &Value, next: &mut Vec<String>, text: &mut String) {
    let Some(keys) = form["properties"].as_object() else {
        next.extend(referred(form));
        return;
    };
    text.push_str("\n| key | value | |\n| --- | --- | --- |\n");
    for (key, value) in keys.iter().filter(|(key, _)| *key != "version") {
        let required = form["required"].as_array();
        let is_there = required.is_some_and(|keys| keys.iter().any(|there| there == key));
        let optional = if is_there { "" } else { ", or no key" };
        let _ = writeln!(
            text,
            "| `{key}` | {}{optional} | {} |",
            kind(value, next).trim_end_matches(if is_there { "" } else { " or null" }),
            about(value).unwrap_or_default()
        );
    }
}

/// The kind of a value, in words; the named parts in it come next.
fn kind(value: &Value, next: &mut Vec<String>) -> String {
    if let Some(name) = referred(value) {
        let said = format!("[{}](#{})", title(&name), title(&name).to_lowercase());
        next.push(name);
        return said;
    }
    if let Some(constant) = value.get("const") {
        return format!("`{}`", constant.as_str().map_or(constant.to_string(), str::to_owned));
    }
    if let Some(words) = value["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(quoted).collect();
        return words.join(", ");
    }
    let alternatives = ["oneOf", "anyOf"].into_iter().find_map(|key| value[key].as_array());
    if let Some(forms) = alternatives {
        let kinds: Vec<String> = forms.iter().map(|form| kind(form, next)).collect();
        return kinds.join(" or ");
    }
    let one = |word: &str, next: &mut Vec<String>| match word {
        "array" => format!("list of {}", kind(&value["items"], next)),
        "object" if value["additionalProperties"].is_object() => {
            format!("names, each with {}", kind(&value["additionalProperties"], next))
        }
        "string" => "text".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "true or false".to_owned(),
        word => word.to_owned(),
    };
    match &value["type"] {
        Value::String(word) => one(word, next),
        Value::Array(words) => {
            let words: Vec<String> =
                words.iter().filter_map(Value::as_str).map(|word| one(word, next)).collect();
            words.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn quoted(word: &str) -> String {
    format!("`{word}`")
}

fn referred(value: &Value) -> Option<String> {
    value["$ref"].as_str()?.strip_prefix(DEFINITIONS).map(str::to_owned)
}

fn about(value: &Value) -> Option<String> {
    value["description"].as_str().map(|about| about.replace('\n', " "))
}

/// `DiffDocument` is the whole of it.
fn title(name: &str) -> &str {
    name.strip_suffix("Document").unwrap_or(name)
}
