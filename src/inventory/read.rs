//! How a raw value is read from a node: every mistake is reported, and reading goes on.

use std::marker::PhantomData;
use std::ops::Deref;

use indexmap::IndexMap;

use super::codes;
use super::node::{Entries, Kind, Node, Scalar};
use crate::diag::{Diagnostic, Report, nearest};
use crate::language::Term;
use crate::language::number::Number;
use crate::language::shape::{self, Shape};
use crate::source::{Loc, Span};

/// A value that can be read from a node.
pub trait Read: Sized {
    /// What can be read.
    fn shape() -> Shape;

    /// Whether it is a map of known keys, so that no value means `{}` in an entry of a [`Map`].
    const HAS_KEYS: bool = false;

    /// The value, or `None` with the reason in the report. `key` is the name and place under which the node stands.
    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self>;
}

/// A single value as it was written; whoever resolves it reads it as a `T`.
#[derive(Debug)]
pub struct Text<T> {
    /// The text: `no`, `1.10` and `0123` are text here, whatever YAML thinks.
    pub text: String,
    /// Whether it stood there without quotes.
    pub plain: bool,
    term: PhantomData<fn() -> T>,
}

impl<T> Text<T> {
    /// The same text, to be read as something else.
    pub fn to<U>(&self) -> Text<U> {
        Text { text: self.text.clone(), plain: self.plain, term: PhantomData }
    }
}

impl<T> Loc<Text<T>> {
    /// The text, with its place.
    pub fn as_str(&self) -> Loc<&str> {
        self.with(self.value.text.as_str())
    }
}

/// Compares the text alone.
impl<T> PartialEq for Text<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<T> Eq for Text<T> {}
impl<T> PartialOrd for Text<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Text<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

/// A list in which nothing may stand twice; whoever resolves it says what does.
#[derive(Debug)]
pub struct Set<T>(Vec<T>);

/// A list that is refused where it is empty, by whoever resolves it.
#[derive(Debug)]
pub struct Nonempty<L>(L);

impl<T> Deref for Set<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<L> Deref for Nonempty<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.0
    }
}

/// A map whose keys are names that the user chose, each to be read as a `K`.
///
/// An entry whose value could not be read is kept as `None`, so that references to its name are not called unknown.
#[derive(Debug)]
pub struct Map<K, V> {
    entries: IndexMap<String, Entry<V>>,
    key: PhantomData<fn() -> K>,
}

impl<K, V> Deref for Map<K, V> {
    type Target = IndexMap<String, Entry<V>>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a String, &'a Entry<V>);
    type IntoIter = indexmap::map::Iter<'a, String, Entry<V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

/// One named entry of a [`Map`].
#[derive(Debug)]
pub struct Entry<T> {
    /// Where the name stands.
    pub key: Span,
    /// What it holds, where that could be read.
    pub value: Option<T>,
}

/// Reports a node that is not what its key wants.
fn refuse(node: &Node, key: &Loc<&str>, wanted: &str, report: &mut Report) {
    if !matches!(node.kind, Kind::Refused) {
        report.push(wrong_type(node, key, wanted));
    }
}

fn wrong_type(node: &Node, key: &Loc<&str>, wanted: &str) -> Diagnostic {
    let label = format!("{wanted} is wanted here");
    if node.is_null() {
        let title = format!("`{}` has no value", key.value);
        return Diagnostic::new(&codes::NO_VALUE, key.span, title, label)
            .help("write the value, or remove the key");
    }
    let what =
        if key.value.is_empty() { "an inventory".to_owned() } else { format!("`{}`", key.value) };
    let title = format!("{what} wants {wanted}, not {}", node.describe());
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
            let octal = written.is_some_and(|s| {
                s.value.text.starts_with('0') && s.value.text.bytes().all(|b| b.is_ascii_digit())
            });
            let diagnostic = wrong_type(node, key, "a whole number");
            match (&node.kind, octal) {
                (Kind::Refused, _) => {}
                (_, true) => report.push(
                    diagnostic.help("remove the leading zero: some readers take it for octal"),
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
            refuse(node, key, "a list", report);
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
            refuse(node, key, "a map of names", report);
            return None;
        };
        let mut map = IndexMap::with_capacity(entries.len());
        for (name, (span, node)) in entries {
            let key = Loc { value: name.as_str(), span: *span };
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

/// Whether a node is of the kind that a shape wants, whatever is in it.
fn fits(shape: &Shape, node: &Node) -> bool {
    match shape {
        Shape::Text(_) | Shape::Words(_) | Shape::Boolean | Shape::Number { .. } => {
            matches!(node.kind, Kind::Scalar(_))
        }
        Shape::List(_) => matches!(node.kind, Kind::List(_)),
        Shape::Map { .. } | Shape::Keys(_) => matches!(node.kind, Kind::Map(_)),
        Shape::Either(one, other) => fits(one, node) || fits(other, node),
    }
}

/// Whether a key must be given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The entry is useless without it.
    Required,
    /// It has a default.
    Optional,
}

/// A key of a [`keys!`] struct, and what it takes.
pub type Known = (&'static str, fn() -> Shape);

/// The map of a [`keys!`] struct, checked for unknown keys.
pub struct Fields<'a> {
    entries: &'a Entries,
    owner: Loc<&'a str>,
    /// Keys that something unknown was probably meant for: they are not missing beside that.
    misspelt: Vec<String>,
}

impl<'a> Fields<'a> {
    /// The fields of `node`, where it is a map. Keys that are not in `known` are reported.
    pub fn of(
        node: &'a Node,
        owner: &Loc<&'a str>,
        known: &[Known],
        report: &mut Report,
    ) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            refuse(node, owner, "a map of keys", report);
            return None;
        };
        let mut misspelt = Vec::new();
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        for (name, (span, node)) in entries {
            if !names.contains(&name.as_str()) {
                let meant = nearest(name, &names);
                misspelt.extend(meant.map(str::to_owned));
                let title = match owner.value {
                    "" => format!("the key `{name}` is not known"),
                    owner => format!("the key `{name}` is not known in `{owner}`"),
                };
                let mut diagnostic =
                    Diagnostic::new(&codes::UNKNOWN_KEY, *span, title, "unknown key").did_you_mean(
                        name,
                        *span,
                        names.iter().copied(),
                    );
                // With another key alone, a value of another kind would be the next mistake.
                let shape = known.iter().find(|(name, _)| Some(*name) == meant);
                if shape.is_some_and(|(_, shape)| !fits(&shape(), node)) {
                    diagnostic.patch = None;
                    diagnostic = diagnostic.help("its value would have to be another one, too");
                }
                report.push(diagnostic);
            }
        }
        Some(Self { entries, owner: *owner, misspelt })
    }

    /// Those of `known` that are there.
    pub fn given(&self, known: &[Known]) -> Vec<&'static str> {
        let names = known.iter().map(|(name, _)| *name);
        names.filter(|name| self.entries.contains_key(*name)).collect()
    }

