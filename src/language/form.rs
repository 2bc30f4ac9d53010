//! Values with a form of their own: addresses, networks, durations, codes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;

use super::Term;
use super::name::{Name, PortName, QualifiedName, Subdomain};
use super::shape::{Shape, Text};

const V4: &str = "[0-9]{1,3}([.][0-9]{1,3}){3}";
const V6: &str = "[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*";

impl Term for Ipv4Addr {
    fn shape() -> Shape {
        Shape::Text(Text::string("an IPv4 address", format!("^{V4}$")))
    }
}

impl Term for Ipv6Addr {
    fn shape() -> Shape {
        Shape::Text(Text::string("an IPv6 address", format!("^{V6}$")))
    }
}

impl Term for IpAddr {
    fn shape() -> Shape {
        Shape::Text(Text::string("an IP address", format!("^({V4}|{V6})$")))
    }
}

impl Term for IpNet {
    fn shape() -> Shape {
        Shape::Text(Text::string("a network", format!("^({V4}|{V6})/[0-9]{{1,3}}$")))
    }
}

fn duration() -> Shape {
    Shape::Text(Text::string("a duration such as `1s` or `100ms`", "^[0-9]+(ms|s|m)$"))
}

impl Term for Duration {
    fn shape() -> Shape {
        duration()
    }
}

/// Anything.
#[derive(Debug)]
pub struct Free;

impl Term for Free {
    fn shape() -> Shape {
        Shape::Text(Text::default())
    }
}

/// `true`, `false`, or a delay.
#[derive(Debug)]
pub struct Preemption;

impl Term for Preemption {
    fn shape() -> Shape {
        Shape::Either(Box::new(Shape::Boolean), Box::new(duration()))
    }
}

/// The name of a Secret, or `false`.
#[derive(Debug)]
pub struct TlsSecret;

impl TlsSecret {
    /// The words that are refused as a name: whoever writes them means something other than a Secret of that name.
    pub const REFUSED: &[&str] = &["true", "false", "default", "yes", "no", "on", "off"];
}

impl Term for TlsSecret {
    fn shape() -> Shape {
        let name = Text::new(
            Subdomain::about(),
            format!("^(?!({})$){}", Self::REFUSED.join("|"), &Subdomain::PATTERN[1..]),
        );
        Shape::Either(Box::new(Shape::Words(vec!["false", "default"])), Box::new(Shape::Text(name)))
    }
}

/// The name or the number of a Service's port.
#[derive(Debug)]
pub struct ServicePort;

impl Term for ServicePort {
    fn shape() -> Shape {
        let name = &PortName::PATTERN[1..PortName::PATTERN.len() - 1];
        Shape::Text(Text::new("a port's name or number", format!("^({name}|[0-9]+)$")))
    }
}

/// The key of an annotation that is not ours to write.
#[derive(Debug)]
pub struct AnnotationKey;

impl AnnotationKey {
    /// Written by lbgen itself, where `kubernetes.ingress_class` asks for it.
    pub const CLASS: &str = "kubernetes.io/ingress.class";
}

impl Term for AnnotationKey {
    fn shape() -> Shape {
        let class = Self::CLASS.replace('.', "[.]");
        let pattern = format!("^(?!{class}$){}", &QualifiedName::PATTERN[1..]);
        Shape::Text(Text::new(QualifiedName::about(), pattern))
    }
}

/// The code of a message.
#[derive(Debug)]
pub struct MessageCode;

impl Term for MessageCode {
    fn shape() -> Shape {
        Shape::Text(Text::new("a code such as `LB204`", "^LB[0-9]{3}$"))
    }
}

/// A duration as an inventory writes it: `2s`, `100ms`.
pub fn in_words(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}
