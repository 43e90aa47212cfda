//! The syslog variables in, the configuration of `output::syslog` and of `encode::syslog` out.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::mistake::{listed, shown};
use super::reader::Reader;
use super::value;
use crate::encode::syslog as message;
use crate::encode::syslog::{Format, Framing, Message};
use crate::encode::template::{Part, Place, Template};
use crate::output::syslog::address::{Address, Transport};
use crate::output::syslog::{Config, tls};

const ADDRESS: &str = "LOGSKIFF_SYSLOG_ADDRESS";
const FRAMING: &str = "LOGSKIFF_SYSLOG_FRAMING";
const BYTES_MAX: &str = "LOGSKIFF_SYSLOG_BYTES_MAX";
const COMPRESSION: &str = "LOGSKIFF_SYSLOG_COMPRESSION";
const RELP_WINDOW: &str = "LOGSKIFF_SYSLOG_RELP_WINDOW";
const ENTERPRISE_ID: &str = "LOGSKIFF_SYSLOG_ENTERPRISE_ID";
const STRUCTURED_DATA: &str = "LOGSKIFF_SYSLOG_STRUCTURED_DATA";
const BOM: &str = "LOGSKIFF_SYSLOG_BOM";
const MSG_ID: &str = "LOGSKIFF_SYSLOG_MSG_ID";
const CA_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CA_FILE";
const CERT_FILE: &str = "LOGSKIFF_SYSLOG_TLS_CERT_FILE";
const KEY_FILE: &str = "LOGSKIFF_SYSLOG_TLS_KEY_FILE";
const SERVER_NAME: &str = "LOGSKIFF_SYSLOG_TLS_SERVER_NAME";
const VERIFY: &str = "LOGSKIFF_SYSLOG_TLS_VERIFY";

/// What every receiver takes (RFC 5426, 3.2), and what a sidecar can hold.
const BYTES: RangeInclusive<usize> = 480..=16 << 20;
/// The most that a datagram over IPv4 carries (RFC 768 and RFC 791).
const UDP_BYTES_MAX: usize = 65_507;
/// What a receiver of datagrams should take (RFC 5426, 3.2).
const UDP_BYTES_DEFAULT: usize = 2048;
/// One is stop and go; more than this only makes more doubles.
const WINDOW: RangeInclusive<usize> = 1..=10_000;
/// Private enterprise numbers.
const ENTERPRISE: RangeInclusive<usize> = 0..=0xffff_ffff;
/// Less would break connections that are merely slow.
const WAIT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// The names of the facilities in the order of their numbers (RFC 5424, 6.2.1, as rsyslog and syslog-ng name them).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Reads every syslog variable, so that mistakes are found even while the output is another; `needed`: syslog is one of the
/// outputs.
pub(super) fn config(reader: &mut Reader<'_>, needed: bool) -> (Config, message::Config) {
    let addresses = addresses(reader, needed);
    let transport = addresses.first().map(|address| address.transport);
    let framing = framing(reader, transport);
    let zlib = reader.choice(COMPRESSION, &[("none", false), ("zlib", true)]);
    if zlib && transport.is_some_and(|transport| transport != Transport::Tcp) {
        reader.mistake(COMPRESSION, "\"zlib\" is for tcp:// alone");
    }
    refuse(reader, RELP_WINDOW, transport, Transport::is_relp, "is for relp:// and relp+tls://");
    let output = Config {
        framed: framing != Framing::None,
        compression: zlib,
        tls: tls(reader, transport),
        relp_window: reader.number(RELP_WINDOW, &WINDOW),
        timeout: reader.duration("LOGSKIFF_SYSLOG_TIMEOUT", &WAIT),
        return_after: reader.duration("LOGSKIFF_SYSLOG_RETURN", &WAIT),
        addresses,
    };
    (output, message(reader, transport, framing))
}

fn addresses(reader: &mut Reader<'_>, needed: bool) -> Vec<Address> {
    if needed && !reader.is_set(ADDRESS) {
        reader.mistake(ADDRESS, "not set, but LOGSKIFF_OUTPUT names syslog");
    }
    let parse = |text: &str| {
        let mut addresses: Vec<Address> = Vec::new();
        for item in value::list(text) {
            let address: Address = item.parse().map_err(|error| format!("{} {error}", shown(&item)))?;
            if let Some(first) = addresses.first().filter(|first| first.transport != address.transport) {
                return Err(format!(
                    "{} is not {}://, as the first address is",
                    shown(&item),
                    first.transport.scheme()
                ));
            }
            addresses.push(address);
        }
        if addresses.is_empty() { Err("names no receiver".to_owned()) } else { Ok(addresses) }
    };
    reader.read(ADDRESS, parse).unwrap_or_default()
}

/// A variable that is set and means nothing for this transport.
fn refuse(
    reader: &mut Reader<'_>,
    variable: &str,
    transport: Option<Transport>,
    fits: impl Fn(Transport) -> bool,
    reason: &str,
) {
    if let Some(transport) = transport.filter(|transport| !fits(*transport) && reader.is_set(variable)) {
        reader.mistake(variable, format!("{reason}, and the address is {}://", transport.scheme()));
    }
}

