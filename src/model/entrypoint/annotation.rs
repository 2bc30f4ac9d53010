//! Annotations of Ingresses.

use std::collections::BTreeMap;

use super::{codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Map, Text};
use crate::language::form::{AnnotationKey, Free};
use crate::language::name::QualifiedName;
use crate::source::{Loc, Span};

/// Annotations of a Kubernetes object, and where each is written.
pub type Annotations = BTreeMap<QualifiedName, Loc<String>>;

/// The prefix of ingress-nginx's own annotations.
pub const NGINX: &str = "nginx.ingress.kubernetes.io/";

/// The annotations of ingress-nginx, by their names without the prefix.
pub fn nginx_annotations(annotations: &Annotations) -> impl Iterator<Item = (&str, &str)> {
    let own = annotations.iter();
    own.filter_map(|(key, value)| Some((key.as_str().strip_prefix(NGINX)?, value.value.as_str())))
}

/// The value of an annotation of ingress-nginx.
pub fn nginx_annotation<'a>(annotations: &'a Annotations, name: &str) -> Option<&'a str> {
    nginx_annotations(annotations).find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// The place of an annotation of ingress-nginx.
pub fn nginx_annotation_span(annotations: &Annotations, name: &str) -> Option<Span> {
    let mut own = annotations.iter();
    own.find(|(key, _)| key.as_str().strip_prefix(NGINX) == Some(name)).map(|(_, value)| value.span)
}

/// Returns true if an Ingress with these annotations takes a part of another one's requests (ingress-nginx, "Canary").
pub fn is_canary(annotations: &Annotations) -> bool {
    nginx_annotation(annotations, "canary").is_some_and(is_true)
}

/// Returns true if an annotation's value switches it on, as Go reads booleans (strconv.ParseBool).
pub fn is_true(value: &str) -> bool {
    boolean(value) == Some(true)
}

/// Returns the boolean of an annotation's value; ingress-nginx passes over one that is none.
fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Returns the boolean of an annotation of ingress-nginx, or `None` if it is not set or is no boolean.
pub fn nginx_switch(annotations: &Annotations, name: &str) -> Option<bool> {
    nginx_annotation(annotations, name).and_then(boolean)
}

/// The annotations of a tier: those of both, and its own, which win.
pub fn of_tier(
    both: &Annotations,
    own: Option<&Map<AnnotationKey, Loc<Text<Free>>>>,
    report: &mut Report,
) -> Annotations {
    let mut all = both.clone();
    all.extend(annotations(own, report));
    all
}

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
            let value = entry.value.as_ref()?.value.text.clone();
            Some((name, Loc { value, span: entry.key }))
        })
        .collect()
}
