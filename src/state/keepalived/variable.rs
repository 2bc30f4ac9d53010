//! `$NAME=value` and its uses (keepalived.conf(5), PARAMETER SUBSTITUTION; facts D30).

use std::collections::BTreeMap;

/// A line that grows by substitution without end is cut off here, as keepalived's buffer does.
const MOST: usize = 1000;

/// The definitions so far.
#[derive(Debug)]
pub struct Variables(BTreeMap<String, Vec<String>>);

/// A line in which variables have their values.
#[derive(Debug, PartialEq, Eq)]
pub struct Substituted {
    /// The line itself.
    pub line: String,
    /// The other lines of a variable that has several.
    pub more: Vec<String>,
}

impl Variables {
    /// Those that keepalived defines itself; `id` is its configuration id.
    pub fn new(id: &str) -> Self {
        let known = [("_HASH", "#"), ("_BANG", "!"), ("_INSTANCE", id)];
        Self(known.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).into())
    }

    /// Takes a definition; it has several lines where the first ends with `\`.
    pub fn define(&mut self, name: &str, value: Vec<String>) {
        self.0.insert(name.to_owned(), value);
    }

    /// Adds a line to a definition.
    pub fn extend(&mut self, name: &str, line: String) {
        self.0.entry(name.to_owned()).or_default().push(line);
    }

    /// The line with the values of its variables, and the values of those; `None` where it has none.
    pub fn substituted(&self, line: &str) -> Option<Substituted> {
        if !line.contains('$') {
            return None;
        }
        let mut done = Substituted { line: line.to_owned(), more: Vec::new() };
        let (mut from, mut changes) = (0, 0);
        while let Some(at) = done.line[from..].find('$').map(|at| from + at) {
            let Some((end, value)) = self.at(&done.line[at + 1..]) else {
                from = at + 1;
                continue;
            };
            changes += 1;
            if changes > MOST {
                break;
            }
            let (first, rest) = match value {
                [first, rest @ ..] => (first.as_str(), rest),
                [] => ("", value),
            };
            done.line.replace_range(at..=at + end, first);
            done.more.splice(0..0, rest.iter().cloned());
            from = at;
            // The value is a sequence of its own: it is expanded when it is run through.
            if first.trim_start_matches([' ', '\t']).starts_with('~') {
                break;
            }
        }
        (changes > 0).then_some(done)
    }

    /// The variable that a text after `$` begins with: where its name ends, and its value. A name without braces ends
    /// at a space, `,`, `)` or the end of the line; one of several lines stands at the end of its line.
    fn at(&self, text: &str) -> Option<(usize, &[String])> {
        let braced = text.strip_prefix('{');
        let named = braced.unwrap_or(text);
        let name = name_of(named)?;
        let behind = &named[name.len()..];
        let (end, behind) = match braced {
            Some(_) => (name.len() + 2, behind.strip_prefix('}')?),
            None if behind.is_empty() || behind.starts_with([' ', '\t', ',', ')']) => {
                (name.len(), behind)
            }
            None => return None,
        };
        let value = self.0.get(name)?.as_slice();
        (value.len() < 2 || behind.is_empty()).then_some((end, value))
    }
}

/// The name that a text begins with.
fn name_of(text: &str) -> Option<&str> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    Some(&text[..text.find(|c| !valid(c)).unwrap_or(text.len())])
}

/// The name and the value of `$NAME=value`; with a space before the `=` it is none.
pub fn definition(line: &str) -> Option<(&str, &str)> {
    let text = line.strip_prefix('$')?;
    let name = name_of(text)?;
    let value = text[name.len()..].strip_prefix('=')?;
    Some((name, value.trim_start_matches([' ', '\t'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(line: &str) -> Option<String> {
        let mut variables = Variables::new("lb-1");
        variables.define("NET", vec!["10.0.0".to_owned()]);
        variables.define("VIP", vec!["${NET}.10".to_owned()]);
        variables.define("LIST", vec!["a".to_owned(), "b".to_owned()]);
        let done = variables.substituted(line)?;
        Some([vec![done.line], done.more].concat().join("|"))
    }

    #[test]
    fn names_end_as_keepalived_ends_them() {
        assert_eq!(substituted("address ${VIP}/24").as_deref(), Some("address 10.0.0.10/24"));
        assert_eq!(substituted("address $VIP/24"), None);
        assert_eq!(substituted("address $VIP dev x").as_deref(), Some("address 10.0.0.10 dev x"));
        assert_eq!(substituted("x $LIST").as_deref(), Some("x a|b"));
        assert_eq!(substituted("x $LIST y"), None);
        assert_eq!(substituted("x $UNKNOWN"), None);
    }

    #[test]
    fn a_definition_has_no_space_before_its_value() {
        assert_eq!(definition("$A= 150"), Some(("A", "150")));
        assert_eq!(definition("$A = 150"), None);
        assert_eq!(definition("$1=150"), None);
    }
}
