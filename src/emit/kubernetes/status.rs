//! The script that puts VIPs into the status of Services (KEP-1860, KEP-5707): no manifest can.

use serde::Serialize;
use serde_json::{Value, json};

use super::{BundleFile, Emitter};
use crate::bundle::Place;
use crate::model::{Entry, VipsForm};
use crate::plan::{Exposure, KubernetesPlan, Object, ServicePlan};

/// The context of the template.
#[derive(Serialize)]
struct Script {
    services: Vec<Block>,
}

/// A Service.
#[derive(Serialize)]
struct Block {
    namespace: String,
    name: String,
    /// JSON without a quote in it.
    patch: String,
    /// As the script reads them back.
    addresses: Vec<String>,
}

/// The script, where some Service has its VIPs in its status.
pub(super) fn emit(
    emitter: &Emitter<'_>,
    plan: &KubernetesPlan,
) -> anyhow::Result<Option<BundleFile>> {
    let objects = plan.manifests.iter().flat_map(|manifest| &manifest.objects);
    let services: Vec<Block> = objects
        .filter_map(|object| match object {
            Object::Service(service @ ServicePlan { exposure: Some(exposure), .. })
                if exposure.form == VipsForm::Status =>
            {
                Some(block(service, exposure))
            }
            _ => None,
        })
        .collect();
    if services.is_empty() {
        return Ok(None);
    }
    let body = emitter.render("load-balancer-status", Script { services })?;
    let path = Place::StatusScript.to_string();
    Ok(Some(BundleFile { path, mode: 0o755, body: body.into(), from: vec![Entry::Datacenter] }))
}

fn block(service: &ServicePlan, exposure: &Exposure) -> Block {
    let mode = exposure.has_ip_mode.then_some("VIP");
    let ingress: Vec<Value> = exposure
        .vips
        .iter()
        .map(|address| match mode {
            Some(mode) => json!({ "ip": address, "ipMode": mode }),
            None => json!({ "ip": address }),
        })
        .collect();
    let addresses = exposure.vips.iter();
    Block {
        namespace: service.meta.namespace.to_string(),
        name: service.meta.name.to_string(),
        patch: json!({ "status": { "loadBalancer": { "ingress": ingress } } }).to_string(),
        addresses: addresses.map(ToString::to_string).collect(),
    }
}
