//! Endpoints and EndpointSlices (API reference, core/v1 and discovery.k8s.io/v1).

use std::net::IpAddr;

use k8s_openapi::Resource;
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};
use k8s_openapi::api::discovery::v1::{
    Endpoint, EndpointConditions, EndpointPort as SlicePort, EndpointSlice,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta as Metadata;
use serde::Serialize;

use super::file::metadata;
use crate::plan::{EndpointsPlan, SlicePlan};

/// Left out, it would make every apply a change (facts K19).
const PROTOCOL: &str = "TCP";

pub(super) fn endpoints(plan: &EndpointsPlan) -> Endpoints {
    let mut metadata = metadata(&plan.meta);
    if !plan.mirrored {
        let skip = ("endpointslice.kubernetes.io/skip-mirror".to_owned(), "true".to_owned());
        metadata.labels.get_or_insert_default().extend([skip]);
    }
    let address =
        |ip: &IpAddr| EndpointAddress { ip: ip.to_string(), ..EndpointAddress::default() };
    Endpoints {
        metadata,
        subsets: Some(vec![EndpointSubset {
            addresses: Some(plan.addresses.iter().map(address).collect()),
            ports: Some(vec![EndpointPort {
                name: Some(plan.port_name.to_string()),
                port: i32::from(plan.port),
                protocol: Some(PROTOCOL.to_owned()),
                ..EndpointPort::default()
            }]),
            ..EndpointSubset::default()
        }]),
    }
}

pub(super) fn slice(plan: &SlicePlan) -> MetadataFirst {
    let mut metadata = metadata(&plan.meta);
    metadata.labels.get_or_insert_default().extend([
        ("endpointslice.kubernetes.io/managed-by".to_owned(), "lbgen".to_owned()),
        ("kubernetes.io/service-name".to_owned(), plan.service.to_string()),
    ]);
    MetadataFirst {
        api_version: EndpointSlice::API_VERSION,
        kind: EndpointSlice::KIND,
        metadata,
        address_type: plan.family.word(),
        endpoints: plan
            .addresses
            .iter()
            .map(|address| Endpoint {
                addresses: vec![address.to_string()],
                conditions: Some(EndpointConditions {
                    ready: Some(true),
                    ..EndpointConditions::default()
                }),
                ..Endpoint::default()
            })
            .collect(),
        ports: vec![SlicePort {
            name: Some(plan.port_name.to_string()),
            port: Some(i32::from(plan.port)),
            protocol: Some(PROTOCOL.to_owned()),
            ..SlicePort::default()
        }],
    }
}

/// An EndpointSlice as people write it: its type sorts `metadata` between its other fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataFirst {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    address_type: &'static str,
    endpoints: Vec<Endpoint>,
    ports: Vec<SlicePort>,
}
