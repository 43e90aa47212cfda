//! Input: the syslog variables. Output: the configurations of `encode::syslog` and `sink::syslog`.
//!
//! Which options are allowed depends on the addresses' transport; if the addresses are missing or invalid, this is not
//! checked. Certificates and keys are read once here, so that a mistake is found before the first connection; their
//! content is never shown.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::error::quote;
use super::parser::Reader;
use super::pem;
use super::units;
use super::words::FACILITIES;
use crate::pipeline::encode::syslog::{Config as Encode, Format, Framing, Message};
use crate::pipeline::encode::template::{Part, Place, Template};
use crate::sink::syslog::address::{Address, Transport};
use crate::sink::syslog::{Config as Output, Refused, tls};

pub(super) const ADDRESS: &str = "LOGSKIFF_SYSLOG_ADDRESS";
pub(super) const HOSTNAME: &str = "LOGSKIFF_SYSLOG_HOSTNAME";
pub(super) const FRAMING: &str = "LOGSKIFF_SYSLOG_FRAMING";
pub(super) const BYTES_MAX: &str = "LOGSKIFF_SYSLOG_BYTES_MAX";
const TAG_BYTES_MAX: &str = "LOGSKIFF_SYSLOG_TAG_BYTES_MAX";
const FORMAT: &str = "LOGSKIFF_SYSLOG_FORMAT";
const MSG_ID: &str = "LOGSKIFF_SYSLOG_MSG_ID";
const BOM: &str = "LOGSKIFF_SYSLOG_BOM";
const STRUCTURED_DATA: &str = "LOGSKIFF_SYSLOG_STRUCTURED_DATA";
const ENTERPRISE_ID: &str = "LOGSKIFF_SYSLOG_ENTERPRISE_ID";
const COMPRESSION: &str = "LOGSKIFF_SYSLOG_COMPRESSION";
const RELP_WINDOW: &str = "LOGSKIFF_SYSLOG_RELP_WINDOW";
const REFUSED: &str = "LOGSKIFF_SYSLOG_REFUSED";
const CA_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CA_FILE";
const CERT_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CERT_FILE";
const KEY_FILE: &str = "LOGSKIFF_SYSLOG_TLS_KEY_FILE";
const SERVER_NAME: &str = "LOGSKIFF_SYSLOG_TLS_SERVER_NAME";
const VERIFY: &str = "LOGSKIFF_SYSLOG_TLS_VERIFY";

/// From the size that every receiver must accept (RFC 5424, 6.1) to the largest message that fits a sidecar's memory.
const STREAM_BYTES: RangeInclusive<usize> = 480..=16 << 20;
/// The maximum is the payload of one IPv4 datagram: 65,535 minus the headers of IP and UDP.
const UDP_BYTES: RangeInclusive<usize> = 480..=65_507;
/// The size that every receiver should accept (RFC 5424, 6.1): a longer datagram may be lost as a whole.
const UDP_BYTES_DEFAULT: usize = 2 << 10;
/// From RFC 3164's own limit (4.1.3) to a container's name with two more names of Kubernetes.
const TAG_BYTES: RangeInclusive<usize> = 32..=255;
/// The range of private enterprise numbers (IANA).
const ENTERPRISES: RangeInclusive<usize> = 1..=u32::MAX as usize;
/// One is the slowest; more than the maximum only causes more duplicates after a lost connection.
const WINDOW: RangeInclusive<usize> = 1..=10_000;
/// Below, a slow handshake fails; above, it is no limit.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
/// Below, an unreachable receiver is tried too often; above, failback seems not to work.
const RETURN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// Reads every syslog variable, so that mistakes are found even if syslog is not an output; `needed`: it is one.
pub(super) fn config(reader: &mut Reader<'_>, needed: bool) -> (Encode, Output) {
    let addresses = addresses(reader, needed);
    let transport = addresses.first().map(|address| address.transport);
    let encode = encode(reader, transport);
    let compressions = [("none", false), ("zlib", true)];
    let compression = reader.choice(COMPRESSION, &compressions);
    if compression && transport.is_some_and(|transport| transport != Transport::Tcp) {
        reader.mistake(COMPRESSION, format!("\"zlib\" works only with tcp://, but {ADDRESS} has another scheme"));
    }
    for variable in [RELP_WINDOW, REFUSED] {
        if reader.is_set(variable) && transport.is_some_and(|transport| !transport.is_relp()) {
            reader.mistake(variable, format!("set, but {ADDRESS} is not relp:// or relp+tls://"));
        }
    }
    let output = Output {
        framed: encode.framing != Framing::None,
        addresses,
        compression,
        relp_window: reader.number(RELP_WINDOW, &WINDOW),
        refused: reader.choice(REFUSED, &[("wait", Refused::Wait), ("drop", Refused::Drop)]),
        timeout: reader.duration("LOGSKIFF_SYSLOG_TIMEOUT", &TIMEOUT),
        return_after: reader.duration("LOGSKIFF_SYSLOG_FAILBACK_INTERVAL", &RETURN),
        tls: tls(reader, transport),
    };
    (encode, output)
}

