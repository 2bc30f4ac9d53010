//! `lbgen completions` and `lbgen man`: generated from the command line's own definition.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use clap_complete::CompletionCandidate;
use clap_complete::env::Shells;

use super::about::{self, About};
use super::{Exit, output};
use crate::bundle::replace_file;
use crate::diag::Report;
use crate::source::Sources;
use crate::{inventory, lint};

pub const COMPLETIONS: About = About {
    name: "completions",
    formats: about::TEXT,
    has_templates: false,
    exits: &[(Exit::Done, "written"), (Exit::Failed, "usage error")],
    examples: &[(
        "source <(lbgen completions bash)",
        "in ~/.bashrc: complete commands, options, and the names of nodes and codes",
    )],
};

pub const MAN: About = About {
    name: "man",
    formats: about::TEXT,
    has_templates: false,
    exits: &[
        (Exit::Done, "written"),
        (Exit::Failed, "no such command, or the directory cannot be written"),
    ],
    examples: &[
        ("lbgen man render | man -l -", "read one page"),
        ("lbgen man --dir /usr/local/share/man/man1", "install a page for each command"),
    ],
};

/// The variable by which a shell asks for completions.
pub const VARIABLE: &str = "COMPLETE";

#[derive(Clone, Copy, ValueEnum)]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

#[derive(clap::Args)]
pub struct CompletionsArgs {
    /// The shell to write for
    shell: Shell,
}

#[derive(clap::Args)]
pub struct ManArgs {
    /// The command; default: lbgen itself
    command: Option<String>,
    /// Write the pages of all commands into DIR
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Elvish => "elvish",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Zsh => "zsh",
    };
    let shells = Shells::builtins();
    let shell = shells.completer(name).context("the shell is not known")?;
    let mut text = Vec::new();
    shell.write_registration(VARIABLE, "lbgen", "lbgen", "lbgen", &mut text)?;
    output::data(&String::from_utf8(text)?)?;
    Ok(Exit::Done)
}

pub fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let command = about::command();
    let names: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .filter(|name| *name != "help")
        .collect();
    if let Some(folder) = &args.dir {
        for name in std::iter::once(None).chain(names.iter().map(|name| Some(*name))) {
            let file = name.map_or("lbgen.1".to_owned(), |name| format!("lbgen-{name}.1"));
            let path = folder.join(file);
            replace_file(&path, &page(name)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        return Ok(Exit::Done);
    }
    match args.command.as_deref() {
        Some(name) if !names.contains(&name) => bail!("there is no command `{name}`"),
        name => output::data(&page(name)?)?,
    }
    Ok(Exit::Done)
}

/// The manual page of a command, or of lbgen itself.
fn page(name: Option<&str>) -> anyhow::Result<String> {
    let mut command = about::command().disable_help_subcommand(true);
    command.build();
    let found = match name {
        None => command,
        Some(name) => command.find_subcommand(name).context("no such command")?.clone(),
    };
    // The sections below say what `--help` has at its end.
    let man = clap_mangen::Man::new(found.after_help(""));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if name.is_none() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut page = String::from_utf8(page)?;
    if let Some(about) = name.and_then(about::of) {
        page += &about.roff();
    }
    Ok(page)
}

/// The nodes of the inventory on the line.
pub fn nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    of_inventory(current, |raw| raw.nodes.iter().flatten().map(|(name, _)| name.clone()).collect())
}

/// Its zones.
pub fn zones(current: &OsStr) -> Vec<CompletionCandidate> {
    of_inventory(current, |raw| {
        let nodes = raw.nodes.iter().flatten().filter_map(|(_, entry)| entry.value.as_ref());
        nodes.filter_map(|node| Some(node.zone.as_ref()?.value.text.clone())).collect()
    })
}

/// Its entrypoints at its nodes.
pub fn entrypoints_at_nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    of_inventory(current, |raw| {
        let nodes = || raw.nodes.iter().flatten().map(|(name, _)| name);
        let entrypoints = raw.entrypoints.iter().flatten();
        entrypoints
            .flat_map(|(entrypoint, _)| nodes().map(move |node| format!("{entrypoint}@{node}")))
            .collect()
    })
}

/// The codes of messages.
pub fn codes(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy().to_uppercase();
    let codes = lint::all_codes().into_iter().filter(|code| code.id.starts_with(&current));
    codes.map(|code| CompletionCandidate::new(code.id).help(Some(code.summary.into()))).collect()
}

/// The inventory or the fleet on the line that is being typed; else the one in the current directory.
fn named_inventories() -> Vec<PathBuf> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let is_yaml = |path: &Path| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let mut named: Vec<PathBuf> = Vec::new();
    // Words of options may be files too; what is no inventory has no names to offer.
    for path in words.map(PathBuf::from) {
        if path.is_file() && is_yaml(&path) {
            named.push(path);
        } else if path.is_dir() {
            let (mut sources, mut report) = (Sources::default(), Report::default());
            let fleet = inventory::Fleet::read(&path, &mut sources, &mut report);
            named.extend(fleet.into_iter().flat_map(|fleet| fleet.members));
        }
    }
    if named.is_empty() {
        named.push(PathBuf::from("inventory.yaml"));
    }
    named
}

/// Those names of the inventories on the line that begin as what is typed.
fn of_inventory(
    typed: &OsStr,
    names: impl Fn(&inventory::raw::Inventory) -> Vec<String>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let mut found: Vec<String> = Vec::new();
    for path in named_inventories() {
        let (mut sources, mut report) = (Sources::default(), Report::default());
        if let Ok(Some(raw)) = inventory::load(&path, &mut sources, &mut report) {
            found.extend(names(&raw));
        }
    }
    found.sort();
    found.dedup();
    found.retain(|name| name.starts_with(&*typed));
    found.into_iter().map(CompletionCandidate::new).collect()
}
