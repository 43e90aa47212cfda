//! TLS without a socket: bytes in, bytes out.

use std::path::PathBuf;

/// How TLS is spoken.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Certificates that may sign the receiver's (PEM); `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain (PEM).
    pub cert_file: Option<PathBuf>,
    /// Its key (PEM).
    pub key_file: Option<PathBuf>,
    /// The name that the receiver's certificate must hold; `None`: the address's host.
    pub server_name: Option<String>,
    /// Whether the receiver's certificate and name are verified.
    pub verify: bool,
}