fn addresses(reader: &mut Reader<'_>, needed: bool) -> Vec<Address> {
    if needed && !reader.is_set(ADDRESS) {
        reader.mistake(ADDRESS, "not set, but LOGSKIFF_OUTPUT names syslog");
    }
    let parse = |text: &str| {
        let mut addresses: Vec<Address> = Vec::new();
        for item in units::list(text) {
            let address: Address = item.parse().map_err(|error| format!("{} {error}", quote(&item)))?;
            if let Some(first) = addresses.first().filter(|first| first.transport != address.transport) {
                let (one, other) = (first.transport.scheme(), address.transport.scheme());
                return Err(format!("mixes {one}:// and {other}://; all addresses must have the same scheme"));
            }
            addresses.push(address);
        }
        if addresses.is_empty() { Err("names no receiver".to_owned()) } else { Ok(addresses) }
    };
    reader.read(ADDRESS, parse).unwrap_or_default()
}

fn encode(reader: &mut Reader<'_>, transport: Option<Transport>) -> Encode {
    let facilities: Vec<(&str, u8)> = FACILITIES.into_iter().zip(0..).collect();
    let format = reader.choice(FORMAT, &[("rfc5424", Format::Rfc5424), ("rfc3164", Format::Rfc3164)]);
    let facility = reader.choice("LOGSKIFF_SYSLOG_FACILITY", &facilities);
    let mut encode = Encode {
        format,
        framing: framing(reader, transport),
        facility,
        hostname: hostname(reader),
        app_name: reader.template("LOGSKIFF_SYSLOG_APP_NAME").unwrap_or_else(|| Template(Vec::new())),
        proc_id: reader.template("LOGSKIFF_SYSLOG_PROC_ID"),
        msg_id: reader.template(MSG_ID),
        message: reader.choice("LOGSKIFF_SYSLOG_ENCODING", &[("raw", Message::Raw), ("json", Message::Json)]),
        bytes_max: bytes_max(reader, transport),
        tag_bytes_max: reader.number(TAG_BYTES_MAX, &TAG_BYTES),
        bom: reader.choice(BOM, &[("off", false), ("on", true)]),
        structured_data: structured_data(reader),
        zone: reader.read("LOGSKIFF_SYSLOG_TIME_ZONE", zone).unwrap_or(TimeZone::UTC),
    };
    if format == Format::Rfc5424 && transport.is_some() && reader.is_set(TAG_BYTES_MAX) {
        reader.mistake(TAG_BYTES_MAX, format!("set, but {FORMAT} is not rfc3164; RFC 5424 allows 48 characters"));
    }
    if format == Format::Rfc3164 {
        let (bom, data) = (encode.bom, encode.structured_data.is_some());
        for (variable, has_effect) in [(MSG_ID, true), (BOM, bom), (STRUCTURED_DATA, data), (ENTERPRISE_ID, data)] {
            if has_effect && reader.is_set(variable) {
                reader.mistake(variable, format!("set, but {FORMAT} is rfc3164, which does not support it"));
            }
        }
        (encode.msg_id, encode.bom, encode.structured_data) = (None, false, None);
    }
    encode
}

/// If neither the variable nor the pod's name is set, the machine's host name is used.
fn hostname(reader: &mut Reader<'_>) -> Template {
    let machine = reader.environment().host_name().map(str::to_owned);
    match machine {
        Some(machine) if !reader.is_set(HOSTNAME) && !reader.is_set("POD_NAME") => {
            Template(vec![Part::Place(Place::Pod, Some(machine))])
        }
        _ => reader.template(HOSTNAME).unwrap_or_else(|| Template(Vec::new())),
    }
}

