//! The committed schemas of `--format json`, held against real documents by a validator that others wrote.

use std::fs;

use jsonschema::Validator;
use serde_json::Value;

/// The committed schema of a command.
pub fn schema(command: &str) -> Value {
    let path = super::root().join(format!("schema/{command}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The form that the documents of a command have.
pub struct Form(Validator);

impl Form {
    /// The form by the committed schema, which must not have keys that the schema does not name.
    pub fn of(command: &str) -> Self {
        let mut schema = schema(command);
        if let Err(fault) = jsonschema::meta::validate(&schema) {
            panic!("{command}: {fault} at {}", fault.instance_path());
        }
        close(&mut schema);
        Self(jsonschema::validator_for(&schema).unwrap())
    }

    /// A document has this form, or the test fails.
    pub fn must_fit(&self, document: &Value) {
        let faults: Vec<String> =
            self.0.iter_errors(document).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:#?}\n{document:#}");
    }
}

/// Refuses keys that a schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(close);
            if map.contains_key("properties") {
                map.insert("unevaluatedProperties".to_owned(), false.into());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}
