//! Raw values parsed: words, numbers, durations, pools, addresses. What does not parse is reported here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::codes;
use crate::diag::{Diagnostic, Report, nearest};
use crate::inventory::{Nonempty, Set, Text, whole_number};
use crate::language::name::Name;
use crate::language::number::{Number, Pool};
use crate::language::word::Word;
use crate::source::{Loc, Span};

/// The value of a word.
pub fn word<T: Word>(raw: &Loc<Text<T>>, key: &str, report: &mut Report) -> Option<T> {
    let written = raw.value.text.as_str();
    let found = T::of_word(written);
    if found.is_none() {
        let known: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        let listed = known.join("`, `");
        let mut diagnostic = Diagnostic::new(
            &codes::WORD,
            raw.span,
            format!("`{key}` cannot be `{written}`"),
            format!("one of `{listed}`"),
        );
        // Without a near one, the label has said it all.
        if nearest(written, &known).is_some() {
            diagnostic = diagnostic.did_you_mean(written, raw.span, known);
        }
        report.push(diagnostic);
    }
    found
}

/// A name that keeps its rule.
pub fn name<T: Name>(text: &str, span: Span, what: &str, report: &mut Report) -> Option<T> {
    let name = T::parse(text);
    if name.is_none() {
        let mut diagnostic = Diagnostic::new(
            &codes::NAME,
            span,
            format!("`{}` cannot be {what}", text),
            format!("not {}", T::RULE),
        );
        if let Some(help) = T::HELP {
            diagnostic = diagnostic.help(help);
        } else if let Some((_, rest)) =
            text.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
        {
            let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
            diagnostic = diagnostic.help(match T::parse(path) {
                Some(_) => format!("write the path alone: `{path}`"),
                None => "write the host alone, without `https://` and without a path".to_owned(),
            });
        } else if !text.is_ascii() && text.contains('.') {
            diagnostic = diagnostic
                .help("write an international name in its ASCII form (punycode, `xn--...`)");
        } else if T::parse(&text.to_ascii_lowercase()).is_some() {
            diagnostic = diagnostic.help("write it in lower case");
        }
        let meant = bare(text).filter(|meant| T::HELP.is_none() && T::parse(meant).is_some());
        if let Some(meant) = meant {
            diagnostic = diagnostic.replace(span, meant);
        }
        report.push(diagnostic);
    }
    name
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The name in something that holds more: in lower case, and without the scheme, port, path and trailing dot of a URL.
fn bare(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("://").unwrap_or(("", text));
    let name = match rest.contains('.') {
        true => rest.split(['/', ':']).next()?.trim_end_matches('.'),
        false => text,
    };
    Some(name.to_ascii_lowercase()).filter(|name| name != text)
}

/// [`name`] for a value with its place.
pub fn name_of<T: Name>(raw: &Loc<Text<T>>, what: &str, report: &mut Report) -> Option<T> {
    name(&raw.value.text, raw.span, what, report)
}

/// A number within its range.
pub fn number<T: TryFrom<u64>, const FROM: u64, const TO: u64>(
    raw: &Loc<Number<FROM, TO>>,
    key: &str,
    report: &mut Report,
) -> Option<Loc<T>> {
    let within = (FROM..=TO).contains(&raw.value.0);
    let value = T::try_from(raw.value.0).ok().filter(|_| within);
    if value.is_none() {
        let wanted = format!("{FROM} to {TO}");
        report.push(Diagnostic::new(
            &codes::RANGE,
            raw.span,
            format!("`{key}` cannot be {}", raw.value),
            format!("{wanted} is allowed"),
        ));
    }
    value.map(|value| raw.with(value))
}

/// A duration with its unit: `1s`, `100ms`, `2m`.
pub fn duration(raw: &Loc<Text<Duration>>, key: &str, report: &mut Report) -> Option<Duration> {
    let written = raw.value.text.as_str();
    let digits = written.trim_end_matches(|c: char| !c.is_ascii_digit());
    let milliseconds = match &written[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let parsed = milliseconds
        .zip(whole_number(digits))
        .and_then(|(unit, count)| count.checked_mul(unit))
        .map(Duration::from_millis);
    if parsed.is_none() {
        report.push(
            Diagnostic::new(
                &codes::FORM,
                raw.span,
                format!("`{key}` is not a duration: `{written}`"),
                "a whole number and its unit",
            )
            .help("write `1s`, `100ms` or `2m`"),
        );
    }
    parsed
}

/// A duration that keepalived takes in whole seconds.
pub fn whole_seconds(
    raw: &Loc<Text<Duration>>,
    key: &str,
    allowed: RangeInclusive<u64>,
    report: &mut Report,
) -> Option<u64> {
    let time = duration(raw, key, report)?;
    if time.subsec_millis() != 0 || !allowed.contains(&time.as_secs()) {
        report.push(Diagnostic::new(
            &codes::RANGE,
            raw.span,
            format!("`{key}` cannot be {}", raw.value.text),
            format!("whole seconds, {} to {}", allowed.start(), allowed.end()),
        ));
        return None;
    }
    Some(time.as_secs())
}

/// A pool of numbers: `1000-1999`.
pub fn pool<T, const FROM: u64, const TO: u64>(
    raw: &Loc<Text<Pool<Number<FROM, TO>>>>,
    key: &str,
    report: &mut Report,
) -> Option<RangeInclusive<T>>
where
    T: TryFrom<u64> + PartialOrd,
{
    let within = |number: &u64| (FROM..=TO).contains(number);
    let bound = |text: &str| T::try_from(whole_number(text.trim()).filter(within)?).ok();
    let written = raw.value.text.as_str();
    let ends = written.split_once('-').and_then(|(low, high)| Some((bound(low)?, bound(high)?)));
    let pool = ends.filter(|(low, high)| low <= high).map(|(low, high)| low..=high);
    if pool.is_none() {
        report.push(
            Diagnostic::new(
                &codes::RANGE,
                raw.span,
                format!("`{key}` is not a range of numbers from {FROM} to {TO}: `{written}`"),
                "first and last number, the lower one first",
            )
            .help("write for example `100-199`"),
        );
    }
    pool
}

/// An address of a host.
pub fn address<T>(raw: &Loc<Text<T>>, what: &str, report: &mut Report) -> Option<Loc<IpAddr>> {
    let written = raw.value.text.as_str();
    let Ok(address) = written.parse::<IpAddr>() else {
        let mut diagnostic = Diagnostic::new(
            &codes::FORM,
            raw.span,
            format!("{what} is not an IP address: `{written}`"),
            "an IPv4 or IPv6 address",
        );
        if written.contains('/') {
            diagnostic = diagnostic.help("write the address without the prefix length");
        } else if written.split('.').any(|part| part.len() > 1 && part.starts_with('0')) {
            diagnostic =
                diagnostic.help("remove leading zeros: some YAML readers read them as octal");
        }
        report.push(diagnostic);
        return None;
    };
    if let Some(reason) = unusable(address) {
        report.push(Diagnostic::new(
            &codes::UNUSABLE_ADDRESS,
            raw.span,
            format!("{what} cannot be {address}"),
            format!("this is {reason}"),
        ));
        return None;
    }
    Some(raw.with(address))
}

/// The address, where it is one that a host may have; nothing is reported.
pub fn usable_address<T>(raw: &Loc<Text<T>>) -> Option<IpAddr> {
    raw.value.text.parse().ok().filter(|address| unusable(*address).is_none())
}

/// Returns the kind of an address that no host on a public network may have, or `None` if one may have it.
fn unusable(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let reserved =
        matches!(address, IpAddr::V4(v4) if v4.octets()[0] >= 240 || v4.octets()[0] == 0);
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    [
        (address.is_unspecified(), "the unspecified address"),
        (address.is_loopback(), "a loopback address"),
        (address.is_multicast(), "a multicast address"),
        (link_local, "a link-local address"),
        (reserved, "an address that is reserved"),
        (mapped, "an IPv4 address written as IPv6; write the IPv4 address"),
    ]
    .into_iter()
    .find_map(|(is, what)| is.then_some(what))
}

/// A network without host bits, smaller than the whole Internet.
pub fn network(raw: &Loc<Text<IpNet>>, what: &str, report: &mut Report) -> Option<Loc<IpNet>> {
    let Ok(network) = raw.value.text.parse::<IpNet>() else {
        report.push(
            Diagnostic::new(
                &codes::FORM,
                raw.span,
                format!("{what} is not a network: `{}`", raw.value.text),
                "address/prefix length",
            )
            .help("write for example `10.34.8.0/21` or `2001:db8:8::/64`"),
        );
        return None;
    };
    if network != network.trunc() {
        report.push(
            Diagnostic::new(
                &codes::GATEWAY_NETWORK,
                raw.span,
                format!("{what} has host bits: {network}"),
                "not the first address of the network",
            )
            .replace(raw.span, network.trunc().to_string()),
        );
        return None;
    }
    if network.prefix_len() == 0 {
        report.push(
            Diagnostic::new(
                &codes::GATEWAY_NETWORK,
                raw.span,
                format!("{what} cannot be all addresses"),
                "every address of the Internet",
            )
            .help("write the network as `ip addr` shows it, for example `10.34.8.0/21` or `2001:db8:8::/64`"),
        );
        return None;
    }
    Some(raw.with(network))
}

/// Reports what a list of names holds twice.
pub fn refuse_repeats<T>(list: &Set<Loc<Text<T>>>, key: &str, report: &mut Report) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for item in list.iter() {
        let name = item.value.text.as_str();
        if let Some(first) = seen.insert(name, item.span) {
            report.push(
                Diagnostic::new(
                    &codes::LIST,
                    item.span,
                    format!("`{key}` lists `{name}` twice"),
                    "second time",
                )
                .also(first, "first time")
                .help("remove one of them"),
            );
        }
    }
}

/// Reports an empty list where that cannot be meant.
pub fn refuse_empty<L>(list: &Loc<Nonempty<L>>, key: &str, help: &str, report: &mut Report)
where
    for<'a> &'a L: IntoIterator,
{
    if (&*list.value).into_iter().next().is_none() {
        report.push(
            Diagnostic::new(
                &codes::LIST,
                list.span,
                format!("`{key}` is an empty list"),
                "nothing listed",
            )
            .help(help),
        );
    }
}

/// Returns the meaning of an address that no host of its network may have, or `None` if one may.
pub fn edge_of(network: IpNet, address: IpAddr) -> Option<&'static str> {
    match address {
        // Networks of two addresses have neither (RFC 3021, RFC 6164).
        _ if network.prefix_len() >= network.max_prefix_len() - 1 => None,
        IpAddr::V4(_) if address == network.broadcast() => Some("broadcast address"),
        _ if address == network.network() => Some("network's own address"),
        _ => None,
    }
}

/// "`rest`, `web` or `websocket`"
pub fn either(names: &[&str]) -> String {
    match names {
        [one] => format!("`{one}`"),
        [head @ .., last] => format!("`{}` or `{last}`", head.join("`, `")),
        [] => String::new(),
    }
}
