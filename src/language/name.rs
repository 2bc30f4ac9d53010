//! Names, each a type of its own, so that no text of the inventory reaches a file unchecked.

use std::fmt;

use serde::Serialize;

use super::Term;
use super::image::is_image;
use super::shape::{Shape, Text};
use crate::diag::is_unprintable;

/// A text that keeps a rule.
pub trait Name: Sized {
    /// The name of the rule in a message: `... is not <RULE>`.
    const RULE: &'static str;

    /// The rule as an ECMA 262 regular expression from `^` to `$`, as far as one can say it.
    const PATTERN: &'static str;

    /// The help for a text that does not keep it, where a likely name cannot be guessed from the text.
    const HELP: Option<&'static str> = None;

    /// The rule in a few words.
    fn about() -> &'static str {
        Self::RULE.split_once(':').map_or(Self::RULE, |(about, _)| about)
    }

    /// The name, where `text` keeps the rule.
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident, $rule:literal, $pattern:expr, $valid:expr $(, help $help:literal)?;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub struct $name(String);

        impl Name for $name {
            const RULE: &'static str = $rule;
            const PATTERN: &'static str = $pattern;
            $(const HELP: Option<&'static str> = Some($help);)?

            fn parse(text: &str) -> Option<Self> {
                let valid: fn(&str) -> bool = $valid;
                valid(text).then(|| Self(text.to_owned()))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }

            fn inline_schema() -> bool {
                true
            }
        }

        impl Term for $name {
            fn shape() -> Shape {
                Shape::Text(Text::new(Self::about(), Self::PATTERN))
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// RFC 1123 label: datacenters, gateways, entrypoints, components, namespaces, zones.
    Label, "an RFC 1123 label: at most 63 of a-z, 0-9 and `-`, no `-` at its ends", LABEL, is_label;
    /// RFC 1123 subdomain: nodes, Secrets, classes.
    Subdomain, "an RFC 1123 subdomain: labels of a-z, 0-9 and `-` joined by dots, at most 253 characters", SUBDOMAIN, is_subdomain;
    /// RFC 1035 label: Services.
    ServiceName, "an RFC 1035 label: at most 63 of a-z, 0-9 and `-`, a letter first, no `-` at its end",
        "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$",
        |text| is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase());
    /// A host of an Ingress, `*.` in front allowed (RFC 1034, RFC 4592).
    Host, "a host name: labels of a-z, 0-9 and `-` joined by dots, at most 240 characters, no address, `*.` in front for a wildcard",
        "^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", is_host;
    /// A Linux network interface (`dev_valid_name` of the kernel, and nothing that a shell or keepalived reads as syntax).
    Interface, "an interface name: at most 15 characters of letters, digits and `._+-`, not `lo`, `all` or `default`",
        "^[A-Za-z0-9._+][A-Za-z0-9._+-]{0,14}$", is_interface;
    /// The label of an IPv4 address (ip-address(8)) without the interface and the colon in front: `web` of `eth0:web`.
    AddressLabel, "the label of an address: at most 13 letters, digits and `._-`, without the interface and the colon in front of it",
        "^[A-Za-z0-9._-]{1,13}$", is_address_label;
    /// The name of a port (IANA service name, RFC 6335).
    PortName, "a port name: at most 15 of a-z, 0-9 and `-`, at least one letter, no `-` at its ends or twice in a row",
        "^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$", is_port_name;
    /// A command that keepalived starts: an absolute path and plain arguments.
    Command, "a command: an absolute path and arguments of letters, digits and `._/:=,+@%-`", "^/[A-Za-z0-9 ._/:=,+@%-]*$", is_command;
    /// The command of a check: as keepalived starts one, or a line for a shell, which shows by its syntax.
    CheckLine, "a command: an absolute path and arguments of letters, digits and `._/:=,+@%-`, or one line of shell: at most 512 printable characters with one of |&;<>()$`'\"*?[]{}!~#\\ among them",
        "^(/[A-Za-z0-9 ._/:=,+@%-]*|[ -~]*[|&;<>()$`'\"*?\\[\\]{}!~#\\\\][ -~]*)$", is_check_line;
    /// A directory of a node.
    Directory, "a directory: an absolute path of letters, digits and `._-`, no part with a dot first", "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$",
        is_directory;
    /// The reference of a container image (distribution/reference): a registry if wanted, a path, a tag or a digest or both.
    Image, "an image: a path in lower case, with a registry and `/` in front if wanted, and `:TAG` or `@sha256:DIGEST` or both",
        "^[a-zA-Z0-9._-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$", is_image,
        help "write `REGISTRY/PATH@sha256:DIGEST`, which a push prints";
    /// A label of Prometheus that is not one of its own (data model, "Metric names and labels").
    AlertLabel, "a label of Prometheus: letters, digits and `_`, no digit first, no `__` first",
        "^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$", is_alert_label;
    /// The value of a label of an alert, which Prometheus would expand as a template.
    AlertLabelValue, "the value of a label: one line, not empty, without `{{`", "^((?![{][{]).)+$",
        |text| !text.is_empty() && !text.contains("{{") && !text.chars().any(is_unprintable);
    /// A user of a node, by name (useradd(8)).
    User, "a user: at most 32 of a-z, 0-9, `_` and `-`, a letter or `_` first", "^[a-z_][a-z0-9_-]{0,31}$", is_user;
    /// The path of an Ingress rule.
    UrlPath, "a path: it starts with `/`, has no `//`, `/./`, `/../` or `%2f`, no white space and none of ; { } \\ ` or quotes", "^/", is_url_path;
    /// The name of a header (RFC 9110, 5.1; HTTPHeaderName of Gateway API).
    HeaderName, "a header's name: at most 256 letters, digits and !#$%&'*+-.^_`|~", "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$", is_header_name;
    /// The value of a header.
    HeaderValue, "a header's value: 1 to 4096 printable characters, no space at its ends", "^[!-~]([ -~]{0,4094}[!-~])?$", is_header_value;
    /// The key of a label or an annotation.
    QualifiedName, "a qualified name: at most 63 letters, digits and `-_.`, with a DNS name and `/` in front if wanted",
        "^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$", is_qualified_name;
    /// The value of a label.
    LabelValue, "a label value: at most 63 letters, digits and `-_.`, a letter or digit at its ends",
        "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
        |text| text.is_empty() || is_qualified_part(text);
}

const LABEL: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
const SUBDOMAIN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

impl UrlPath {
    /// `/`
    pub fn root() -> Self {
        Self("/".to_owned())
    }
}

impl Host {
    /// The wildcard that it matches: `*` stands for one label (Ingress API reference). None for a wildcard itself.
    pub fn wildcard(&self) -> Option<Host> {
        let (first, parent) = self.0.split_once('.')?;
        (first != "*").then(|| Host(format!("*.{parent}")))
    }

    /// Every wildcard that covers it, where one may stand for any number of labels; the nearest first.
    pub fn wildcards(&self) -> impl Iterator<Item = Host> {
        std::iter::successors(self.wildcard(), |above| {
            Host(above.0.strip_prefix("*.")?.to_owned()).wildcard()
        })
    }

    /// Returns true if this is the name of the objects of a wildcard, as [`Host::object_name`] makes it.
    pub fn is_of_wildcard(object_name: &str) -> bool {
        object_name.starts_with("wildcard.")
    }

    /// Returns true if each request for this host is one for `other`: for the same host, or one below a wildcard, which
    /// stands for any number of labels there (Gateway API, Hostname).
    pub fn is_covered_by(&self, other: &Host) -> bool {
        self == other
            || other
                .0
                .strip_prefix('*')
                .is_some_and(|parent| self.0.len() > parent.len() && self.0.ends_with(parent))
    }

    /// Returns the precision of the host, to be compared: a wildcard is less precise than a name, a short one less than
    /// a long one.
    pub fn precision(&self) -> (bool, usize) {
        (!self.0.starts_with('*'), self.0.len())
    }

    /// Longest name without `*.`: its file is called `<name>.yaml`, and file names end at 255 bytes.
    pub const LONGEST: usize = 240;

    /// The name of objects and files of this host: `*.example.com` is `wildcard.example.com`.
    pub fn object_name(&self) -> Subdomain {
        match self.0.strip_prefix('*') {
            Some(rest) => Subdomain(format!("wildcard{rest}")),
            None => Subdomain(self.0.clone()),
        }
    }
}

impl From<&Label> for Subdomain {
    fn from(label: &Label) -> Self {
        Self(label.0.clone())
    }
}

impl From<&ServiceName> for Subdomain {
    fn from(name: &ServiceName) -> Self {
        Self(name.0.clone())
    }
}

impl Subdomain {
    /// The name of a Gateway's listener for plain HTTP.
    pub fn plain() -> Self {
        Self("http".to_owned())
    }

    /// The name of one of several that belong to this one; both are labels.
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}-{suffix}", self.0))
    }
}

