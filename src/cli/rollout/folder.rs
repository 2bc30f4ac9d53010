//! The folder of a rollout that lbgen carries out: its journal, its plan, its script.

use std::path::Path;

use anyhow::{Context, bail};

use super::super::output::say;

/// The folder of journals, where no other is named.
pub(super) const FOLDER: &str = ".lbgen-rollout";

/// Makes the folder of journals; git passes over it.
pub(super) fn make_folder() -> anyhow::Result<()> {
    let folder = Path::new(FOLDER);
    let ignore = folder.join(".gitignore");
    std::fs::create_dir_all(folder)
        .and_then(|()| match ignore.exists() {
            true => Ok(()),
            false => std::fs::write(&ignore, "*\n"),
        })
        .with_context(|| format!("cannot write to {FOLDER}"))
}

/// Without a journal nothing was begun here.
pub(super) fn refuse_nothing(journal: &Path) -> anyhow::Result<()> {
    if journal.exists() {
        return Ok(());
    }
    bail!(
        "there is no journal {}: no rollout was begun by lbgen in this folder; --journal names another one, and what the script began goes on with the script (--from-step, --back)",
        journal.display()
    );
}

/// A step that was begun before lbgen died goes on to its end: its script holds a lock on itself.
pub(super) fn wait_for(script: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::open(script)?;
    if file.try_lock().is_err() {
        let shown = script.display();
        say(&format!(
            "a step is still under way, from before: waiting for it; if it hangs, end it: pkill -f {shown}\n"
        ));
        file.lock().with_context(|| format!("cannot lock {}", script.display()))?;
    }
    Ok(())
}
