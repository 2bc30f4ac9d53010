//! The datacenters of a fleet, compared by their structure: what one has and another has not, and what they say of the
//! same thing.

mod fact;

pub use fact::{Facts, Place};

use std::collections::BTreeSet;
use std::fmt;

use crate::model::align::Waiver;

/// A datacenter on one side of the comparison.
#[derive(Debug)]
pub struct Side {
    /// The name of the datacenter.
    pub name: String,
    /// The facts of its structure.
    pub facts: Facts,
    /// The places at which it may differ.
    pub waived: Vec<Waiver>,
}

/// A place at which datacenters differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The place.
    pub place: Place,
    /// The value of each datacenter there, in their order.
    pub values: Vec<Value>,
}

/// The value of a datacenter at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This.
    Says(String),
    /// Nothing.
    Absent,
    /// Nothing, because it has no such entry, which is a difference of its own; or it may differ.
    Excused,
}

/// As tables show it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Says(text) => f.write_str(text),
            Self::Absent => f.write_str("-"),
            Self::Excused => Ok(()),
        }
    }
}

/// The differences, and the waivers that were of use.
#[derive(Debug, Default)]
pub struct Alignment {
    /// By place.
    pub differences: Vec<Difference>,
    /// For each datacenter, the waivers (by their index) that something needed.
    pub used: Vec<BTreeSet<usize>>,
}

impl Alignment {
    /// Compares datacenters with each other, or all with the one at `model`.
    pub fn of(sides: &[Side], model: Option<usize>) -> Self {
        let mut alignment =
            Self { differences: Vec::new(), used: vec![BTreeSet::new(); sides.len()] };
        let places: BTreeSet<&Place> = sides.iter().flat_map(|side| side.facts.0.keys()).collect();
        for place in places {
            let said: Vec<Value> = sides.iter().map(|side| side.value(place)).collect();
            if !differ(&said, model) {
                continue;
            }
            let shown = place.to_string();
            let mut left = said.clone();
            for (index, side) in sides.iter().enumerate() {
                for (waiver, allowed) in side.waived.iter().enumerate() {
                    if allowed.value.matches(&shown) {
                        left[index] = Value::Excused;
                        alignment.used[index].insert(waiver);
                    }
                }
            }
            if differ(&left, model) {
                alignment.differences.push(Difference { place: place.clone(), values: left });
            }
        }
        alignment
    }
}

impl Side {
    fn value(&self, place: &Place) -> Value {
        if let Some(value) = self.facts.0.get(place) {
            return Value::Says(value.clone());
        }
        let entry = Place { entry: place.entry.clone(), key: String::new() };
        let has_entry = place.entry.is_empty() || self.facts.0.contains_key(&entry);
        if has_entry || place.key.is_empty() { Value::Absent } else { Value::Excused }
    }
}

/// Returns true if the values that count differ.
fn differ(values: &[Value], model: Option<usize>) -> bool {
    let counted = || values.iter().filter(|value| **value != Value::Excused);
    let first = match model {
        Some(model) if values[model] == Value::Excused => return false,
        Some(model) => Some(&values[model]),
        None => counted().next(),
    };
    counted().any(|value| Some(value) != first)
}
