//! The nodes' keepalived and its settings, and the routing of replies.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::codes;
use super::notify::{self, Notify};
use super::pod::{self, Pod};
use super::value;
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Text, raw, whole_number};
use crate::language::form::Preemption;
use crate::language::number::Number;
use crate::language::version::KeepalivedVersion;
use crate::language::word::RoutingMode;
use crate::source::{Loc, Span};

/// VRRPv2 (RFC 3768) or VRRPv3 (RFC 9568).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VrrpVersion {
    /// Timers in whole seconds; IPv6 VIPs follow VRRPv3 all the same.
    V2,
    /// Hundredths of a second.
    V3,
}

/// The behaviour of a node of a higher priority when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preempt {
    /// Takes the VIP back.
    AtOnce,
    /// Takes it back after this time (`preempt_delay`), at most 1000 s.
    After(Duration),
    /// Leaves it where it is (`nopreempt`).
    Never,
}

/// `keepalived:`
#[derive(Debug)]
pub struct Keepalived {
    /// The version that the nodes run.
    pub version: KeepalivedVersion,
    /// The place of the version, or `None` if it is not written.
    pub version_span: Option<Span>,
    /// The pods that it runs in, or `None` if the host starts it.
    pub pod: Option<Pod>,
    /// The place of an image that nothing uses, because the host starts it.
    pub idle_image: Option<Span>,
    /// The protocol.
    pub vrrp_version: VrrpVersion,
    /// Time between two adverts; the protocol can express it.
    pub advert_interval: Duration,
    /// Default of every VIP.
    pub preempt: Preempt,
    /// The place of that default, or `None` if it is not written.
    pub preempt_span: Option<Span>,
    /// Pool for allocated VRIDs.
    pub vrids: RangeInclusive<u8>,
    /// Commands that it calls on transitions; default of every VIP.
    pub notify: Option<Notify>,
    /// Gratuitous ARP.
    pub garp: Garp,
    /// Real-time priority of the VRRP process; 0 is none.
    pub rt_priority: u8,
}

/// Gratuitous ARP of a new MASTER; what is `None` is keepalived's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Garp {
    /// The whole seconds until the second round.
    pub delay: Option<u64>,
    /// Packets of a round.
    pub repeat: Option<u8>,
    /// The whole seconds between rounds while it is MASTER.
    pub refresh: Option<u64>,
    /// Packets of such a round.
    pub refresh_repeat: Option<u8>,
}

/// `policy_routing:`
#[derive(Debug)]
pub struct PolicyRouting {
    /// The holder of rules and routes: keepalived or the script.
    pub mode: RoutingMode,
    /// Pool for tables; 253 to 255 are never taken from it.
    pub tables: RangeInclusive<u32>,
    /// Pool for rule priorities.
    pub rule_priorities: RangeInclusive<u32>,
    /// Priority of the rules to the pods.
    pub pod_rule_priority: u32,
    /// The place of that priority, or `None` if it is not written.
    pub pod_rule_priority_span: Option<Span>,
    /// Bits of the packet mark that are ours; not 0.
    pub mark_mask: u32,
    /// The place of the mask, or `None` if it is not written.
    pub mark_mask_span: Option<Span>,
}

pub(super) fn build(raw: Option<&raw::Keepalived>, report: &mut Report) -> Option<Keepalived> {
    let pod = pod::build(raw, report);
    let version = match raw.and_then(|raw| raw.version.as_ref()) {
        Some(raw) => version(raw, report),
        None if matches!(pod, Some(Some(_))) => Some(KeepalivedVersion::IN_IMAGE),
        None => Some(KeepalivedVersion::OLDEST),
    };
    let vrrp_version = match raw.and_then(|raw| raw.vrrp_version.as_ref()) {
        Some(raw) => value::number::<u8, _, _>(raw, "vrrp_version", report)
            .map(|n| if n.value == 2 { VrrpVersion::V2 } else { VrrpVersion::V3 }),
        None => Some(VrrpVersion::V2),
    };
    let advert_interval = match raw.and_then(|raw| raw.advert_interval.as_ref()) {
        Some(raw) => advert_interval(raw, vrrp_version, report),
        None => Some(Duration::from_secs(1)),
    };
    let preempt = match raw.and_then(|raw| raw.preempt.as_ref()) {
        Some(raw) => preempt(raw, report),
        None => Some(Preempt::AtOnce),
    };
    let vrids = match raw.and_then(|raw| raw.vrids.as_ref()) {
        Some(raw) => value::pool(raw, "vrids", report),
        None => Some(1..=255),
    };
    let notify = match raw.and_then(|raw| raw.notify.as_ref()) {
        Some(raw) => notify::build(raw, report),
        None => Some(None),
    };
    let garp = match raw.and_then(|raw| raw.garp.as_ref()) {
        Some(raw) => garp(raw, report),
        None => Some(Garp::default()),
    };
    let rt_priority = match raw.and_then(|raw| raw.rt_priority.as_ref()) {
        Some(raw) => value::number(raw, "rt_priority", report).map(|found| found.value),
        None => Some(0),
    };
    let pod = pod?;
    let image = raw.and_then(|raw| raw.image.as_ref());
    Some(Keepalived {
        version: version?,
        version_span: raw.and_then(|raw| raw.version.as_ref()).map(|raw| raw.span),
        idle_image: image.filter(|_| pod.is_none()).map(|image| image.span),
        pod,
        vrrp_version: vrrp_version?,
        advert_interval: advert_interval?,
        preempt: preempt?,
        preempt_span: raw.and_then(|raw| raw.preempt.as_ref()).map(|raw| raw.span),
        vrids: vrids?,
        notify: notify?,
        garp: garp?,
        rt_priority: rt_priority?,
    })
}

