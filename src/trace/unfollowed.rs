//! Annotations that may answer a request otherwise, and that nobody follows here.

use crate::model::{Annotations, nginx_annotations};

/// Annotations of ingress-nginx that may answer a request otherwise, and that are not followed here.
const UNFOLLOWED: &[&str] = &[
    "app-root",
    "auth-signin",
    "auth-url",
    "configuration-snippet",
    "custom-http-errors",
    "default-backend",
    "denylist-source-range",
    "from-to-www-redirect",
    "permanent-redirect",
    "server-alias",
    "server-snippet",
    "temporal-redirect",
    "whitelist-source-range",
];

/// The same of Traefik: where a rule listens, and what is in its way.
const UNFOLLOWED_OF_TRAEFIK: &[&str] = &["router.entrypoints", "router.middlewares"];

/// Notes the annotations of somebody that may answer otherwise.
pub(super) fn note_unfollowed(whose: &str, annotations: &Annotations, notes: &mut Vec<String>) {
    let nginx = nginx_annotations(annotations).map(|(name, _)| name);
    let nginx = nginx.filter(|name| UNFOLLOWED.contains(name));
    let own = annotations.keys();
    let traefik = own.filter_map(|key| key.as_str().strip_prefix("traefik.ingress.kubernetes.io/"));
    let traefik = traefik.filter(|name| UNFOLLOWED_OF_TRAEFIK.contains(name));
    notes.extend(
        nginx.chain(traefik).map(|name| {
            format!("`{name}` of {whose} may answer otherwise; it is not followed here")
        }),
    );
}
