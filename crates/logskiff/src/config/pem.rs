//! Input: a PEM file. Output: its certificates or key, or the reason why it cannot be used.
//!
//! A reason contains the path and never the file's content.

use std::path::Path;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::config::environment::read_small_file;
use crate::config::error::quote_file;

/// All certificates of a file, at least one, in file order.
pub(super) fn certificates(path: &Path) -> Result<Vec<X509>, String> {
    let error = |reason: &str| format!("{} {reason}", quote_file(path));
    let bytes = read_small_file(path).map_err(|reason| error(&reason))?;
    match X509::stack_from_pem(&bytes) {
        Ok(certificates) if certificates.is_empty() => Err(error("holds no certificate in PEM format")),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(error("holds a certificate that cannot be read")),
    }
}

/// The private key of a file.
pub(super) fn key(path: &Path) -> Result<PKey<Private>, String> {
    let error = |reason: &str| format!("{} {reason}", quote_file(path));
    let bytes = read_small_file(path).map_err(|reason| error(&reason))?;
    // With an empty passphrase OpenSSL does not ask for one on the terminal.
    PKey::private_key_from_pem_passphrase(&bytes, b"")
        .map_err(|_| error("holds no private key in PEM format that can be read without a passphrase"))
}

/// Whether the first certificate, which is the client's own, belongs to the key.
pub(super) fn matches(certificates: &[X509], key: &PKey<Private>) -> bool {
    let own = certificates.first().and_then(|certificate| certificate.public_key().ok());
    own.is_some_and(|own| own.public_eq(key))
}

/// A certificate of its own key, for tests.
#[cfg(test)]
pub(crate) fn self_signed() -> Vec<u8> {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::rsa::Rsa;
    use openssl::x509::X509Builder;
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    builder.build().to_pem().unwrap()
}