fn framing(reader: &mut Reader<'_>, transport: Option<Transport>) -> Framing {
    let choices = [("octet-counting", Framing::OctetCounting), ("newline", Framing::Newline)];
    let said = reader.choice(FRAMING, &choices);
    let is_stream = |transport| matches!(transport, Transport::Tcp | Transport::Tls | Transport::Unix);
    refuse(reader, FRAMING, transport, is_stream, "is for streams");
    match transport {
        Some(Transport::Tcp | Transport::Tls) => said,
        // It is seen on connecting whether the socket takes a stream.
        Some(Transport::Unix) if reader.is_set(FRAMING) => said,
        _ => Framing::None,
    }
}

fn tls(reader: &mut Reader<'_>, transport: Option<Transport>) -> tls::Config {
    for variable in [CA_FILE, CERT_FILE, KEY_FILE, SERVER_NAME, VERIFY] {
        refuse(reader, variable, transport, Transport::is_tls, "is for tls:// and relp+tls://");
    }
    let (cert_file, key_file) = (reader.path(CERT_FILE), reader.path(KEY_FILE));
    if cert_file.is_some() != key_file.is_some() {
        let (missing, set) = if cert_file.is_some() { (KEY_FILE, CERT_FILE) } else { (CERT_FILE, KEY_FILE) };
        reader.mistake(missing, format!("not set, but {set} is"));
    }
    let verify = reader.choice(VERIFY, &[("on", true), ("off", false)]);
    let config = tls::Config {
        ca_file: reader.path(CA_FILE),
        cert_file,
        key_file,
        server_name: reader.text(SERVER_NAME),
        verify,
    };
    if transport.is_some_and(Transport::is_tls)
        && let Err(tls::Error::File { variable, path, reason }) = tls::Session::new(&config, "localhost")
    {
        reader.mistake(variable, format!("{}: {reason}", shown(&path.to_string_lossy())));
    }
    config
}

fn message(reader: &mut Reader<'_>, transport: Option<Transport>, framing: Framing) -> message::Config {
    let format = reader.choice("LOGSKIFF_SYSLOG_FORMAT", &[("rfc5424", Format::Rfc5424), ("rfc3164", Format::Rfc3164)]);
    let on_off = [("on", true), ("off", false)];
    let number = u32::try_from(reader.number(ENTERPRISE_ID, &ENTERPRISE)).unwrap_or_default();
    let structured_data = reader.choice(STRUCTURED_DATA, &on_off).then_some(number);
    let bom = reader.choice(BOM, &on_off);
    for variable in [ENTERPRISE_ID, STRUCTURED_DATA, BOM, MSG_ID] {
        if format == Format::Rfc3164 && reader.is_set(variable) {
            reader.mistake(variable, "has no place in RFC 3164; LOGSKIFF_SYSLOG_FORMAT is rfc3164");
        }
    }
    message::Config {
        format,
        facility: facility(reader),
        hostname: hostname(reader),
        app_name: reader.template("LOGSKIFF_SYSLOG_APP_NAME").unwrap_or_else(|| Template(Vec::new())),
        proc_id: reader.template("LOGSKIFF_SYSLOG_PROC_ID"),
        msg_id: reader.template(MSG_ID),
        message: reader.choice("LOGSKIFF_SYSLOG_MESSAGE", &[("raw", Message::Raw), ("json", Message::Json)]),
        structured_data,
        bom,
        bytes_max: bytes_max(reader, transport),
        framing,
        zone: zone(reader),
    }
}

fn bytes_max(reader: &mut Reader<'_>, transport: Option<Transport>) -> usize {
    let said = reader.bytes(BYTES_MAX, &BYTES);
    if transport != Some(Transport::Udp) {
        return said;
    }
    if !reader.is_set(BYTES_MAX) {
        return UDP_BYTES_DEFAULT;
    }
    if said > UDP_BYTES_MAX {
        reader.mistake(BYTES_MAX, format!("above the most that a datagram carries, {UDP_BYTES_MAX}B"));
    }
    said
}

fn facility(reader: &mut Reader<'_>) -> u8 {
    let parse = |text: &str| {
        let number = FACILITIES.iter().position(|facility| *facility == text);
        let number = number.and_then(|number| u8::try_from(number).ok());
        number.ok_or_else(|| format!("{} is not one of {}", shown(text), listed(FACILITIES)))
    };
    reader.read("LOGSKIFF_SYSLOG_FACILITY", parse).unwrap_or_default()
}

/// The template of the host's name; what the machine says stands in where the pod's name is not known.
fn hostname(reader: &mut Reader<'_>) -> Template {
    const HOSTNAME: &str = "LOGSKIFF_SYSLOG_HOSTNAME";
    let said = reader.template(HOSTNAME).unwrap_or_else(|| Template(Vec::new()));
    if reader.is_set(HOSTNAME) {
        return said;
    }
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Template(vec![Part::Place(Place::Pod, Some(machine))])
}

fn zone(reader: &mut Reader<'_>) -> TimeZone {
    let parse = |text: &str| match text {
        "UTC" => Ok(TimeZone::UTC),
        name => TimeZone::get(name).map_err(|_| format!("{} is not an IANA zone, such as Europe/Berlin", shown(name))),
    };
    reader.read("LOGSKIFF_SYSLOG_TIME_ZONE", parse).unwrap_or(TimeZone::UTC)
}
