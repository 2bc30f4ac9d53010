//! Commands to type next, complete for where the reader stands.

use std::path::{Path, PathBuf};

use crate::language::shell::quoted;

/// The inventory and the directory of bundles that a reader works with.
#[derive(Debug, Clone, Default)]
pub struct Here {
    /// The inventory, or `None` if it is `inventory.yaml`.
    inventory: Option<PathBuf>,
    /// The directory, or `None` if it is `out`.
    output: Option<PathBuf>,
}

impl Here {
    /// A reader who works with this inventory.
    pub fn with_inventory(&mut self, path: &Path) {
        self.inventory = (path.as_os_str() != "inventory.yaml").then(|| path.to_owned());
    }

    /// A reader whose bundles are in this directory.
    pub fn with_output(&mut self, path: &Path) {
        self.output = (path.as_os_str() != "out").then(|| path.to_owned());
    }

    /// A command that reads the inventory, with its options.
    pub fn command(&self, name: &str, options: &[&str]) -> String {
        let path = |path: &Path| quoted(&path.to_string_lossy());
        let mut words = vec!["lbgen".to_owned(), name.to_owned()];
        words.extend(self.inventory.as_deref().map(path));
        words.extend(options.iter().map(|word| quoted(word)));
        words.join(" ")
    }

    /// A command that reads the inventory and the bundle.
    pub fn command_on_bundle(&self, name: &str, options: &[&str]) -> String {
        let mut command = self.command(name, options);
        if let Some(output) = &self.output {
            command += &format!(" -o {}", quoted(&output.to_string_lossy()));
        }
        command
    }
}
