//! Text of the input as a message may hold it.

/// Text of the input as a message may hold it: what a terminal would obey, and what nobody sees, is spelled out.
pub fn printable(text: impl Into<String>) -> String {
    let text: String = text.into();
    if !text.contains(is_unprintable) {
        return text;
    }
    let mut printed = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unprintable(character) {
            true => printed.extend(character.escape_default()),
            false => printed.push(character),
        }
    }
    printed
}

/// Control characters, and those that are invisible or turn the text around (Unicode category Cf).
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
