//! TLS without a socket: plaintext and ciphertext in, ciphertext and plaintext out.
//!
//! OpenSSL works in memory here, so the position in the stream where the ciphertext of a message ends is known. Each
//! session reads the files of its [`Config`] again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    ErrorCode, HandshakeError, MidHandshakeSslStream, ShutdownState, Ssl, SslContext, SslMethod, SslOptions, SslRef,
    SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::{X509, X509VerifyResult};

use crate::regular::{self, ReadError};

/// The variables that name the files.
const CA_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CA_FILE";
const CERT_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CERT_FILE";
const KEY_FILE: &str = "LOGSKIFF_SYSLOG_TLS_KEY_FILE";

/// The settings of TLS.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The certificate authorities that are trusted (PEM); `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain (PEM).
    pub cert_file: Option<PathBuf>,
    /// Its key (PEM).
    pub key_file: Option<PathBuf>,
    /// The name that the receiver's certificate must contain; `None`: the host of the address.
    pub server_name: Option<String>,
    /// Whether the receiver's certificate and name are verified.
    pub verify: bool,
}

/// Why a session failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be used.
    #[error("{variable}: {path}: {reason}", path = path.display())]
    File {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// The mistake, without the file's content.
        reason: String,
    },
    /// The peer's certificate is not trusted.
    #[error("the receiver's certificate is refused: {0}")]
    Verify(String),
    /// The peer refuses the client.
    #[error("the receiver refuses the TLS session: {0}")]
    Refused(String),
    /// Any other error, such as a peer that does not speak TLS.
    #[error("TLS failed: {0}")]
    Protocol(String),
}

impl From<ErrorStack> for Error {
    fn from(errors: ErrorStack) -> Self {
        Self::Protocol(reasons(&errors))
    }
}

/// Hashes of the files, which show whether the files have changed.
pub type Files = [Option<u64>; 3];

/// Takes the place of the socket: received bytes, and bytes to send.
#[derive(Debug, Default)]
struct Pipe {
    incoming: Vec<u8>,
    incoming_start: usize,
    outgoing: Vec<u8>,
    records: Records,
}

/// Counts complete TLS records (RFC 8446, 5.1: a header of five bytes, whose last two are the length).
#[derive(Debug, Default)]
struct Records {
    header: [u8; 5],
    header_bytes: usize,
    body_bytes: usize,
    complete: u64,
}

