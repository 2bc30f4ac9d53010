//! Places in manifests.

use crate::source::{FileId, Span};
use crate::state::Object;

/// The line of a manifest that names an object: of several with its name, the one with its namespace nearby.
pub fn line_of(object: &Object, text: &str, file: FileId) -> Span {
    /// So many lines of metadata may stand between the name and the namespace.
    const NEAR: usize = 6;
    let says = |line: &str, key: &str, value: &str| {
        let mut words = line.split([' ', ',', '"', '{', '}']).filter(|word| !word.is_empty());
        words.any(|word| word.trim_end_matches(':') == key) && words.any(|word| word == value)
    };
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let at = start;
        start += line.len();
        (at, line)
    });
    let lines: Vec<(usize, &str)> = lines.collect();
    let is_beside = |index: usize| {
        let near = &lines[index.saturating_sub(NEAR)..(index + NEAR).min(lines.len())];
        near.iter().any(|(_, line)| says(line.trim_end(), "namespace", &object.key.namespace))
    };
    let named = || {
        let all = lines.iter().enumerate();
        all.filter(|(_, (_, line))| says(line.trim_end(), "name", &object.key.name))
    };
    let own = named().find(|(index, _)| is_beside(*index)).or_else(|| named().next());
    let Some((_, (start, line))) = own else { return Span::of_file(file).at(0) };
    let indent = line.len() - line.trim_start().len();
    let number = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Span { file, start: number(start + indent), end: number(start + line.trim_end().len()) }
}
