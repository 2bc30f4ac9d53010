//! Values as written, not yet interpreted: single values, lists, maps of names.

use std::marker::PhantomData;
use std::ops::Deref;

use indexmap::IndexMap;

use crate::source::{Loc, Span};

/// A single value as it was written; whoever resolves it reads it as a `T`.
#[derive(Debug)]
pub struct Text<T> {
    /// The text: `no`, `1.10` and `0123` are text here, whatever YAML thinks.
    pub text: String,
    /// True if the text was written without quotes.
    pub plain: bool,
    pub(super) term: PhantomData<fn() -> T>,
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
pub struct Set<T>(pub(super) Vec<T>);

/// A list that is refused where it is empty, by whoever resolves it.
#[derive(Debug)]
pub struct Nonempty<L>(pub(super) L);

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
    pub(super) entries: IndexMap<String, Entry<V>>,
    pub(super) key: PhantomData<fn() -> K>,
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
    /// The place of the name.
    pub key: Span,
    /// The value, or `None` if it could not be read.
    pub value: Option<T>,
}
