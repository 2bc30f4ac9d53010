//! Two renders, compared.

use std::collections::{BTreeMap, BTreeSet};

use lbgen::bundle::ChangeKind;
use lbgen::emit::BundleFile;
use lbgen::impact::ChangedFile;
use lbgen::language::version::KeepalivedVersion;
use lbgen::source::Sources;
use lbgen::state::{State, Tree};

pub const VERSION: KeepalivedVersion = KeepalivedVersion(2, 2, 7);

/// The files in which two renders differ.
pub fn changed<'a>(from: &'a [BundleFile], to: &'a [BundleFile]) -> Vec<ChangedFile<'a>> {
    let bodies = |files: &'a [BundleFile]| -> BTreeMap<&'a str, &'a str> {
        files.iter().map(|file| (file.path.as_str(), &*file.body)).collect()
    };
    let (old, new) = (bodies(from), bodies(to));
    let paths: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    paths
        .into_iter()
        .filter_map(|path| {
            let kind = match (old.get(path), new.get(path)) {
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Removed,
                (old, new) if old != new => ChangeKind::Changed,
                _ => return None,
            };
            Some(ChangedFile { path, kind, is_text: false })
        })
        .collect()
}

pub fn state_of(files: &[BundleFile]) -> State {
    State::read(&Tree::of_files("", files), &mut Sources::default()).0
}
