//! The syslog variables.

use std::fs;
use std::path::Path;
use std::time::Duration;

use logskiff::config::{Config, effective};
use logskiff::pipeline::encode::syslog::{Format, Framing, Message};
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::{X509Builder, X509NameBuilder};

use super::{as_environment, check_wrong, read};

const OUTPUT: (&str, &str) = ("LOGSKIFF_OUTPUT", "syslog");

fn at<'t>(address: &'t str, variables: &[(&'t str, &'t str)]) -> Vec<(&'t str, &'t str)> {
    [&[OUTPUT, ("LOGSKIFF_SYSLOG_ADDRESS", address)], variables].concat()
}

#[track_caller]
fn right(address: &str, variables: &[(&str, &str)]) -> Config {
    read(&at(address, variables)).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[track_caller]
fn wrong(address: &str, variables: &[(&str, &str)], variable: &str, reason: &str) {
    check_wrong(&at(address, variables), variable, reason);
}

#[test]
fn invalid_addresses_are_reported() {
    const ADDRESS: &str = "LOGSKIFF_SYSLOG_ADDRESS";
    check_wrong(&[OUTPUT], ADDRESS, "not set, but LOGSKIFF_OUTPUT names syslog");
    check_wrong(&[(ADDRESS, "tcp://a:1")], "LOGSKIFF_OUTPUT", "LOGSKIFF_SYSLOG_ADDRESS is");
    wrong(",", &[], ADDRESS, "names no receiver");
    wrong("logs:514", &[], ADDRESS, "\"logs:514\" has no scheme");
    wrong("tcp://logs", &[], ADDRESS, "\"tcp://logs\" has no port");
    wrong("tcp://a:1,http://logs:514", &[], ADDRESS, "\"http://logs:514\" has an unknown scheme; known are udp://");
    wrong("tcp://a:1,tcp://b:70000", &[], ADDRESS, "from 1 to 65535");
    wrong("unix://dev/log", &[], ADDRESS, "absolute path");
    wrong("tcp://a:1,tls://b:2", &[], ADDRESS, "mixes tcp:// and tls://");
    wrong("tcp://me:hunter2@logs:514", &[], ADDRESS, "the value has a port");
}

#[test]
fn unused_options_of_the_transport_are_reported() {
    for address in ["udp://a:1", "relp://a:1", "relp+tls://a:1"] {
        wrong(address, &[("LOGSKIFF_SYSLOG_FRAMING", "newline")], "LOGSKIFF_SYSLOG_FRAMING", "needs no framing");
    }
    for address in ["udp://a:1", "tls://a:1", "unix:///a", "relp://a:1"] {
        wrong(address, &[("LOGSKIFF_SYSLOG_COMPRESSION", "zlib")], "LOGSKIFF_SYSLOG_COMPRESSION", "only with tcp://");
    }
    for address in ["udp://a:1", "tcp://a:1", "tls://a:1", "unix:///a"] {
        wrong(address, &[("LOGSKIFF_SYSLOG_RELP_WINDOW", "1")], "LOGSKIFF_SYSLOG_RELP_WINDOW", "not relp://");
        wrong(address, &[("LOGSKIFF_SYSLOG_REFUSED", "drop")], "LOGSKIFF_SYSLOG_REFUSED", "not relp://");
    }
    for address in ["udp://a:1", "tcp://a:1", "unix:///a", "relp://a:1"] {
        for (variable, value) in [
            ("LOGSKIFF_SYSLOG_TLS_CA_FILE", "/x"),
            ("LOGSKIFF_SYSLOG_TLS_CERT_FILE", "/x"),
            ("LOGSKIFF_SYSLOG_TLS_KEY_FILE", "/x"),
            ("LOGSKIFF_SYSLOG_TLS_SERVER_NAME", "x"),
            ("LOGSKIFF_SYSLOG_TLS_VERIFY", "off"),
        ] {
            wrong(address, &[(variable, value)], variable, "not tls:// or relp+tls://");
        }
    }
}

#[test]
fn invalid_values_are_reported() {
    let named = |name: &str, value: &str, reason: &str| {
        let variable = format!("LOGSKIFF_SYSLOG_{name}");
        wrong("tcp://a:1", &[(&variable, value)], &variable, reason);
    };
    named("FORMAT", "rfc5425", "not one of rfc5424, rfc3164");
    named("FACILITY", "local8", "not one of kern, user");
    named("HOSTNAME", "{host}", "unknown placeholder {host}");
    named("APP_NAME", "{pod", "unbalanced brace");
    named("BYTES_MAX", "479B", "below the minimum, 480B");
    named("BYTES_MAX", "17MiB", "above the maximum, 16MiB");
    named("TIME_ZONE", "Mars/Base", "\"Mars/Base\" is not a time zone");
    named("ENTERPRISE_ID", "0", "below the minimum, 1");
    named("ENTERPRISE_ID", "4294967296", "above the maximum, 4294967295");
    named("TIMEOUT", "999ms", "below the minimum, 1s");
    named("FAILBACK_INTERVAL", "2h", "above the maximum, 1h");
    wrong(
        "udp://a:1",
        &[("LOGSKIFF_SYSLOG_BYTES_MAX", "64KiB")],
        "LOGSKIFF_SYSLOG_BYTES_MAX",
        "above the maximum, 65507B",
    );
    for (window, reason) in [("0", "below the minimum, 1"), ("10001", "above the maximum, 10000")] {
        let variables = [("LOGSKIFF_SYSLOG_RELP_WINDOW", window)];
        wrong("relp://a:1", &variables, "LOGSKIFF_SYSLOG_RELP_WINDOW", reason);
    }
    let off = [("LOGSKIFF_SYSLOG_STRUCTURED_DATA", "off"), ("LOGSKIFF_SYSLOG_ENTERPRISE_ID", "1")];
    wrong("tcp://a:1", &off, "LOGSKIFF_SYSLOG_ENTERPRISE_ID", "LOGSKIFF_SYSLOG_STRUCTURED_DATA is off");
    wrong("tcp://a:1", &[("LOGSKIFF_SYSLOG_TAG_BYTES_MAX", "63")], "LOGSKIFF_SYSLOG_TAG_BYTES_MAX", "not rfc3164");
    for value in ["31", "256", "long"] {
        let old = [("LOGSKIFF_SYSLOG_FORMAT", "rfc3164"), ("LOGSKIFF_SYSLOG_TAG_BYTES_MAX", value)];
        wrong("tcp://a:1", &old, "LOGSKIFF_SYSLOG_TAG_BYTES_MAX", "");
    }
    for (variable, value) in [
        ("LOGSKIFF_SYSLOG_STRUCTURED_DATA", "on"),
        ("LOGSKIFF_SYSLOG_ENTERPRISE_ID", "1"),
        ("LOGSKIFF_SYSLOG_BOM", "on"),
        ("LOGSKIFF_SYSLOG_MSG_ID", "x"),
    ] {
        wrong(
            "tcp://a:1",
            &[("LOGSKIFF_SYSLOG_FORMAT", "rfc3164"), (variable, value)],
            variable,
            "does not support it",
        );
    }
}

#[test]
fn syslog_works_with_kafka_and_only_if_it_is_an_output() {
    let variables = [
        ("LOGSKIFF_OUTPUT", "kafka,syslog,stdout"),
        ("LOGSKIFF_KAFKA_BROKERS", "a:1"),
        ("LOGSKIFF_SYSLOG_ADDRESS", "udp://a:1"),
    ];
    let config = read(&variables).unwrap();
    assert!(config.output.outputs.len() == 3);
    assert!(config.encode.syslog.is_some());
    let config = read(&[variables[2], ("LOGSKIFF_OUTPUT", "stdout")]).unwrap();
    assert!(config.output.syslog().is_none() && config.encode.syslog.is_none());
}

#[test]
fn framing_and_length_follow_from_the_transport() {
    #[track_caller]
    fn check(address: &str, variables: &[(&str, &str)], framing: Framing, bytes_max: usize) {
        let config = right(address, variables);
        let (encode, output) = (config.encode.syslog.unwrap(), config.output.syslog().unwrap());
        assert_eq!((encode.framing, encode.bytes_max), (framing, bytes_max), "{address}");
        assert_eq!(output.framed, framing != Framing::None, "{address}");
    }
    let newline = [("LOGSKIFF_SYSLOG_FRAMING", "newline")];
    // rsyslog cuts a longer message, unless it is configured otherwise.
    let bytes_max = 8_096;
    check("tcp://a:1", &[], Framing::OctetCounting, bytes_max);
    check("tcp://a:1", &newline, Framing::Newline, bytes_max);
    check("tls://a:1", &[], Framing::OctetCounting, bytes_max);
    check("unix:///a", &[], Framing::None, bytes_max);
    check("unix:///a", &newline, Framing::Newline, bytes_max);
    check("relp://a:1", &[], Framing::None, bytes_max);
    check("relp+tls://a:1", &[], Framing::None, bytes_max);
    check("udp://a:1", &[], Framing::None, 2 << 10);
    check("udp://a:1", &[("LOGSKIFF_SYSLOG_BYTES_MAX", "65507B")], Framing::None, 65_507);
}

#[test]
fn settings_are_read_as_configured() {
    let config = right(
        "relp://a.b:2514, relp://[::1]:2514",
        &[
            ("LOGSKIFF_SYSLOG_FACILITY", "local7"),
            ("LOGSKIFF_SYSLOG_ENCODING", "json"),
            ("LOGSKIFF_SYSLOG_PROC_ID", "{field.pid}"),
            ("LOGSKIFF_SYSLOG_BOM", "off"),
            ("LOGSKIFF_SYSLOG_ENTERPRISE_ID", "4294967295"),
            ("LOGSKIFF_SYSLOG_TIME_ZONE", "Europe/Berlin"),
            ("LOGSKIFF_SYSLOG_RELP_WINDOW", "7"),
            ("LOGSKIFF_SYSLOG_TIMEOUT", "2s"),
            ("LOGSKIFF_SYSLOG_FAILBACK_INTERVAL", "3s"),
        ],
    );
    let (encode, output) = (config.encode.syslog.unwrap(), config.output.syslog().unwrap());
    let addresses: Vec<String> = output.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["relp://a.b:2514", "relp://[::1]:2514"]);
    assert_eq!((output.relp_window, output.timeout), (7, Duration::from_secs(2)));
    assert_eq!((output.return_after, output.compression), (Duration::from_secs(3), false));
    assert_eq!((encode.facility, encode.message, encode.bom), (23, Message::Json, false));
    assert_eq!((encode.structured_data, encode.zone.iana_name()), (Some(u32::MAX), Some("Europe/Berlin")));
    assert_eq!(encode.proc_id.map(|template| template.to_string()).as_deref(), Some("{field.pid}"));
    assert_eq!((encode.msg_id, encode.app_name.to_string().as_str()), (None, "{container:app}"));

    let old = right("tcp://a:1", &[("LOGSKIFF_SYSLOG_FORMAT", "rfc3164"), ("LOGSKIFF_SYSLOG_COMPRESSION", "zlib")]);
    let encode = old.encode.syslog.unwrap();
    assert_eq!((encode.format, encode.structured_data, encode.bom), (Format::Rfc3164, None, false));
    assert!(old.output.syslog().unwrap().compression);
}