pub(super) fn garp(raw: &raw::Garp, report: &mut Report) -> Option<Garp> {
    let delay =
        optional(raw.delay.as_ref(), |raw| value::whole_seconds(raw, "delay", 0..=86_400, report));
    let refresh = optional(raw.refresh.as_ref(), |raw| {
        value::whole_seconds(raw, "refresh", 0..=86_400, report)
    });
    let mut count = |raw: Option<&Loc<Number<1, 255>>>, key| {
        optional(raw, |raw| value::number(raw, key, report).map(|found| found.value))
    };
    let repeat = count(raw.repeat.as_ref(), "repeat");
    let refresh_repeat = count(raw.refresh_repeat.as_ref(), "refresh_repeat");
    Some(Garp {
        delay: delay?,
        repeat: repeat?,
        refresh: refresh?,
        refresh_repeat: refresh_repeat?,
    })
}

/// Nothing of nothing; `None` where what is there cannot be read.
fn optional<R, T>(raw: Option<R>, read: impl FnOnce(R) -> Option<T>) -> Option<Option<T>> {
    raw.map_or(Some(None), |raw| read(raw).map(Some))
}

pub(super) fn build_routing(
    raw: Option<&raw::PolicyRouting>,
    report: &mut Report,
) -> Option<PolicyRouting> {
    let mode = match raw.and_then(|raw| raw.mode.as_ref()) {
        Some(raw) => value::word(raw, "mode", report),
        None => Some(RoutingMode::Virtual),
    };
    let tables = match raw.and_then(|raw| raw.tables.as_ref()) {
        Some(raw) => value::pool(raw, "tables", report),
        None => Some(1000..=1999),
    };
    let rule_priorities = match raw.and_then(|raw| raw.rule_priorities.as_ref()) {
        Some(raw) => value::pool(raw, "rule_priorities", report),
        None => Some(1000..=1999),
    };
    let pod_rule = raw.and_then(|raw| raw.pod_rule_priority.as_ref());
    let pod_rule_priority = match pod_rule {
        Some(raw) => value::number(raw, "pod_rule_priority", report).map(|found| found.value),
        None => Some(999),
    };
    let mark_mask = match raw.and_then(|raw| raw.mark_mask.as_ref()) {
        Some(raw) => value::number(raw, "mark_mask", report).map(|mask| mask.value),
        None => Some(0xff),
    };
    Some(PolicyRouting {
        mode: mode?,
        tables: tables?,
        rule_priorities: rule_priorities?,
        pod_rule_priority: pod_rule_priority?,
        pod_rule_priority_span: pod_rule.map(|raw| raw.span),
        mark_mask: mark_mask?,
        mark_mask_span: raw.and_then(|raw| raw.mark_mask.as_ref()).map(|raw| raw.span),
    })
}

/// Bits of the packet mark that kube-proxy sets: masquerade and drop.
const KUBE_PROXY_MARKS: u32 = 0xc000;

