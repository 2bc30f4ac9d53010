//! "Did you mean": the nearest of the names that exist.

/// The limits beyond which a guess does not help: the number of names and their length.
const COMPARED: usize = 256;
const LONGEST: usize = 253;

/// The nearest of `known`, where one is near enough to be meant and no other is as near.
pub fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let same = |name: &&&str| name.eq_ignore_ascii_case(written);
    if let Some(name) = known.iter().take(COMPARED).find(same) {
        return Some(name);
    }
    // A slip is a third of the word at most; a short word may still have one letter wrong.
    let length = written.chars().count();
    let limit = (length / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .take(COMPARED)
        .filter(|name| name.chars().count().abs_diff(length) <= limit && length <= LONGEST)
        .map(|name| (strsim::damerau_levenshtein(written, name), *name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    near.sort_unstable();
    match near.as_slice() {
        [(_, only)] => Some(only),
        [(best, name), (next, _), ..] if best < next => Some(name),
        _ => None,
    }
}

/// Some of the names, for a help line: all of a few, or the first ones and how many there are.
pub fn listing(known: &[&str]) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<String> = known.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    if known.len() > SHOWN {
        names.push(format!("and {} more", known.len() - SHOWN));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_a_slip_and_nothing_far_away() {
        let known = ["entrypoint", "address", "vrid"];
        assert_eq!(nearest("entrypont", &known), Some("entrypoint"));
        assert_eq!(nearest("vird", &known), Some("vrid"));
        assert_eq!(nearest("VRID", &known), Some("vrid"));
        assert_eq!(nearest("zzz", &known), None);
        assert_eq!(nearest("lb-3", &["lb-1", "lb-2"]), None, "either could be meant");
    }
}
