//! Words as a POSIX shell reads them (POSIX, Shell Command Language, 2.2).

/// Runs a line, which is its last word.
pub const RUN: &str = "/bin/sh -c ";

/// A word, quoted where the shell would read it as something else.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The line of a command that begins with [`RUN`], or `None` for another command, and for quotes that do not end.
pub fn line_of(command: &str) -> Option<String> {
    let word = command.strip_prefix(RUN)?.trim();
    let (mut line, mut chars) = (String::new(), word.chars());
    while let Some(c) = chars.next() {
        match c {
            '\'' => loop {
                match chars.next()? {
                    '\'' => break,
                    c => line.push(c),
                }
            },
            '"' => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => {
                        let next = chars.next()?;
                        // Before anything else a backslash stands for itself.
                        if !"$`\"\\".contains(next) {
                            line.push('\\');
                        }
                        line.push(next);
                    }
                    c => line.push(c),
                }
            },
            '\\' => line.push(chars.next()?),
            // A word behind the line is the name of the shell.
            c if c.is_ascii_whitespace() => return None,
            c => line.push(c),
        }
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_survives_its_quotes() {
        for line in ["a | b", "[ -e /x ] && y 'z'", r#"a "b\"c" \d"#, "true"] {
            let command = format!("/bin/sh -c {}", quoted(line));
            assert_eq!(line_of(&command).as_deref(), Some(line), "{command}");
        }
        for (command, line) in [
            (r#"/bin/sh -c "pgrep \"x\" || exit \$?""#, Some(r#"pgrep "x" || exit $?"#)),
            (r#"/bin/sh -c "a\b""#, Some(r"a\b")),
            ("/bin/sh -c 'open", None),
            ("/bin/sh -c 'a b' name", None),
            ("/bin/true", None),
        ] {
            assert_eq!(line_of(command).as_deref(), line, "{command}");
        }
    }
}
