//! Detectors of credentials, one table for each theme.

mod chat;
mod cloud;
mod command;
mod form;
mod header;
mod hosting;
mod infra;
mod password;
mod payment;
mod printed;
mod protocol;
mod registry;
mod saas;

use super::Detector;

/// The detectors of the group `secrets`. Those of a single provider come before general ones.
pub(super) const TABLES: [&[Detector]; 13] = [
    form::DETECTORS,
    cloud::DETECTORS,
    hosting::DETECTORS,
    chat::DETECTORS,
    payment::DETECTORS,
    registry::DETECTORS,
    infra::DETECTORS,
    saas::DETECTORS,
    header::DETECTORS,
    command::DETECTORS,
    protocol::DETECTORS,
    printed::DETECTORS,
    password::DETECTORS,
];
