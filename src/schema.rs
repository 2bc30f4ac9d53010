//! The JSON Schema of the inventory, for editors (draft 2020-12).
//!
//! All of it comes from the declarations that read an inventory, as far as a schema can say it: it never refuses what
//! `check` takes.

use serde_json::{Map, Value, json};

use crate::inventory::language;
use crate::language::shape::{Keys, List, Shape, Text};

/// The schema.
pub fn inventory() -> Value {
    let mut definitions = Map::new();
    let mut root = of(&language(), &mut definitions);
    // The root stands where a reader looks first, not among the definitions.
    if let Some(name) = root["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        root = definitions.remove(name).unwrap_or_default();
    }
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("lbgen inventory"));
    schema.extend(root.as_object().cloned().unwrap_or_default());
    schema.insert("$defs".into(), Value::Object(definitions));
    Value::Object(schema)
}

/// The schema of a file that an inventory includes: it names no datacenter, and what it leaves out another file may have.
pub fn included() -> Value {
    let mut schema = inventory();
    schema["title"] = json!("lbgen inventory, an included file");
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.remove("datacenter");
    }
    let optional = |definition: &mut Value| {
        if let Some(map) = definition.as_object_mut() {
            map.remove("required");
        }
    };
    optional(&mut schema);
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        definitions.values_mut().for_each(optional);
    }
    schema
}

fn of(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Text(rule) => text(rule),
        Shape::Words(words) => {
            json!({ "enum": words.iter().map(|word| value(word)).collect::<Vec<_>>() })
        }
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Number { from, to } => number(*from, *to),
        Shape::List(list) => array(list, definitions),
        Shape::Map { key, value } => {
            let mut item = of(value, definitions);
            // An entry without a value is the same as `{}`.
            if let Shape::Keys(keys) = &**value
                && keys.fields.iter().all(|field| !field.required)
            {
                item = json!({ "anyOf": [item, { "type": "null" }] });
            }
            let mut object = json!({ "type": "object", "additionalProperties": item });
            if let Some(pattern) = &key.pattern {
                object["propertyNames"] = json!({ "pattern": pattern });
            }
            object
        }
        Shape::Keys(keys) => {
            if !definitions.contains_key(keys.name) {
                definitions.insert(keys.name.into(), Value::Null);
                let definition = object(keys, definitions);
                definitions.insert(keys.name.into(), definition);
            }
            json!({ "$ref": format!("#/$defs/{}", keys.name) })
        }
        Shape::Either(one, other) => {
            json!({ "anyOf": [of(one, definitions), of(other, definitions)] })
        }
    }
}

/// A word as a reader of YAML takes it.
fn value(word: &str) -> Value {
    match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        word => json!(word),
    }
}

fn object(keys: &Keys, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in &keys.fields {
        let mut value = of(&(field.shape)(), definitions);
        value["description"] = json!(field.about);
        properties.insert(field.name.into(), value);
        if field.required {
            required.push(field.name);
        }
    }
    json!({
        "description": keys.about,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn array(list: &List, definitions: &mut Map<String, Value>) -> Value {
    let mut array = json!({ "type": "array", "items": of(&list.item, definitions) });
    if list.unique {
        array["uniqueItems"] = json!(true);
    }
    if list.nonempty {
        array["minItems"] = json!(1);
    }
    array
}

/// `1.31` and `no` are taken as the text that was written. A pattern holds for strings; a number or a boolean is looked
/// at by `check`.
fn text(rule: &Text) -> Value {
    let types =
        if rule.is_string { json!("string") } else { json!(["string", "number", "boolean"]) };
    let mut text = json!({ "type": types });
    if let Some(pattern) = &rule.pattern {
        text["pattern"] = json!(pattern);
    }
    text
}

/// A whole number, or its digits in quotes.
fn number(from: u64, to: u64) -> Value {
    json!({
        "type": ["integer", "string"],
        "minimum": from,
        "maximum": to,
        "pattern": "^(0x[0-9A-Fa-f]+|0|[1-9][0-9]*)$",
    })
}