    /// The value of a key, or `None` where it is absent or the report says what is wrong with it.
    pub fn take<T: Read>(&self, name: &'static str, need: Need, report: &mut Report) -> Option<T> {
        match self.entries.get(name) {
            Some((span, node)) => T::read(node, &Loc { value: name, span: *span }, report),
            None => {
                if need == Need::Required && !self.misspelt.iter().any(|key| key == name) {
                    let title = match self.owner.value {
                        "" => format!("the required key `{name}` is missing"),
                        owner => format!("`{owner}` lacks the required key `{name}`"),
                    };
                    let label = format!("add `{name}:` here");
                    report.push(Diagnostic::new(
                        &codes::MISSING_KEY,
                        self.owner.span,
                        title,
                        label,
                    ));
                }
                None
            }
        }
    }
}

/// A struct with the keys of one map of the language: its fields, their names and how they are read, in one place.
///
/// Every field is an `Option`: `None` where the key is absent, or where the report says why it could not be read.
macro_rules! keys {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])* $need:ident $field:ident: $type:ty,)* }) => {
        $(#[doc = $about])*
        #[derive(Debug)]
        pub struct $name {
            /// Where the entry stands: its name, or its first line in a list.
            pub span: Span,
            /// From there to the end of what it holds.
            pub extent: Span,
            /// The keys that are given, readable or not.
            pub given: Vec<&'static str>,
            $($(#[doc = $doc])* pub $field: Option<$type>,)*
        }

        impl Read for $name {
            const HAS_KEYS: bool = true;

            fn shape() -> $crate::language::shape::Shape {
                use $crate::language::shape::{Field, Keys, Shape};
                Shape::Keys(Keys {
                    name: stringify!($name),
                    about: concat!($($about),*).trim(),
                    fields: vec![$(Field {
                        name: stringify!($field).trim_start_matches("r#"),
                        about: concat!($($doc),*).trim(),
                        required: Need::$need == Need::Required,
                        shape: <$type as Read>::shape,
                    }),*],
                })
            }

            fn read(node: &$crate::inventory::node::Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
                let known = [$((
                    stringify!($field).trim_start_matches("r#"),
                    <$type as Read>::shape as fn() -> $crate::language::shape::Shape,
                )),*];
                let fields = Fields::of(node, key, &known, report)?;
                Some(Self {
                    span: key.span,
                    extent: Span { start: key.span.start.min(node.span.start), ..node.span },
                    given: fields.given(&known),
                    $($field: fields.take(stringify!($field).trim_start_matches("r#"), Need::$need, report),)*
                })
            }
        }
    };
}
pub(super) use keys;
