//! Maps of known keys: the declarations that an inventory is read by.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::codes;
use super::node::{Entries, Kind, Node, Scalar};
use super::read::{Read, refused};
use crate::diag::{Diagnostic, Report, nearest};
use crate::language::shape::Shape;
use crate::source::{Loc, Span};

/// The names that other tools give to keys, each with the key that is meant here.
const SYNONYMS: &[(&str, &str)] = &[
    ("pathType", "type"),
    ("serviceName", "service"),
    ("servicePort", "port"),
    ("ingressClassName", "class"),
    ("secretName", "tls_secret"),
    ("healthCheckNodePort", "health_check_node_port"),
    ("virtual_router_id", "vrid"),
    ("advert_int", "advert_interval"),
    ("ip", "address"),
    ("host", "hosts"),
    ("path", "paths"),
    ("priority", "priorities"),
];

/// The key that a word from somewhere else stands for, where the map has it.
fn synonym<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let (_, meant) = SYNONYMS.iter().find(|(word, _)| *word == written)?;
    names.iter().copied().find(|name| name == meant)
}

/// Returns true if a node is of the kind that a shape wants, whatever is in it.
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

/// The entries of a map of named things, where keys of an entry stand beside it, one step too far left: they are reported,
/// and put where they belong. `None` where there are none.
pub(super) fn indented(entry: &Shape, entries: &Entries, report: &mut Report) -> Option<Entries> {
    let Shape::Keys(keys) = entry else { return None };
    let field = |name: &str| keys.fields.iter().find(|field| field.name == name);
    let is_entry = |node: &Node| match &node.kind {
        Kind::Map(inner) => inner.keys().any(|name| field(name).is_some()),
        _ => node.is_null(),
    };
    let is_outdented = |name: &str, node: &Node| {
        field(name).is_some_and(|field| !is_entry(node) && fits(&(field.shape)(), node))
    };
    if !entries.iter().any(|(name, (_, node))| is_outdented(name, node)) {
        return None;
    }
    let mut indented = Entries::with_capacity(entries.len());
    for (name, (span, node)) in entries {
        if is_outdented(name, node)
            && let Some((owner, (_, above))) = indented.last_mut()
            && let Some(inner) = above.entries_to_be()
            && !inner.contains_key(name)
        {
            inner.insert(name.clone(), (*span, node.clone()));
            let title = format!("`{name}` is a key of `{owner}`, and stands beside it");
            let label = format!("indent it below `{owner}`");
            report.push(Diagnostic::new(&codes::UNKNOWN_KEY, *span, title, label));
            continue;
        }
        indented.insert(name.clone(), (*span, node.clone()));
    }
    Some(indented)
}

/// Returns true if an entry of a map of named things is a key of the inventory itself, indented one step too far. Such
/// an entry is reported, and its contents count as not read.
pub(super) fn is_indented(
    entry: fn() -> Shape,
    name: &Loc<&str>,
    node: &Node,
    report: &mut Report,
) -> bool {
    static TOP: LazyLock<Vec<&str>> = LazyLock::new(|| match super::language() {
        Shape::Keys(keys) => keys.fields.iter().map(|field| field.name).collect(),
        _ => Vec::new(),
    });
    if !TOP.contains(&name.value) {
        return false;
    }
    let Shape::Keys(own) = entry() else { return false };
    let is_entry = match &node.kind {
        Kind::Map(inner) => {
            let is_own = |key: &String| own.fields.iter().any(|field| field.name == key);
            inner.is_empty() || inner.keys().any(is_own)
        }
        Kind::List(_) => false,
        _ => true,
    };
    if is_entry {
        return false;
    }
    let title = format!("`{}` is a key of the inventory itself", name.value);
    report.push(
        Diagnostic::new(&codes::UNKNOWN_KEY, name.span, title, "one step too far right")
            .help("write it in the first column"),
    );
    report.set_partial();
    true
}

/// A known key and its value, where no space stands between them: YAML takes `address:10.0.0.1` for a key without a value.
fn glued(name: &str, span: Span, node: &Node, names: &[&str]) -> Option<(String, Span, Node)> {
    let (key, value) = name.split_once(':')?;
    // In quotes it was meant as one.
    let is_plain = span.range().len() == name.len();
    if !names.contains(&key) || value.is_empty() || !node.is_null() || !is_plain {
        return None;
    }
    let colon = span.start + u32::try_from(key.len()).ok()?;
    let place = Span { start: colon + 1, ..span };
    let scalar = Scalar { text: value.to_owned(), plain: true };
    let value = Node { span: place, head: place, kind: Kind::Scalar(scalar) };
    Some((key.to_owned(), Span { end: colon, ..span }, value))
}

/// A key's requirement: required or optional.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The entry is useless without it.
    Required,
    /// The key has a default.
    Optional,
}

/// A key of a [`keys!`] struct, and what it takes.
pub type Known = (&'static str, fn() -> Shape);

/// The map of a [`keys!`] struct, checked for unknown keys.
pub struct Fields<'a> {
    entries: Cow<'a, Entries>,
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
            let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let help = format!("its keys are {}", names.join(", "));
            report.push_all(refused(node, owner, "a map of keys").map(|found| found.help(help)));
            return None;
        };
        let (mut misspelt, mut apart) = (Vec::new(), Vec::new());
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        for (name, (span, node)) in entries {
            if !names.contains(&name.as_str()) {
                let meant = synonym(name, &names).or_else(|| nearest(name, &names));
                misspelt.extend(meant.map(str::to_owned));
                let title = match owner.value {
                    "" => format!("the key `{name}` is not known"),
                    owner => format!("the key `{name}` is not known in `{owner}`"),
                };
                let unknown = Diagnostic::new(&codes::UNKNOWN_KEY, *span, title, "unknown key");
                if let Some((key, at, value)) = glued(name, *span, node, &names) {
                    let spaced = format!("{key}: {}", &name[key.len() + 1..]);
                    report.push(
                        unknown.help("a space is missing after the colon").replace(*span, spaced),
                    );
                    apart.push((key, (at, value)));
                    continue;
                }
                let mut diagnostic = match synonym(name, &names) {
                    Some(meant) => {
                        unknown.help(format!("did you mean `{meant}`?")).replace(*span, meant)
                    }
                    None => unknown.did_you_mean(name, *span, names.iter().copied()),
                };
                // With another key alone, a value of another kind would be the next mistake.
                let shape = known.iter().find(|(name, _)| Some(*name) == meant);
                if shape.is_some_and(|(_, shape)| !fits(&shape(), node)) {
                    diagnostic.patch = None;
                    diagnostic = diagnostic.help("its value would have to change as well");
                }
                report.push(diagnostic);
            }
        }
        let mut entries = Cow::Borrowed(entries);
        for (key, entry) in apart {
            entries.to_mut().entry(key).or_insert(entry);
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
            /// The place of the entry: its name, or its first line in a list.
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