/// Reports a mask with bits of kube-proxy: each would overwrite what the other has set.
pub(super) fn refuse_mask(raw: Option<&raw::PolicyRouting>, report: &mut Report) {
    let Some(mask) = raw.and_then(|raw| raw.mark_mask.as_ref()) else { return };
    let shared = mask.value.0 & u64::from(KUBE_PROXY_MARKS);
    if shared != 0 {
        report.push(
            Diagnostic::new(
                &codes::RANGE,
                mask.span,
                format!("`mark_mask` has bits of kube-proxy: {shared:#x}"),
                "each would overwrite the other's marks",
            )
            .note("kube-proxy marks packets with 0x4000 and 0x8000; Cilium has 0xffff0f00, Calico 0xffff0000 by default")
            .help("the low byte is free in all of them: write `0xff`, or remove `mark_mask`"),
        );
    }
}

/// `true`, `false`, or a delay of at most 1000 s.
pub(super) fn preempt(raw: &Loc<Text<Preemption>>, report: &mut Report) -> Option<Preempt> {
    match (raw.value.plain, raw.value.text.as_str()) {
        (true, "true") => Some(Preempt::AtOnce),
        (true, "false") => Some(Preempt::Never),
        (_, text) => {
            if whole_number(text.trim_end_matches(char::is_alphabetic)).is_none() {
                let title = format!("`preempt` cannot be `{}`", text);
                let label = "`true`, `false`, or how long to wait, as `30s`";
                let meant = match text.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "on" => Some("true"),
                    "false" | "no" | "off" => Some("false"),
                    _ => None,
                };
                let mut wrong = Diagnostic::new(&codes::WORD, raw.span, title, label);
                if let Some(meant) = meant {
                    wrong = wrong.replace(raw.span, meant);
                }
                if meant == Some(text) {
                    wrong = wrong.help("remove the quotes");
                }
                report.push(wrong);
                return None;
            }
            let delay = value::duration(&raw.with(raw.value.to()), "preempt", report)?;
            if delay > Duration::from_secs(1000) || delay.subsec_millis() != 0 {
                report.push(Diagnostic::new(
                    &codes::RANGE,
                    raw.span,
                    format!("`preempt` cannot wait {text}"),
                    "whole seconds, at most 1000 s (keepalived's preempt_delay)",
                ));
                return None;
            }
            Some(Preempt::After(delay))
        }
    }
}

/// An interval that the protocol can put into an advert.
fn advert_interval(
    raw: &Loc<Text<Duration>>,
    vrrp: Option<VrrpVersion>,
    report: &mut Report,
) -> Option<Duration> {
    let interval = value::duration(raw, "advert_interval", report)?;
    let ms = interval.as_millis();
    let (fits, wanted) = match vrrp? {
        VrrpVersion::V2 => (
            ms % 1000 == 0 && (1_000..=255_000).contains(&ms),
            "VRRPv2 takes whole seconds, 1 s to 255 s",
        ),
        VrrpVersion::V3 => (
            ms % 10 == 0 && (10..=40_950).contains(&ms),
            "VRRPv3 takes 10 ms to 40.95 s in steps of 10 ms",
        ),
    };
    if !fits {
        let title = format!("`advert_interval` cannot be {}", raw.value.text);
        let mut diagnostic = Diagnostic::new(&codes::RANGE, raw.span, title, wanted);
        if vrrp == Some(VrrpVersion::V2) && (10..1000).contains(&ms) {
            diagnostic = diagnostic.help("intervals below a second need `vrrp_version: 3`");
        }
        report.push(diagnostic);
        return None;
    }
    Some(interval)
}

fn version(raw: &Loc<Text<KeepalivedVersion>>, report: &mut Report) -> Option<KeepalivedVersion> {
    let number = |text: &str| whole_number(text).and_then(|n| u16::try_from(n).ok());
    let parts: Option<Vec<u16>> = raw.value.text.split('.').map(number).collect();
    let parsed = match parts.as_deref() {
        Some([major, minor, patch]) => Some(KeepalivedVersion(*major, *minor, *patch)),
        _ => None,
    };
    let Some(parsed) = parsed else {
        report.push(
            Diagnostic::new(
                &codes::FORM,
                raw.span,
                format!("`{}` is not a keepalived version", raw.value.text),
                "three numbers",
            )
            .help("`keepalived --version` on a node prints it, for example 2.2.7"),
        );
        return None;
    };
    if parsed < KeepalivedVersion::OLDEST {
        report.push(
            Diagnostic::new(
                &codes::VERSION,
                raw.span,
                format!("keepalived {parsed} is too old"),
                "2.2.7 and later",
            )
            .note("how earlier releases elect and reload was not measured"),
        );
        return None;
    }
    Some(parsed)
}
