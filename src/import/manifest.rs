//! Places in manifests.

use crate::source::{FileId, Span};
use crate::state::Object;

/// The line of a manifest that names an object.
pub fn line_of(object: &Object, text: &str, file: FileId) -> Span {
    let named = |line: &str| {
        let mut words = line.split([' ', ',', '"', '{', '}']).filter(|word| !word.is_empty());
        words.any(|word| word.trim_end_matches(':') == "name")
            && words.any(|word| word == object.key.name)
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if named(line.trim_end()) {
            let indent = line.len() - line.trim_start().len();
            let number = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            return Span {
                file,
                start: number(start + indent),
                end: number(start + line.trim_end().len()),
            };
        }
        start += line.len();
    }
    Span::of_file(file).at(0)
}
