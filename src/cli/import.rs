//! `lbgen import`: an inventory of what runs, whoever wrote it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::about::{self, About};
use super::{Exit, Format, output, session::Session};
use crate::import::{Hosts, Source, import};
use crate::state::{Tree, objects_of};
use crate::view::json::{Diagnostics, Document, Imported};

/// The script that a node runs to gather its own files.
const COLLECT: &str = include_str!("../../templates/collect.sh");

pub const ABOUT: About = About {
    name: "import",
    formats: about::DATA,
    has_templates: false,
    exits: &[
        (Exit::Done, "written; notes and warnings say what differs"),
        (
            Exit::Found,
            "written, but something could not be read, or cannot be expressed in an inventory",
        ),
        (Exit::Failed, "nothing could be read"),
    ],
    examples: &[
        ("lbgen import --collect >collect.sh", "the script that gathers a node's files"),
        ("ssh lb-1 sh <collect.sh | tar x -C nodes/lb-1", "run it on a node"),
        (
            "kubectl get service,endpoints,endpointslice,ingress -A -o yaml >objects.yaml",
            "what the cluster has",
        ),
        (
            "lbgen import nodes --objects objects.yaml -o inventory.yaml",
            "write an inventory from all of it",
        ),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    /// Folders with a folder per node (`lb-1/etc/keepalived/keepalived.conf`) or a file per node (`lb-1.conf`), or such files
    #[arg(value_name = "SOURCE", required_unless_present_any = ["collect", "objects"])]
    sources: Vec<PathBuf>,
    /// The file to write; an existing one is never overwritten. Default: standard output, also as `-`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the cluster has: a List that `kubectl get -o yaml` prints, or a folder of manifests; `-` is standard input
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,
    /// An Ansible inventory, YAML or INI, to take connection addresses and zones from
    #[arg(long, value_name = "FILE")]
    ansible: Option<PathBuf>,
    /// Print the script that a node runs to gather its files, and do nothing else
    #[arg(long, conflicts_with_all = ["sources", "output", "objects", "ansible"])]
    collect: bool,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    if args.collect {
        output::data(COLLECT)?;
        return Ok(Exit::Done);
    }
    let output = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    if let Some(path) = output.filter(|path| path.exists()) {
        bail!("{} exists and was not touched", path.display());
    }
    let is_json = session.global.format == Format::Json;
    let source = match source(args) {
        Ok(source) => source,
        Err(error) if is_json => {
            document(session, None, Some(&format!("{error:#}")))?;
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(error),
    };
    let text = import(source, &mut session.sources, &mut session.report);
    session.report.sort();
    session.say_diagnostics();
    let Some(text) = text else {
        const NOTHING: &str = "there is no VIP and no Service in it";
        if is_json {
            document(session, None, Some(NOTHING))?;
        }
        session.say(&format!("error: {NOTHING}"));
        return Ok(Exit::Failed);
    };
    let exit = if session.report.has_errors() { Exit::Found } else { Exit::Done };
    if is_json {
        document(session, Some(&text), None)?;
    } else if output.is_none() {
        output::data(&text)?;
    }
    if let Some(path) = output {
        write(path, &text)?;
        session.note(&format!(
            "wrote {}; next: lbgen check {}",
            path.display(),
            crate::language::shell::quoted(&path.to_string_lossy())
        ));
    }
    Ok(exit)
}

/// One document, also where there is no inventory.
fn document(session: &Session, inventory: Option<&str>, error: Option<&str>) -> anyhow::Result<()> {
    let findings = Diagnostics::of(&session.report, &session.sources);
    output::json(&Document::of(Imported { findings, inventory, error }))
}

fn source(args: &Args) -> anyhow::Result<Source> {
    let mut source = Source::default();
    for path in &args.sources {
        let tree = if path.is_dir() { Tree::of_folder(path, None)? } else { Tree::of_file(path)? };
        source.tree.merge(tree);
        let folder = path.canonicalize().unwrap_or_else(|_| path.clone());
        // `nodes` is what the README calls a folder of nodes; what it is about is the folder around it.
        let folder = match folder.file_name().is_some_and(|name| name == "nodes") {
            true => folder.parent().unwrap_or(&folder),
            false => &folder,
        };
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        if source.name.is_empty() && path.is_dir() {
            source.name = name.unwrap_or_default();
        }
    }
    if let Some(path) = &args.objects {
        objects(path, &mut source)?;
        if source.objects.is_empty() {
            bail!("there is no object in --objects {}", path.display());
        }
    }
    if let Some(path) = &args.ansible {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        source.hosts = Hosts::read(&text).with_context(|| format!("--ansible {shown}"))?;
    }
    Ok(source)
}

/// Adds the objects of a List, or of every manifest in a folder.
fn objects(path: &Path, source: &mut Source) -> anyhow::Result<()> {
    let shown = path.display();
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .with_context(|| format!("cannot read {shown}"))?;
        entries.sort();
        for entry in entries {
            let kind = entry.extension().and_then(|kind| kind.to_str());
            let is_manifest = matches!(kind, Some("yaml" | "yml" | "json"))
                && entry.file_stem().is_none_or(|stem| stem != "kustomization");
            if entry.is_dir() || is_manifest {
                objects(&entry, source)?;
            }
        }
        return Ok(());
    }
    let text = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => fs::read_to_string(path),
    };
    let text = text.with_context(|| format!("cannot read --objects {shown}"))?;
    let file = shown.to_string();
    let found = objects_of(&text, &file).with_context(|| format!("--objects {shown}"))?;
    source.objects.extend(found);
    source.texts.insert(file, text);
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let shown = path.display();
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{shown} exists and was not touched")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {shown}")),
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {shown}"))
}
