//! Reading of raw values from nodes: every mistake is reported, and reading goes on.

use std::marker::PhantomData;
use std::ops::Deref;

use indexmap::IndexMap;

use super::node::{Entries, Kind, Node, Scalar};
use super::written::{Entry, Map, Nonempty, Set, Text};
use super::{codes, keys};
use crate::diag::{Diagnostic, Report};
use crate::language::Term;
use crate::language::number::Number;
use crate::language::shape::{self, Shape};
use crate::source::Loc;

/// A value that can be read from a node.
pub trait Read: Sized {
    /// Returns the shape of the values that can be read.
    fn shape() -> Shape;

    /// True if the type is a map of known keys, so that no value means `{}` in an entry of a [`Map`].
    const HAS_KEYS: bool = false;

    /// The value, or `None` with the reason in the report. `key` is the name and place under which the node stands.
    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self>;
}

/// Returns the diagnostic for a node that is not what its key must be, or `None` if it was reported already.
pub(super) fn refused(node: &Node, key: &Loc<&str>, wanted: &str) -> Option<Diagnostic> {
    (!matches!(node.kind, Kind::Refused)).then(|| wrong_type(node, key, wanted))
}

/// Reports a node that is not what its key must be.
fn refuse(node: &Node, key: &Loc<&str>, wanted: &str, report: &mut Report) {
    report.push_all(refused(node, key, wanted));
}

/// Returns true if the dashes of a list have no space after them: YAML takes `-name: x` for a key of a map.
fn is_glued_list(node: &Node) -> bool {
    match &node.kind {
        Kind::Map(entries) => entries.keys().any(|name| name.starts_with('-')),
        _ => false,
    }
}

fn wrong_type(node: &Node, key: &Loc<&str>, wanted: &str) -> Diagnostic {
    let label = format!("expected {wanted}");
    if node.is_null() {
        let title = format!("`{}` has no value", key.value);
        return Diagnostic::new(&codes::NO_VALUE, key.span, title, label)
            .help("write the value, or remove the key");
    }
    let what = match key.value {
        "" => "an inventory".to_owned(),
        // The entry of a list stands under the key of the list.
        list if key.span == node.head => format!("an entry of `{list}`"),
        key => format!("`{key}`"),
    };
    let title = format!("{what} must be {wanted}, not {}", node.describe());
    let diagnostic = Diagnostic::new(&codes::WRONG_TYPE, node.head, title, label);
    match &node.kind {
        // `fd01::` in brackets is a map with the key `fd01:`.
        Kind::Map(entries) if entries.keys().any(|key| key.ends_with(':')) => {
            diagnostic.help("an IPv6 address needs quotes")
        }
        _ => diagnostic,
    }
}

/// The scalar of a node that has one, with its place.
fn scalar(node: &Node) -> Option<Loc<&Scalar>> {
    match &node.kind {
        Kind::Scalar(scalar) if !scalar.is_null() => Some(Loc { value: scalar, span: node.head }),
        _ => None,
    }
}

impl<T: Term> Read for Loc<Text<T>> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        let found = scalar(node).map(|s| {
            s.with(Text { text: s.value.text.clone(), plain: s.value.plain, term: PhantomData })
        });
        if found.is_none() {
            refuse(node, key, "text", report);
        }
        found
    }
}

/// A whole number: decimal, or `0x` and hexadecimal digits; quoted or not; a leading zero is refused.
impl<const FROM: u64, const TO: u64> Read for Loc<Number<FROM, TO>> {
    fn shape() -> Shape {
        Number::<FROM, TO>::shape()
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        let written = scalar(node);
        let number =
            written.and_then(|s| whole_number(&s.value.text).map(|value| s.with(Number(value))));
        if number.is_none() {
            let text = written.map_or("", |s| s.value.text.as_str());
            let octal = text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
            let negative = text.strip_prefix('-').is_some_and(|rest| whole_number(rest).is_some());
            let wanted = match negative {
                true => format!("a whole number of at least {FROM}"),
                false => "a whole number".to_owned(),
            };
            let diagnostic = wrong_type(node, key, &wanted);
            match (&node.kind, octal) {
                (Kind::Refused, _) => {}
                (_, true) => report.push(
                    diagnostic.help("remove the leading zero: some YAML readers read it as octal"),
                ),
                (_, false) => report.push(diagnostic),
            }
        }
        number
    }
}

