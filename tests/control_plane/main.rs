//! A real control plane: kube-apiserver, etcd and Envoy Gateway take what lbgen writes, and Envoy answers as `trace` says.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod answer;
mod cluster;
mod inventories;
mod pods;
mod status;
#[path = "../support/mod.rs"]
mod support;
