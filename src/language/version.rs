//! Versions of Kubernetes, keepalived and ingress controllers.

use std::fmt;

use super::Term;
use super::shape::{Shape, Text};

/// A Kubernetes version 1.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubernetesVersion(u8);

impl KubernetesVersion {
    /// The version of an inventory that names none: its forms are accepted by every later version too.
    pub const DEFAULT: Self = Self(32);
    /// The oldest minor version that is written for.
    pub const OLDEST: u8 = 22;
    /// The newest one; 1.38 to 1.40 as announced.
    pub const NEWEST: u8 = 40;

    /// The version 1.`minor`, where it is one that is written for.
    pub fn new(minor: u8) -> Option<Self> {
        (Self::OLDEST..=Self::NEWEST).contains(&minor).then_some(Self(minor))
    }

    /// Returns true if this is 1.`minor` or later.
    pub fn at_least(self, minor: u8) -> bool {
        self.0 >= minor
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

impl Term for KubernetesVersion {
    fn shape() -> Shape {
        let minors: Vec<String> = (Self::OLDEST..=Self::NEWEST).map(|m| m.to_string()).collect();
        let pattern = format!("^v?1[.]({})$", minors.join("|"));
        Shape::Text(Text::new("a version such as `\"1.31\"`", pattern))
    }
}

/// A keepalived release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeepalivedVersion(pub u16, pub u16, pub u16);

impl KeepalivedVersion {
    /// Debian 12's, and the oldest whose behaviour is known here.
    pub const OLDEST: Self = Self(2, 2, 7);
    /// Debian 13's, and so that of the image.
    pub const IN_IMAGE: Self = Self(2, 3, 3);
    /// The newest whose behaviour is known here.
    pub const NEWEST: Self = Self(2, 4, 3);

    /// The release in what `keepalived --version` prints: `Keepalived v2.2.7 (01/16,2022)`.
    pub fn of_text(text: &str) -> Option<Self> {
        let word = text.split_whitespace().find_map(|word| word.strip_prefix('v'))?;
        let mut parts = word.split('.').map(|part| part.parse().ok());
        let version = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for KeepalivedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Term for KeepalivedVersion {
    fn shape() -> Shape {
        let pattern = "^[0-9]+[.][0-9]+[.][0-9]+$";
        Shape::Text(Text::string("a version such as `2.2.7`", pattern))
    }
}

/// Release of an ingress controller: major and minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControllerVersion(pub u16, pub u16);

impl ControllerVersion {
    /// Later than every known one.
    pub const NEWEST: Self = Self(u16::MAX, u16::MAX);

    /// As an inventory writes it, where it names one.
    pub fn named(self) -> Option<String> {
        (self != Self::NEWEST).then(|| format!("{}.{}", self.0, self.1))
    }

    /// Reads `3.6`, `3.6.2` or `v3.6`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let parts: Option<Vec<u16>> = text.split('.').map(|part| part.parse().ok()).collect();
        match parts?.as_slice() {
            [major, minor] | [major, minor, _] => Some(Self(*major, *minor)),
            _ => None,
        }
    }
}

impl Term for ControllerVersion {
    fn shape() -> Shape {
        let pattern = "^v?[0-9]{1,4}[.][0-9]{1,4}([.][0-9]{1,4})?$";
        Shape::Text(Text::string("a version such as `\"3.6\"`", pattern))
    }
}