/// The number that `text` is, as the language writes numbers.
pub fn whole_number(text: &str) -> Option<u64> {
    // `from_str_radix` and `parse` would take a sign.
    if let Some(digits) = text.strip_prefix("0x") {
        let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if all_hex { u64::from_str_radix(digits, 16).ok() } else { None };
    }
    let canonical = text == "0" || !text.starts_with('0');
    if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

impl<T: Read> Read for Vec<T> {
    fn shape() -> Shape {
        let item = Box::new(T::shape());
        Shape::List(shape::List { item, unique: false, nonempty: false })
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            let alone = scalar(node).filter(|_| matches!(T::shape(), Shape::Text(_)));
            match alone {
                Some(name) if name.value.plain => {
                    let list = format!("[{}]", name.value.text);
                    report.push(wrong_type(node, key, "a list").replace(name.span, list));
                }
                _ => {
                    let refused = refused(node, key, "a list");
                    let dash = "an item of a list begins with `- `: a dash and a space";
                    report.push_all(match is_glued_list(node) {
                        true => refused.map(|refused| refused.help(dash)),
                        false => refused,
                    });
                }
            }
            return None;
        };
        let read: Vec<T> = items
            .iter()
            .filter_map(|item| T::read(item, &Loc { value: key.value, span: item.head }, report))
            .collect();
        // A list of which nothing could be read is not an empty one.
        (!read.is_empty() || items.is_empty()).then_some(read)
    }
}

impl<T: Read> Read for Set<T> {
    fn shape() -> Shape {
        match Vec::<T>::shape() {
            Shape::List(list) => Shape::List(shape::List { unique: true, ..list }),
            other => other,
        }
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        Vec::read(node, key, report).map(Set)
    }
}

impl<L: Read> Read for Nonempty<L> {
    fn shape() -> Shape {
        match L::shape() {
            Shape::List(list) => Shape::List(shape::List { nonempty: true, ..list }),
            other => other,
        }
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        L::read(node, key, report).map(Nonempty)
    }
}

/// A list with its place.
impl<L: Read> Read for Loc<L>
where
    L: Deref,
{
    fn shape() -> Shape {
        L::shape()
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        L::read(node, key, report).map(|value| Loc { value, span: node.head })
    }
}

impl<K: Term, T: Read> Read for Map<K, T> {
    fn shape() -> Shape {
        let key = match K::shape() {
            Shape::Text(text) => text,
            _ => shape::Text::default(),
        };
        Shape::Map { key, value: Box::new(T::shape()) }
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            let form = "write each entry as `NAME: { ... }`";
            report.push_all(refused(node, key, "a map of names").map(|found| found.help(form)));
            return None;
        };
        let indented =
            if T::HAS_KEYS { keys::indented(&T::shape(), entries, report) } else { None };
        let entries = indented.as_ref().unwrap_or(entries);
        let mut map = IndexMap::with_capacity(entries.len());
        for (name, (span, node)) in entries {
            let key = Loc { value: name.as_str(), span: *span };
            if T::HAS_KEYS && keys::is_indented(T::shape, &key, node, report) {
                continue;
            }
            // An entry of named things without a value is the same as `{}`.
            let value = if T::HAS_KEYS && node.is_null() {
                let empty = Node { span: *span, head: *span, kind: Kind::Map(Entries::new()) };
                T::read(&empty, &key, report)
            } else {
                T::read(node, &key, report)
            };
            map.insert(name.clone(), Entry { key: *span, value });
        }
        Some(Map { entries: map, key: PhantomData })
    }
}
