//! Annotations of Ingresses.

use std::collections::BTreeMap;

use super::{codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Map, Text};
use crate::language::form::{AnnotationKey, Free};
use crate::language::name::QualifiedName;
use crate::source::Loc;

/// Annotations of a Kubernetes object.
pub type Annotations = BTreeMap<QualifiedName, String>;

pub fn annotations(
    raw: Option<&Map<AnnotationKey, Loc<Text<Free>>>>,
    report: &mut Report,
) -> Annotations {
    raw.into_iter()
        .flatten()
        .filter_map(|(key, entry)| {
            let name = value::name::<QualifiedName>(key, entry.key, "an annotation's key", report)?;
            if key == AnnotationKey::CLASS {
                report.push(
                    Diagnostic::new(&codes::NAME, entry.key, "lbgen sets the class; it cannot be an annotation", "written by lbgen")
                        .help("the entrypoint's `class` and `kubernetes.ingress_class` decide how it is written"),
                );
                return None;
            }
            Some((name, entry.value.as_ref()?.value.text.clone()))
        })
        .collect()
}
