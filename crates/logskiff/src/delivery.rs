//! What became of every byte that was read.
//!
//! Enters: spans of files, and the acknowledgements of the sinks. Leaves: how far each file is acknowledged, kept in
//! memory by the [`ledger`] and on disk by the [`checkpoint`].

pub mod checkpoint;
pub mod ledger;
