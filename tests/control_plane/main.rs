//! A real control plane: kube-apiserver, etcd and Envoy Gateway take what lbgen writes, and Envoy answers as `trace` says.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod answer;
mod cluster;
mod inventories;
#[path = "../lab/mod.rs"]
mod lab;
mod operator;
mod pods;
#[path = "../lab/stage.rs"]
#[allow(dead_code, reason = "each program uses its own part")]
mod stage;
mod status;
#[path = "../support/mod.rs"]
mod support;
