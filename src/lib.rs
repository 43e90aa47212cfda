//! skeleton
pub mod config;
pub mod record;
pub mod watch;
pub mod tail;
pub mod frame;
pub mod parse;
pub mod redact;
pub mod encode;
pub mod batch;
pub mod output;
pub mod checkpoint;
