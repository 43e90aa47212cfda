//! The syslog variables in, the configurations of `encode::syslog` and `sink::syslog` out.
//!
//! What an option needs follows from the addresses' transport; while that is not known, because the addresses are missing
//! or wrong, nothing more is said of it. Certificates and keys are read once here, so that a wrong one is found before the
//! first connection; what they hold is never shown.

mod pem;

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::error::shown;
use super::parser::Reader;
use super::units;
use super::variables::FACILITIES;
use crate::pipeline::encode::syslog::{Config as Encode, Format, Framing, Message};
use crate::pipeline::encode::template::{Part, Place, Template};
use crate::sink::syslog::address::{Address, Transport};
use crate::sink::syslog::{Config as Output, tls};

pub(super) const ADDRESS: &str = "LOGSKIFF_SYSLOG_ADDRESS";
pub(super) const HOSTNAME: &str = "LOGSKIFF_SYSLOG_HOSTNAME";
pub(super) const FRAMING: &str = "LOGSKIFF_SYSLOG_FRAMING";
pub(super) const BYTES_MAX: &str = "LOGSKIFF_SYSLOG_BYTES_MAX";
const FORMAT: &str = "LOGSKIFF_SYSLOG_FORMAT";
const MSG_ID: &str = "LOGSKIFF_SYSLOG_MSG_ID";
const BOM: &str = "LOGSKIFF_SYSLOG_BOM";
const STRUCTURED_DATA: &str = "LOGSKIFF_SYSLOG_STRUCTURED_DATA";
const ENTERPRISE_ID: &str = "LOGSKIFF_SYSLOG_ENTERPRISE_ID";
const COMPRESSION: &str = "LOGSKIFF_SYSLOG_COMPRESSION";
const RELP_WINDOW: &str = "LOGSKIFF_SYSLOG_RELP_WINDOW";
const CA_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CA_FILE";
const CERT_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CERT_FILE";
const KEY_FILE: &str = "LOGSKIFF_SYSLOG_TLS_KEY_FILE";
const SERVER_NAME: &str = "LOGSKIFF_SYSLOG_TLS_SERVER_NAME";
const VERIFY: &str = "LOGSKIFF_SYSLOG_TLS_VERIFY";