impl PortName {
    /// The port between the tiers, and to the fallback.
    pub fn http() -> Self {
        Self("http".to_owned())
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_header_name(text: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=256).contains(&text.len()) && text.bytes().all(is_token)
}

fn is_header_value(text: &str) -> bool {
    (1..=4096).contains(&text.len())
        && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
        && text.trim() == text
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_interface(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
        && !text.starts_with('-')
        // `all` and `default` are not interfaces where the kernel keeps its settings.
        && !matches!(text, "." | ".." | "lo" | "all" | "default")
}

fn is_address_label(text: &str) -> bool {
    (1..=13).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    // The host names a file, and an Ingress refuses an address.
    name.len() <= Host::LONGEST && is_subdomain(name) && name.parse::<std::net::IpAddr>().is_err()
}

fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && is_label(text)
        && !text.contains("--")
        && text.bytes().any(|b| b.is_ascii_lowercase())
}

fn is_alert_label(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && !text.starts_with("__")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_directory(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain)
    };
    text.strip_prefix('/').is_some_and(|parts| parts.split('/').all(is_part))
}

fn is_user(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

fn is_command(text: &str) -> bool {
    text.len() <= 512
        && text.starts_with('/')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" ._/:=,+@%-".contains(&b))
        && text == text.trim()
}