#[test]
fn effective_values_of_the_transport_are_listed() {
    let listed = effective(&as_environment(&at("udp://a:1", &[])));
    for (name, value) in [
        ("LOGSKIFF_SYSLOG_ADDRESS", "udp://a:1"),
        ("LOGSKIFF_SYSLOG_BYTES_MAX", "2KiB"),
        ("LOGSKIFF_SYSLOG_FRAMING", ""),
        ("LOGSKIFF_SYSLOG_HOSTNAME", "{pod}"),
    ] {
        assert!(listed.contains(&(name.to_owned(), value.to_owned())), "{name}={value} is not in {listed:?}");
    }
}

/// The machine's name is used if neither the variable nor the pod's name is set.
#[test]
fn the_machine_s_name_is_the_last_resort() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &str) {
        let assert = super::command(&at("tcp://a:1", variables)).args(["env", "--effective"]).assert().success();
        let printed = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
        let line = format!("LOGSKIFF_SYSLOG_HOSTNAME={expected}");
        assert!(printed.lines().any(|printed| printed == line), "{line} is not in\n{printed}");
    }
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    check(&[], &format!("{{pod:{machine}}}"));
    check(&[("POD_NAME", "shop-1")], "{pod}");
    check(&[("LOGSKIFF_SYSLOG_HOSTNAME", "{node:none}")], "{node:none}");
}

