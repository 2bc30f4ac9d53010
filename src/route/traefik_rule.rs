//! The annotations of Traefik that change how a rule is compared or ranked.

use crate::model::Annotations;

/// The settings that annotations of Traefik give the rules of an Ingress.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraefikRule {
    /// `router.priority`, in place of the length of the rule's text.
    pub priority: Option<usize>,
    /// `router.pathmatcher`, in place of `PathPrefix` where the type is ImplementationSpecific.
    pub matcher: Option<String>,
}

impl TraefikRule {
    /// Reads the settings from annotations.
    pub fn of(annotations: &Annotations) -> Self {
        let says = |name: &str| {
            let key = format!("traefik.ingress.kubernetes.io/router.{name}");
            let mut all = annotations.iter();
            all.find(|(found, _)| found.as_str() == key).map(|(_, value)| value.value.as_str())
        };
        Self {
            priority: says("priority").and_then(|text| text.parse().ok()).filter(|n| *n > 0),
            matcher: says("pathmatcher").filter(|text| !text.is_empty()).map(str::to_owned),
        }
    }
}