impl CheckLine {
    /// Returns true if a shell has to run it.
    pub fn is_shell(&self) -> bool {
        !is_command(self.as_str())
    }
}

/// Characters that a shell reads as syntax.
const SYNTAX: &str = "|&;<>()$`'\"*?[]{}!~#\\";

fn is_check_line(text: &str) -> bool {
    let is_shell = text.len() <= 512
        && text == text.trim()
        && text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && text.contains(|c| SYNTAX.contains(c));
    is_command(text) || is_shell
}

fn is_url_path(text: &str) -> bool {
    text.len() <= 1024
        && text.starts_with('/')
        // What the API server refuses in an Ingress.
        && !["//", "/./", "/../", "%2f", "%2F"].iter().any(|part| text.contains(part))
        && !text.ends_with("/.")
        && !text.ends_with("/..")
        && !text.contains(|c: char| c.is_whitespace() || is_unprintable(c) || "\"'`;{}\\".contains(c))
}

fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified_part(name),
        None => is_qualified_part(text),
    }
}

fn is_qualified_part(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_at_their_borders() {
        assert!(Label::parse("eu1").is_some() && Label::parse("-a").is_none());
        assert!(Label::parse(&"a".repeat(63)).is_some() && Label::parse(&"a".repeat(64)).is_none());
        assert!(ServiceName::parse("1a").is_none());
        assert!(Interface::parse("eth1.100").is_some());
        for hostile in
            ["eth0;reboot", "eth0 x", "a/b", "..", "eth0\n", "$(x)", "", "sixteencharacters"]
        {
            assert!(Interface::parse(hostile).is_none(), "{hostile}");
        }
        for hostile in ["/bin/x \"y\"", "/bin/x\ny", "bin/x", "/x $(y)", "/x #", "/x {", "/x `y`"] {
            assert!(Command::parse(hostile).is_none(), "{hostile}");
        }
        assert!(Host::parse("*.example.com").is_some() && Host::parse("a.*.com").is_none());
        assert!(PortName::parse("80").is_none() && PortName::parse("http-api").is_some());
        assert!(QualifiedName::parse("nginx.ingress.kubernetes.io/x-y").is_some());
    }
}