/// A self-signed certificate, and its key.
pub fn certificate() -> Result<(Vec<u8>, PKey<Private>), ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("CN", "logs.example")?;
    let name = name.build();
    let mut builder = X509Builder::new()?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(&key)?;
    builder.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
    builder.set_not_after(Asn1Time::days_from_now(1)?.as_ref())?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok((builder.build().to_pem()?, key))
}

#[test]
fn certificates_and_keys_are_read_at_the_start() {
    const CA: &str = "LOGSKIFF_SYSLOG_TLS_CA_FILE";
    const CERT: &str = "LOGSKIFF_SYSLOG_TLS_CERT_FILE";
    const KEY: &str = "LOGSKIFF_SYSLOG_TLS_KEY_FILE";
    let directory = tempfile::tempdir().unwrap();
    let (pem, key) = certificate().unwrap();
    let other_key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cert_file = put("tls.crt", &pem);
    let key_file = put("tls.key", &key.private_key_to_pem_pkcs8().unwrap());
    let other = put("other.key", &other_key.private_key_to_pem_pkcs8().unwrap());
    let locked = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"hunter2").unwrap();
    let locked = put("locked.key", &locked);
    let broken = put("broken.crt", b"-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n");
    let empty = put("empty", b"");

    for address in ["tls://a:1", "relp+tls://a:1"] {
        let variables =
            [(CA, &*cert_file), (CERT, &cert_file), (KEY, &key_file), ("LOGSKIFF_SYSLOG_TLS_VERIFY", "off")];
        let tls = right(address, &variables).output.syslog().unwrap().tls.clone();
        assert_eq!(tls.ca_file.as_deref(), Some(Path::new(&cert_file)));
        assert!(!tls.verify && tls.cert_file.is_some() && tls.key_file.is_some());
    }
    let tls =
        |variables: &[(&str, &str)], variable: &str, reason: &str| wrong("tls://a:1", variables, variable, reason);
    tls(&[(CA, "/nowhere/ca.crt")], CA, "\"/nowhere/ca.crt\" cannot be read: entity not found");
    tls(&[(CA, directory.path().to_str().unwrap())], CA, "is not a file");
    tls(&[(CA, &empty)], CA, "/empty\" holds no certificate");
    tls(&[(CA, &key_file)], CA, "/tls.key\" holds no certificate");
    tls(&[(CA, &broken)], CA, "/broken.crt\" holds a certificate that cannot be read");
    tls(&[(CERT, &cert_file)], KEY, "LOGSKIFF_SYSLOG_TLS_CERT_FILE is; they belong together");
    tls(&[(KEY, &key_file)], CERT, "LOGSKIFF_SYSLOG_TLS_KEY_FILE is; they belong together");
    tls(&[(CERT, &cert_file), (KEY, &cert_file)], KEY, "/tls.crt\" holds no private key");
    tls(&[(CERT, &cert_file), (KEY, &locked)], KEY, "/locked.key\" holds no private key");
    tls(&[(CERT, &empty), (KEY, &key_file)], CERT, "/empty\" holds no certificate");
    tls(&[(CERT, &cert_file), (KEY, &other)], KEY, "does not match LOGSKIFF_SYSLOG_TLS_CERT_FILE");
    tls(&[("LOGSKIFF_SYSLOG_TLS_SERVER_NAME", "a b")], "LOGSKIFF_SYSLOG_TLS_SERVER_NAME", "not a host name");
}
