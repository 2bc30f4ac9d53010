//! Services (API reference, core/v1).

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::file::{metadata, strings};
use crate::model::VipsForm;
use crate::plan::{Families, Family, ServicePlan};

/// Of Services whose VIPs stand in their status.
pub const LOAD_BALANCER_CLASS: &str = "lbgen.dev/keepalived";

pub(super) fn service(plan: &ServicePlan) -> Service {
    let ports = plan.ports.iter().map(|port| ServicePort {
        name: Some(port.name.to_string()),
        port: i32::from(port.port),
        protocol: Some(port.protocol.to_string()),
        target_port: Some(match port.target {
            Some(number) => IntOrString::Int(i32::from(number)),
            None => IntOrString::String(port.name.to_string()),
        }),
        ..ServicePort::default()
    });
    let mut spec = ServiceSpec {
        // An empty one would make every apply a change (facts K19).
        selector: (!plan.selector.is_empty()).then(|| strings(&plan.selector)),
        ports: Some(ports.collect()),
        ..families(plan.families)
    };
    if let Some(exposure) = &plan.exposure {
        let addresses: Vec<String> = exposure.vips.iter().map(ToString::to_string).collect();
        spec.type_ = Some("LoadBalancer".to_owned());
        // A random node port may be another Service's health port (facts K20).
        spec.allocate_load_balancer_node_ports = Some(false);
        match exposure.form {
            VipsForm::ExternalIps => {
                spec.external_ips = (!addresses.is_empty()).then_some(addresses);
            }
            // No other controller takes a Service of a class that it does not know.
            VipsForm::Status => spec.load_balancer_class = Some(LOAD_BALANCER_CLASS.to_owned()),
        }
        spec.external_traffic_policy = Some("Local".to_owned());
        spec.health_check_node_port = exposure.health_check_node_port.map(i32::from);
    }
    Service { metadata: metadata(&plan.meta), spec: Some(spec), status: None }
}

fn families(families: Families) -> ServiceSpec {
    let policy = match families {
        Families::Default => return ServiceSpec::default(),
        Families::Single(_) => "SingleStack",
        Families::Both => "RequireDualStack",
    };
    let each = families.each();
    ServiceSpec {
        ip_families: Some(each.into_iter().map(Family::word).map(str::to_owned).collect()),
        ip_family_policy: Some(policy.to_owned()),
        ..ServiceSpec::default()
    }
}