/// UDP and RELP need no framing. A Unix socket may be a datagram or a stream socket, so its messages are unframed
/// unless a framing is set.
fn framing(reader: &mut Reader<'_>, transport: Option<Transport>) -> Framing {
    let framing = reader.choice(FRAMING, &[("octet-counting", Framing::OctetCounting), ("newline", Framing::Newline)]);
    let is_set = reader.is_set(FRAMING);
    match transport {
        Some(transport @ (Transport::Udp | Transport::Relp | Transport::RelpTls)) => {
            if is_set {
                let scheme = transport.scheme();
                reader.mistake(FRAMING, format!("set, but {scheme}:// needs no framing"));
            }
            Framing::None
        }
        Some(Transport::Unix) if !is_set => Framing::None,
        _ => framing,
    }
}

fn bytes_max(reader: &mut Reader<'_>, transport: Option<Transport>) -> usize {
    let is_udp = transport == Some(Transport::Udp);
    let bytes = reader.bytes(BYTES_MAX, if is_udp { &UDP_BYTES } else { &STREAM_BYTES });
    if is_udp && !reader.is_set(BYTES_MAX) { UDP_BYTES_DEFAULT } else { bytes }
}

fn structured_data(reader: &mut Reader<'_>) -> Option<u32> {
    let on = reader.choice(STRUCTURED_DATA, &[("on", true), ("off", false)]);
    let enterprise = reader.number(ENTERPRISE_ID, &ENTERPRISES);
    if !on && reader.is_set(ENTERPRISE_ID) {
        reader.mistake(ENTERPRISE_ID, format!("set, but {STRUCTURED_DATA} is off"));
    }
    on.then(|| u32::try_from(enterprise).unwrap_or_default())
}

fn zone(text: &str) -> Result<TimeZone, String> {
    // UTC works even if the machine has no time zone database.
    if text == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(text).map_err(|_| format!("{} is not a time zone of the IANA database", quote(text)))
}

fn tls(reader: &mut Reader<'_>, transport: Option<Transport>) -> tls::Config {
    let config = tls::Config {
        ca_file: reader.path(CA_FILE),
        cert_file: reader.path(CERT_FILE),
        key_file: reader.path(KEY_FILE),
        server_name: reader.read(SERVER_NAME, server_name),
        verify: reader.choice(VERIFY, &[("on", true), ("off", false)]),
    };
    match transport {
        Some(transport) if transport.is_tls() => check_files(reader, &config),
        Some(_) => {
            for variable in [CA_FILE, CERT_FILE, KEY_FILE, SERVER_NAME, VERIFY] {
                if reader.is_set(variable) {
                    reader.mistake(variable, format!("set, but {ADDRESS} is not tls:// or relp+tls://"));
                }
            }
        }
        None => {}
    }
    config
}

fn server_name(text: &str) -> Result<String, String> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if text.bytes().all(is_right) { Ok(text.to_owned()) } else { Err(format!("{} is not a host name", quote(text))) }
}

/// Reads the files once, as each connection will.
fn check_files(reader: &mut Reader<'_>, config: &tls::Config) {
    for (one, other) in [(CERT_FILE, KEY_FILE), (KEY_FILE, CERT_FILE)] {
        if reader.is_set(one) && !reader.is_set(other) {
            reader.mistake(other, format!("not set, but {one} is; they belong together"));
        }
    }
    let mut check = |variable, outcome: Result<(), String>| {
        if let Err(reason) = outcome {
            reader.mistake(variable, reason);
        }
    };
    if let Some(path) = &config.ca_file {
        check(CA_FILE, pem::certificates(path).map(|_| ()));
    }
    let certificate = config.cert_file.as_deref().map(pem::certificates);
    let key = config.key_file.as_deref().map(pem::key);
    match (certificate, key) {
        (Some(Ok(certificates)), Some(Ok(key))) => {
            if !pem::matches(&certificates, &key) {
                check(KEY_FILE, Err(format!("holds a key that does not match {CERT_FILE}")));
            }
        }
        (certificate, key) => {
            check(CERT_FILE, certificate.transpose().map(|_| ()));
            check(KEY_FILE, key.transpose().map(|_| ()));
        }
    }
}