impl Records {
    fn count(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.header_bytes < self.header.len() {
                self.header[self.header_bytes] = bytes[0];
                self.header_bytes += 1;
                self.body_bytes = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
                bytes = &bytes[1..];
            } else {
                let part = self.body_bytes.min(bytes.len());
                self.body_bytes -= part;
                bytes = &bytes[part..];
            }
            if self.header_bytes == self.header.len() && self.body_bytes == 0 {
                self.header_bytes = 0;
                self.complete += 1;
            }
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = buffer.len().min(self.incoming.len() - self.incoming_start);
        if bytes == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buffer[..bytes].copy_from_slice(&self.incoming[self.incoming_start..self.incoming_start + bytes]);
        self.records.count(&buffer[..bytes]);
        self.incoming_start += bytes;
        if self.incoming_start == self.incoming.len() {
            self.incoming.clear();
            self.incoming_start = 0;
        }
        Ok(bytes)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stage {
    Handshake(MidHandshakeSslStream<Pipe>),
    Open(SslStream<Pipe>),
    /// A handshake has failed. The last bytes for the peer are left.
    Failed(Pipe),
}

/// One TLS session, of the client's side.
pub struct Session {
    stage: Stage,
    is_accepted: bool,
    /// The name or address that the peer's certificate must contain.
    name: String,
}

impl Session {
    /// Begins a session with a host; the first bytes of the handshake are in [`Session::outgoing`].
    ///
    /// # Errors
    /// [`Error::File`], when a file cannot be used.
    pub fn new(config: &Config, host: &str) -> Result<Self, Error> {
        // A name may end with the root's dot, but not in certificates and SNI (RFC 6066, 3).
        let name = config.server_name.as_deref().unwrap_or(host).trim_end_matches('.');
        let mut ssl = {
            let context = context(config)?;
            Ssl::new(&context)?
        };
        let address = name.parse::<IpAddr>().ok();
        if address.is_none() {
            ssl.set_hostname(name)?;
        }
        if config.verify {
            let wanted = ssl.param_mut();
            wanted.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            match address {
                Some(address) => wanted.set_ip(address)?,
                None => wanted.set_host(name)?,
            }
        }
        match ssl.connect(Pipe::default()) {
            Err(HandshakeError::WouldBlock(handshake)) => {
                Ok(Self { stage: Stage::Handshake(handshake), is_accepted: false, name: name.to_owned() })
            }
            Err(HandshakeError::Failure(failed)) => Err(failure(failed.ssl(), failed.error(), name)),
            Err(HandshakeError::SetupFailure(errors)) => Err(errors.into()),
            Ok(_) => Err(Error::Protocol("the handshake ended before it began".into())),
        }
    }

    /// Hashes of the files as they are now. `None`: no file, or not readable.
    #[must_use]
    pub fn files(config: &Config) -> Files {
        [&config.ca_file, &config.cert_file, &config.key_file].map(|path| {
            let content = regular::read(path.as_deref()?, regular::BYTES_MAX).ok()?;
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            Some(hasher.finish())
        })
    }

    /// Adds bytes from the peer.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.pipe().incoming.extend_from_slice(bytes);
    }

    /// Advances the handshake as far as the peer's bytes allow. Returns true once it is complete.
    ///
    /// # Errors
    /// Why the handshake failed.
    pub fn handshake(&mut self) -> Result<bool, Error> {
        let stage = std::mem::replace(&mut self.stage, Stage::Failed(Pipe::default()));
        let (stage, result) = match stage {
            Stage::Handshake(handshake) => match handshake.handshake() {
                Ok(stream) => {
                    // Before TLS 1.3 the server sends the last message of a handshake.
                    self.is_accepted = stream.ssl().version2() != Some(SslVersion::TLS1_3);
                    (Stage::Open(stream), Ok(true))
                }
                Err(HandshakeError::WouldBlock(handshake)) => (Stage::Handshake(handshake), Ok(false)),
                Err(HandshakeError::Failure(mut failed)) => {
                    let error = failure(failed.ssl(), failed.error(), &self.name);
                    (Stage::Failed(std::mem::take(failed.get_mut())), Err(error))
                }
                Err(HandshakeError::SetupFailure(errors)) => (Stage::Failed(Pipe::default()), Err(errors.into())),
            },
            open @ Stage::Open(_) => (open, Ok(true)),
            failed @ Stage::Failed(_) => (failed, Err(Error::Protocol("the handshake has failed".into()))),
        };
        self.stage = stage;
        result
    }

    /// Whether the handshake is complete.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Whether the peer has shown that it accepts the client. A TLS 1.3 server shows it only after the handshake, with
    /// a session ticket or an answer. Until then it may still refuse the client's certificate.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// Encrypts all of `plain` into [`Session::outgoing`].
    ///
    /// # Errors
    /// When the session is not open, or has failed.
    pub fn write(&mut self, plain: &[u8]) -> Result<(), Error> {
        let Stage::Open(stream) = &mut self.stage else { return Err(Error::Protocol("no session".into())) };
        let mut rest = plain;
        while !rest.is_empty() {
            match stream.ssl_write(rest) {
                Ok(bytes) => rest = &rest[bytes..],
                Err(error) => return Err(failure(stream.ssl(), &error, &self.name)),
            }
        }
        Ok(())
    }

    /// Decrypts the received bytes and appends them to `plain`. Returns true if the peer has closed the session.
    ///
    /// # Errors
    /// When the peer refuses the session, or the session has failed.
    pub fn read(&mut self, plain: &mut Vec<u8>) -> Result<bool, Error> {
        let Stage::Open(stream) = &mut self.stage else { return Ok(false) };
        let before = stream.get_ref().records.complete;
        let mut buffer = [0; 4096];
        let is_closed = loop {
            match stream.ssl_read(&mut buffer) {
                Ok(0) => break true,
                Ok(bytes) => plain.extend_from_slice(&buffer[..bytes]),
                Err(error) if error.code() == ErrorCode::WANT_READ => break false,
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => break true,
                Err(error) => return Err(failure(stream.ssl(), &error, &self.name)),
            }
        };
        // A complete record that is not an alert shows acceptance. A part of a record may still become a refusal.
        self.is_accepted |= !is_closed && stream.get_ref().records.complete > before;
        Ok(is_closed)
    }

    /// Ciphertext for the socket. The caller removes it.
    pub fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.pipe().outgoing
    }

    /// Tells the peer that nothing more will be sent.
    pub fn close(&mut self) {
        if let Stage::Open(stream) = &mut self.stage
            && !stream.get_shutdown().contains(ShutdownState::SENT)
        {
            // It writes to memory, and an error no longer matters.
            _ = stream.shutdown();
        }
    }

    fn pipe(&mut self) -> &mut Pipe {
        match &mut self.stage {
            Stage::Handshake(handshake) => handshake.get_mut(),
            Stage::Open(stream) => stream.get_mut(),
            Stage::Failed(pipe) => pipe,
        }
    }
}

