//! Certificates of Ingresses, as controllers find them.

use serde_json::Value;

use super::Object;

impl Object {
    /// The Secret of a host's certificate, or `default` for TLS with that of the controller.
    pub fn certificate_of(&self, host: &str) -> Option<&str> {
        let secret = self.tls_of(host)?["secretName"].as_str();
        Some(secret.filter(|name| !name.is_empty()).unwrap_or("default"))
    }

    /// The entry for a host: one that names it, or a wildcard that covers it, or the first without hosts (ingress-nginx,
    /// `extractTLSSecretName`: then each Secret whose certificate fits).
    fn tls_of(&self, host: &str) -> Option<&Value> {
        let entries = || self.tls().and_then(Value::as_array).into_iter().flatten();
        let names = |entry: &Value, wanted: &str| {
            let hosts = entry["hosts"].as_array().into_iter().flatten();
            hosts.filter_map(Value::as_str).any(|found| found == wanted)
        };
        let wildcard = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let named = entries().find(|entry| names(entry, host));
        let covered =
            || entries().find(|entry| wildcard.as_ref().is_some_and(|text| names(entry, text)));
        let open = || entries().find(|entry| entry["hosts"].as_array().is_none_or(Vec::is_empty));
        named.or_else(covered).or_else(open)
    }
}