/// The least that every receiver must take (RFC 5424, 6.1); the most that a sidecar should hold of one message.
const STREAM_BYTES: RangeInclusive<usize> = 480..=16 << 20;
/// The most that one datagram over IPv4 holds: 65,535 less the headers of IP and UDP.
const UDP_BYTES: RangeInclusive<usize> = 480..=65_507;
/// What every receiver should take (RFC 5424, 6.1): a datagram that is longer is lost as a whole where it does not fit.
const UDP_BYTES_DEFAULT: usize = 2 << 10;
/// The numbers that a private enterprise number can have (IANA).
const ENTERPRISES: RangeInclusive<usize> = 1..=u32::MAX as usize;
/// One is the slowest that is still RELP; more than this only doubles more after a break.
const WINDOW: RangeInclusive<usize> = 1..=10_000;
/// Less is shorter than a slow handshake; more is no limit.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
/// Less is a knock at a dead door each moment; more looks like never.
const RETURN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// Reads every syslog variable, so that mistakes are found even while the output is another; `needed`: syslog is one of
/// the outputs.
pub(super) fn config(reader: &mut Reader<'_>, needed: bool) -> (Encode, Output) {
    let addresses = addresses(reader, needed);
    let transport = addresses.first().map(|address| address.transport);
    let encode = encode(reader, transport);
    let compressions = [("none", false), ("zlib", true)];
    let compression = reader.choice(COMPRESSION, &compressions);
    if compression && transport.is_some_and(|transport| transport != Transport::Tcp) {
        reader.mistake(COMPRESSION, format!("\"zlib\" is for tcp:// alone, and {ADDRESS} is another"));
    }
    if reader.is_set(RELP_WINDOW) && transport.is_some_and(|transport| !transport.is_relp()) {
        reader.mistake(RELP_WINDOW, format!("set, but {ADDRESS} is not relp:// or relp+tls://"));
    }
    let output = Output {
        framed: encode.framing != Framing::None,
        addresses,
        compression,
        relp_window: reader.number(RELP_WINDOW, &WINDOW),
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
            let address: Address = item.parse().map_err(|error| format!("{} {error}", shown(&item)))?;
            if let Some(first) = addresses.first().filter(|first| first.transport != address.transport) {
                let (one, other) = (first.transport.scheme(), address.transport.scheme());
                return Err(format!("mixes {one}:// and {other}://; all addresses must be of one scheme"));
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
        bom: reader.choice(BOM, &[("off", false), ("on", true)]),
        structured_data: structured_data(reader),
        zone: reader.read("LOGSKIFF_SYSLOG_TIME_ZONE", zone).unwrap_or(TimeZone::UTC),
    };
    if format == Format::Rfc3164 {
        let (bom, data) = (encode.bom, encode.structured_data.is_some());
        for (variable, says_something) in [(MSG_ID, true), (BOM, bom), (STRUCTURED_DATA, data), (ENTERPRISE_ID, data)] {
            if says_something && reader.is_set(variable) {
                reader.mistake(variable, format!("set, but {FORMAT} is rfc3164, which has no place for it"));
            }
        }
        (encode.msg_id, encode.bom, encode.structured_data) = (None, false, None);
    }
    encode
}

/// Where nothing is said and the pod's name is not known, the machine's stands in.
fn hostname(reader: &mut Reader<'_>) -> Template {
    let machine = reader.environment().host_name().map(str::to_owned);
    match machine {
        Some(machine) if !reader.is_set(HOSTNAME) && !reader.is_set("POD_NAME") => {
            Template(vec![Part::Place(Place::Pod, Some(machine))])
        }
        _ => reader.template(HOSTNAME).unwrap_or_else(|| Template(Vec::new())),
    }
}

/// A datagram and RELP keep messages apart by themselves. A Unix socket may be of either kind, so there the messages come
/// unframed unless a framing is asked for.
fn framing(reader: &mut Reader<'_>, transport: Option<Transport>) -> Framing {
    let framing = reader.choice(FRAMING, &[("octet-counting", Framing::OctetCounting), ("newline", Framing::Newline)]);
    let said = reader.is_set(FRAMING);
    match transport {
        Some(transport @ (Transport::Udp | Transport::Relp | Transport::RelpTls)) => {
            if said {
                let scheme = transport.scheme();
                reader.mistake(FRAMING, format!("set, but {scheme}:// keeps messages apart by itself"));
            }
            Framing::None
        }
        Some(Transport::Unix) if !said => Framing::None,
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
    // Known even where the machine has no zone data.
    if text == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(text).map_err(|_| format!("{} is not a time zone of the IANA database", shown(text)))
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
        Some(transport) if transport.is_tls() => files(reader, &config),
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
    if text.bytes().all(is_right) { Ok(text.to_owned()) } else { Err(format!("{} is not a host's name", shown(text))) }
}

/// Reads what the files hold, as each connection will.
fn files(reader: &mut Reader<'_>, config: &tls::Config) {
    for (one, other) in [(CERT_FILE, KEY_FILE), (KEY_FILE, CERT_FILE)] {
        if reader.is_set(one) && !reader.is_set(other) {
            reader.mistake(other, format!("not set, but {one} is; they belong together"));
        }
    }
    let mut found = |variable, outcome: Result<(), String>| {
        if let Err(reason) = outcome {
            reader.mistake(variable, reason);
        }
    };
    if let Some(path) = &config.ca_file {
        found(CA_FILE, pem::certificates(path).map(|_| ()));
    }
    let certificate = config.cert_file.as_deref().map(pem::certificates);
    let key = config.key_file.as_deref().map(pem::key);
    match (certificate, key) {
        (Some(Ok(certificates)), Some(Ok(key))) => {
            if !pem::belongs(&certificates, &key) {
                found(KEY_FILE, Err(format!("holds a key that is not the one of {CERT_FILE}")));
            }
        }
        (certificate, key) => {
            found(CERT_FILE, certificate.transpose().map(|_| ()));
            found(KEY_FILE, key.transpose().map(|_| ()));
        }
    }
}
