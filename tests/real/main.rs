//! Tests that need real parts: brokers, receivers, Prometheus, Helm, Kubernetes. Each module's doc names them, and how
//! to get them. Without them its tests are skipped, or fail if `LOGSKIFF_TEST_REAL=1`. `cargo test --test real
//! real_kafka:: -- --test-threads=1` runs one module.
#![allow(unreachable_pub, clippy::print_stderr, reason = "a test crate exports nothing, and its figures go to stderr")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod chaos;
mod real_distance;
mod real_downstream;
mod real_helm;
mod real_kafka;
mod real_kube_api;
mod real_kube_node;
mod real_programs;
mod real_prometheus;
mod real_rule_files;
mod real_runtimes;
mod real_security;
mod real_syslog;
mod real_syslog_faults;
mod real_syslog_network;
#[path = "../support/mod.rs"]
mod support;
