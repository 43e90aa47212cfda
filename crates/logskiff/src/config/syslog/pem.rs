//! A PEM file in, what OpenSSL reads from it out, or the reason why it cannot be used.
//!
//! A reason names the path and never what the file holds.

use std::path::Path;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::config::environment::small_file;
use crate::config::error::shown_file;

/// Every certificate of a file, at least one, in its order.
pub(super) fn certificates(path: &Path) -> Result<Vec<X509>, String> {
    let said = |reason: &str| format!("{} {reason}", shown_file(path));
    let bytes = small_file(path).map_err(|reason| said(&reason))?;
    match X509::stack_from_pem(&bytes) {
        Ok(certificates) if certificates.is_empty() => Err(said("holds no certificate in PEM form")),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(said("holds a certificate that cannot be read")),
    }
}

/// The private key of a file.
pub(super) fn key(path: &Path) -> Result<PKey<Private>, String> {
    let said = |reason: &str| format!("{} {reason}", shown_file(path));
    let bytes = small_file(path).map_err(|reason| said(&reason))?;
    // The empty passphrase keeps OpenSSL from asking for one on the terminal.
    PKey::private_key_from_pem_passphrase(&bytes, b"")
        .map_err(|_| said("holds no private key in PEM form that can be read without a passphrase"))
}

/// Whether the first certificate, which is the client's own, is of that key.
pub(super) fn belongs(certificates: &[X509], key: &PKey<Private>) -> bool {
    let own = certificates.first().and_then(|certificate| certificate.public_key().ok());
    own.is_some_and(|own| own.public_eq(key))
}
