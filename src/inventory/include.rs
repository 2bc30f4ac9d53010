//! `include`: from patterns to files.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::codes;
use super::node::{Kind, Node};
use super::read::Read;
use super::written::Text;
use crate::diag::{Diagnostic, Report, count, nearest};
use crate::language::form::Free;
use crate::source::{Loc, Span};

/// A file that another includes.
#[derive(Debug)]
pub(super) struct Link {
    /// Canonical.
    pub path: PathBuf,
    /// The pattern.
    pub at: Span,
}

/// The folder that no include leads out of: the nearest one above `inventory` with `.git`, else the inventory's.
pub(super) fn repository(inventory: &Path) -> PathBuf {
    let folder = inventory.parent().unwrap_or(Path::new("/"));
    let found = folder.ancestors().find(|above| above.join(".git").exists());
    found.unwrap_or(folder).to_owned()
}

/// The files that the tree of `file` includes.
pub(super) fn links(root: &Node, file: &Path, repository: &Path, report: &mut Report) -> Vec<Link> {
    let Kind::Map(entries) = &root.kind else { return Vec::new() };
    let Some((key, node)) = entries.get("include") else { return Vec::new() };
    // What is wrong with the list itself is said where the whole inventory is read.
    let key = Loc { value: "include", span: *key };
    let patterns: Option<Vec<Loc<Text<Free>>>> = Read::read(node, &key, &mut Report::default());
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut links: Vec<Link> = Vec::new();
    for pattern in patterns.iter().flatten() {
        let found = matches(&pattern.as_str(), folder, repository, report);
        if !found.is_empty() {
            warn_of_yml(&pattern.as_str(), folder, report);
        }
        for path in found {
            if !links.iter().any(|link| link.path == path) {
                links.push(Link { path, at: pattern.span });
            }
        }
    }
    links
}

/// `*` stays in its folder, and hidden files are named.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// The files of a pattern, in the order of their names.
fn matches(
    pattern: &Loc<&str>,
    folder: &Path,
    repository: &Path,
    report: &mut Report,
) -> Vec<PathBuf> {
    let mut refuse = |title: String, label: &str, help: String| {
        report.set_partial();
        let diagnostic = Diagnostic::new(&codes::INCLUDE, pattern.span, title, label);
        report.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
        Vec::new()
    };
    let written = pattern.value;
    if written.is_empty() {
        return refuse("`include` names no file".to_owned(), "empty", String::new());
    }
    // A file may be called like a pattern.
    let is_pattern = written.contains(['*', '?', '[']) && !folder.join(written).exists();
    let found: Vec<PathBuf> = match is_pattern {
        false => {
            let path = folder.join(written);
            if path.is_dir() {
                let help =
                    format!("`{}/*.yaml` includes the files in it", written.trim_end_matches('/'));
                return refuse(format!("`{written}` is a directory"), "not a file", help);
            }
            if path.exists() { vec![path] } else { Vec::new() }
        }
        true => {
            let whole = Path::new(&Pattern::escape(&folder.to_string_lossy())).join(written);
            match glob::glob_with(&whole.to_string_lossy(), OPTIONS) {
                Ok(paths) => paths.filter_map(Result::ok).filter(|path| path.is_file()).collect(),
                Err(error) => {
                    let title =
                        format!("`{written}` is not a pattern of file names: {}", error.msg);
                    return refuse(
                        title,
                        "",
                        "`*` stands for part of a name, `**` for folders".to_owned(),
                    );
                }
            }
        }
    };
    if found.is_empty() {
        let help = match (is_pattern, sibling(&folder.join(written))) {
            (false, Some(near)) => {
                let near = Path::new(written).with_file_name(near);
                format!("did you mean `{}`?", near.display())
            }
            _ => "restore the file, or remove this line".to_owned(),
        };
        let title = match is_pattern {
            true => format!("no file matches `{written}`"),
            false => format!("there is no file `{written}`"),
        };
        return refuse(title, "nothing to include", help);
    }
    let mut paths = Vec::new();
    for path in found {
        let Ok(path) = path.canonicalize() else { continue };
        if !path.starts_with(repository) {
            let title = format!("`{written}` leads out of the repository");
            let help = "an include stays below the nearest folder with `.git`, or below the inventory's own where there is none";
            return refuse(title, "outside", help.to_owned());
        }
        paths.push(path);
    }
    paths.sort();
    paths
}

/// Warns of files that a pattern of `*.yaml` would match if they ended like that.
fn warn_of_yml(pattern: &Loc<&str>, folder: &Path, report: &mut Report) {
    let Some(stem) = pattern.value.strip_suffix(".yaml") else { return };
    if !stem.contains(['*', '?', '[']) {
        return;
    }
    let whole = Path::new(&Pattern::escape(&folder.to_string_lossy())).join(format!("{stem}.yml"));
    let mut unread: Vec<String> = glob::glob_with(&whole.to_string_lossy(), OPTIONS)
        .into_iter()
        .flatten()
        .filter_map(|path| Some(path.ok()?.strip_prefix(folder).ok()?.display().to_string()))
        .collect();
    unread.sort();
    let Some(first) = unread.first() else { return };
    let title = match unread.len() {
        1 => format!("`{first}` is not read"),
        more => format!("`{first}` and {} are not read", count(more - 1, "more file")),
    };
    report.push(
        Diagnostic::new(&codes::UNREAD, pattern.span, title, "matches `.yaml` only")
            .help(format!("rename it to end in `.yaml`, or include `{stem}.yml` too")),
    );
}

/// The file beside a missing one whose name is most like it.
fn sibling(path: &Path) -> Option<String> {
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    nearest(path.file_name()?.to_str()?, &names).map(str::to_owned)
}