/// The context of a session, with the files as they are now.
fn context(config: &Config) -> Result<SslContext, Error> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    // A renegotiation would look like a full socket, and sending logs needs none.
    context.set_options(SslOptions::NO_RENEGOTIATION);
    context.set_verify(if config.verify { SslVerifyMode::PEER } else { SslVerifyMode::NONE });
    if let Some(path) = &config.ca_file {
        let mut store = X509StoreBuilder::new()?;
        for certificate in certificates(CA_FILE, path)? {
            store.add_cert(certificate).map_err(|errors| unusable(CA_FILE, path, &errors))?;
        }
        context.set_cert_store(store.build());
    } else if config.verify {
        // The built-in OpenSSL does not know this system's directories.
        let mut system = openssl_probe::probe();
        // OpenSSL opens the file itself, and would wait for a pipe.
        system.cert_file = system.cert_file.filter(|file| !regular::is_special(file));
        let folder = system.cert_dir.first().map(PathBuf::as_path);
        if system.cert_file.is_some() || folder.is_some() {
            context.load_verify_locations(system.cert_file.as_deref(), folder)?;
        }
    }
    if let (Some(cert_file), Some(key_file)) = (&config.cert_file, &config.key_file) {
        let mut chain = certificates(CERT_FILE, cert_file)?.into_iter();
        if let Some(leaf) = chain.next() {
            context.set_certificate(&leaf).map_err(|errors| unusable(CERT_FILE, cert_file, &errors))?;
        }
        for issuer in chain {
            context.add_extra_chain_cert(issuer).map_err(|errors| unusable(CERT_FILE, cert_file, &errors))?;
        }
        let mistake = |reason: &str| Error::File { variable: KEY_FILE, path: key_file.clone(), reason: reason.into() };
        let text = read(KEY_FILE, key_file)?;
        // A key with a passphrase must not make OpenSSL ask for it on the terminal.
        let key = PKey::private_key_from_pem_callback(&text, |_| Ok(0));
        let key = key.map_err(|_| mistake("holds no private key in PEM, or one with a passphrase"))?;
        context.set_private_key(&key).map_err(|_| mistake("is not the key of the certificate"))?;
        context.check_private_key().map_err(|_| mistake("is not the key of the certificate"))?;
    }
    Ok(context.build())
}

fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    let unusable = |error: ReadError| {
        let reason = match error {
            ReadError::Io(error) => error.to_string(),
            other => other.to_string(),
        };
        Error::File { variable, path: path.to_owned(), reason }
    };
    regular::read(path, regular::BYTES_MAX).map_err(unusable)
}

fn certificates(variable: &'static str, path: &Path) -> Result<Vec<X509>, Error> {
    let found = X509::stack_from_pem(&read(variable, path)?).unwrap_or_default();
    if found.is_empty() {
        let reason = "holds no certificate in PEM".to_owned();
        return Err(Error::File { variable, path: path.to_owned(), reason });
    }
    Ok(found)
}

fn unusable(variable: &'static str, path: &Path, errors: &ErrorStack) -> Error {
    Error::File { variable, path: path.to_owned(), reason: format!("cannot be used: {}", reasons(errors)) }
}

/// An error of OpenSSL, with advice for the user; `name` is the name that the certificate must contain.
fn failure(ssl: &SslRef, error: &openssl::ssl::Error, name: &str) -> Error {
    let result = ssl.verify_result();
    let Some(stack) = error.ssl_error() else {
        return Error::Protocol(
            error.io_error().map_or_else(|| "the peer closed the connection".to_owned(), ToString::to_string),
        );
    };
    let text = reasons(stack);
    if text.contains("certificate verify failed") && result != X509VerifyResult::OK {
        return Error::Verify(verify_reason(result, name));
    }
    let text = match ADVICE.iter().find(|(reason, _)| text.contains(reason)) {
        Some((_, advice)) => format!("{text} ({advice})"),
        None => text,
    };
    if text.contains(" alert ") { Error::Refused(text) } else { Error::Protocol(text) }
}

/// The meaning of OpenSSL's reasons for a sender of logs.
const ADVICE: [(&str, &str); 8] = [
    ("alert protocol version", "it does not accept TLS 1.2 or later"),
    (
        "alert handshake failure",
        "it may demand a client certificate (LOGSKIFF_SYSLOG_TLS_CERT_FILE) or support no cipher of logskiff",
    ),
    ("alert certificate required", "it demands a client certificate; set LOGSKIFF_SYSLOG_TLS_CERT_FILE"),
    (
        "alert unknown ca",
        "it does not know the authority that signed the client certificate, LOGSKIFF_SYSLOG_TLS_CERT_FILE",
    ),
    ("alert bad certificate", "it does not accept the client certificate, LOGSKIFF_SYSLOG_TLS_CERT_FILE"),
    ("alert certificate expired", "the client certificate, LOGSKIFF_SYSLOG_TLS_CERT_FILE, has expired"),
    ("wrong version number", "it does not speak TLS on this port"),
    ("unsupported protocol", "it does not support TLS 1.2 or later"),
];

/// Why a certificate is not trusted, and the variable to set.
fn verify_reason(result: X509VerifyResult, name: &str) -> String {
    let text = result.error_string();
    if text.contains("mismatch") {
        format!("{text}: it is not for {name} (LOGSKIFF_SYSLOG_TLS_SERVER_NAME sets another name)")
    } else if text.contains("issuer certificate") || text.contains("self-signed") || text.contains("signature") {
        format!("{text} (LOGSKIFF_SYSLOG_TLS_CA_FILE must contain its authority)")
    } else {
        text.to_owned()
    }
}

/// OpenSSL's reasons, without its files, lines and functions.
fn reasons(stack: &ErrorStack) -> String {
    let reasons: Vec<&str> = stack.errors().iter().filter_map(openssl::error::Error::reason).collect();
    if reasons.is_empty() { "no reason given".to_owned() } else { reasons.join(", ") }
}

#[cfg(test)]
mod tests;
