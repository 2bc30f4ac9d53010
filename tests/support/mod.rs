//! The parts that the tests share: the examples, the program, a datacenter of any size.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses its own part, and a panic fails the test"
)]

pub mod api_server;
pub mod compare;
pub mod document;
pub mod edit;
pub mod fleet;
pub mod gateway_rules;
pub mod node;
pub mod random;
pub mod served;
pub mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of `inventory-examples/`, sorted; of a fleet those of its datacenters, as `fleet/eu1`.
pub fn examples() -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("inventory-examples")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // Files of machines and clusters, to be imported.
        if name.starts_with("collected") {
            continue;
        }
        if entry.path().join("inventory.yaml").is_file() {
            names.push(name);
            continue;
        }
        for file in fs::read_dir(entry.path()).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            names.extend(file.strip_suffix(".yaml").map(|member| format!("{name}/{member}")));
        }
    }
    names.sort();
    names
}

/// Those whose text is all of them: a fleet's datacenters include files.
pub fn examples_of_one_file() -> Vec<String> {
    examples().into_iter().filter(|name| !name.contains('/')).collect()
}

/// The fleets of `tests/import`, each in a style of its own.
pub fn foreign_fleets() -> Vec<String> {
    let folder = root().join("tests/import");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The inventory of an example.
pub fn inventory(example: &str) -> PathBuf {
    let path = root().join("inventory-examples").join(example);
    if path.is_dir() { path.join("inventory.yaml") } else { path.with_extension("yaml") }
}

/// Runs lbgen in a folder.
pub fn lbgen_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap()
}

/// Runs lbgen in the folder of the project.
pub fn lbgen(arguments: &[&str]) -> Output {
    lbgen_in(root(), arguments)
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Renders an inventory into `output`, and the folder of its bundle.
pub fn render(inventory: &Path, output: &Path) -> PathBuf {
    let done =
        lbgen(&["render", "-q", inventory.to_str().unwrap(), "-o", output.to_str().unwrap()]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let mut bundles: Vec<PathBuf> =
        fs::read_dir(output).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(bundles.len(), 1, "one bundle in {}", output.display());
    bundles.remove(0)
}

/// Every file below a folder, where there is one: path and contents, of a link where it leads.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            if about.is_dir() {
                open.push(path);
                continue;
            }
            let body = if about.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            found.insert(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(), body);
        }
    }
    found
}

/// A datacenter of a given size, both kinds of traffic.
pub fn datacenter(nodes: usize, vips: usize, components: usize, domains: usize) -> String {
    let mut text = String::from(
        "datacenter: big\n\
         gateways:\n  public: { address: 10.34.8.1, network: 10.34.8.0/21, interface: eth1 }\n\
         entrypoints:\n  \
         rest: { edge: { class: a, health_check_node_port: 32110 }, routing: { class: b } }\n  \
         websocket: { edge: { class: c, health_check_node_port: 32111 }, routing: { class: d } }\n\
         nodes:\n",
    );
    let kind = |index: usize| if index.is_multiple_of(2) { "rest" } else { "websocket" };
    for index in 0..nodes {
        let (high, low) = (index / 250, index % 250 + 1);
        writeln!(
            text,
            "  lb-{index}: {{ address: 10.40.{high}.{low}, interface: eth0, zone: z-{} }}",
            index % 3
        )
        .unwrap();
    }
    text.push_str("vips:\n");
    for index in 0..vips {
        let (high, low) = (8 + index / 250, index % 250 + 2);
        writeln!(text, "  - {{ address: 10.34.{high}.{low}, entrypoint: {} }}", kind(index))
            .unwrap();
    }
    text.push_str("domains:\n");
    for index in 0..domains {
        writeln!(text, "  brand-{index}.example.com: {{ entrypoint: {} }}", kind(index)).unwrap();
    }
    text.push_str("components:\n");
    for index in 0..components {
        let kind = kind(index);
        writeln!(text, "  service-{index}: {{ entrypoint: {kind}, backend: {{ port: http }}, paths: [/api/{index}/] }}")
            .unwrap();
    }
    text
}

/// An example of `explain` as a whole inventory: what it leaves out is as in the one that `init` writes.
pub fn whole(example: &str) -> String {
    let starter = stdout(&lbgen(&["init", "-"]));
    let mut text = example.to_owned();
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let is_key = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let named: Vec<String> = text.lines().filter(|line| is_key(line)).map(key).collect();
    let mut wanted = false;
    for line in starter.lines().filter(|line| !line.starts_with('#')) {
        if is_key(line) {
            wanted = !named.contains(&key(line));
        }
        if wanted {
            text += line;
            text += "\n";
        }
    }
    text
}

/// A YAML text as the data that an editor's validator sees: keys are text, whatever they look like.
pub fn data(text: &str) -> serde_json::Value {
    use serde_json::Value as Json;
    use serde_yaml::Value as Yaml;

    fn convert(value: Yaml) -> Json {
        match value {
            Yaml::Mapping(entries) => {
                let key = |key: Yaml| match convert(key) {
                    Json::String(text) => text,
                    // Its text is lost, and an editor's validator has it: any name stands for it.
                    Json::Number(number) if number.is_f64() => "a-number".to_owned(),
                    other => other.to_string(),
                };
                Json::Object(
                    entries.into_iter().map(|(name, value)| (key(name), convert(value))).collect(),
                )
            }
            Yaml::Sequence(items) => items.into_iter().map(convert).collect(),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    convert(serde_yaml::from_str(text).unwrap())
}
