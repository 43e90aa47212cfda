use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509Builder, X509NameBuilder};
use std::fs;
use tempfile::TempDir;

use super::*;

struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate for `name`, valid for this many days from yesterday, signed by `issuer` or by itself.
fn identity(name: &str, issuer: Option<&Identity>, days: i64) -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let day = 24 * 60 * 60;
    let now = jiff::Timestamp::now().as_second();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(fastrand::u32(1..)).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&*subject, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(now - 2 * day).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now - day + days * day).unwrap()).unwrap();
    if issuer.is_none() {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    } else {
        let mut names = SubjectAlternativeName::new();
        let names = if name.parse::<IpAddr>().is_ok() { names.ip(name) } else { names.dns(name) };
        let extension = names.build(&builder.x509v3_context(issuer.map(|i| &*i.certificate), None)).unwrap();
        builder.append_extension(extension).unwrap();
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}

struct Scene {
    folder: TempDir,
    authority: Identity,
    config: Config,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = identity("authority", None, 30);
        let mut scene = Self { folder, authority, config: Config { verify: true, ..Config::default() } };
        let ca_file = scene.write("ca.pem", &scene.authority.certificate.to_pem().unwrap());
        scene.config.ca_file = Some(ca_file);
        scene
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Gives the client a certificate.
    fn introduce(&mut self, client: &Identity) {
        self.config.cert_file = Some(self.write("client.pem", &client.certificate.to_pem().unwrap()));
        self.config.key_file = Some(self.write("client.key", &client.key.private_key_to_pem_pkcs8().unwrap()));
    }

    /// A server with this identity.
    fn server(server: &Identity, set: impl Fn(&mut SslAcceptorBuilder)) -> Server {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate(&server.certificate).unwrap();
        acceptor.set_private_key(&server.key).unwrap();
        set(&mut acceptor);
        let result = acceptor.build().accept(Pipe::default());
        let Err(HandshakeError::WouldBlock(handshake)) = result else { panic!("a server waits for its client") };
        Server(Some(Stage::Handshake(handshake)))
    }

    fn demand(&self, acceptor: &mut SslAcceptorBuilder) {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(self.authority.certificate.clone()).unwrap();
        acceptor.set_verify_cert_store(store.build()).unwrap();
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
}

/// A TLS server in memory.
struct Server(Option<Stage>);

impl Server {
    fn pipe(&mut self) -> &mut Pipe {
        match self.0.as_mut().unwrap() {
            Stage::Handshake(handshake) => handshake.get_mut(),
            Stage::Open(stream) => stream.get_mut(),
            Stage::Failed(pipe) => pipe,
        }
    }

    fn step(&mut self) {
        self.0 = Some(match self.0.take().unwrap() {
            Stage::Handshake(handshake) => match handshake.handshake() {
                Ok(stream) => Stage::Open(stream),
                Err(HandshakeError::WouldBlock(handshake)) => Stage::Handshake(handshake),
                Err(HandshakeError::Failure(mut failed)) => Stage::Failed(std::mem::take(failed.get_mut())),
                Err(HandshakeError::SetupFailure(errors)) => panic!("{errors}"),
            },
            other => other,
        });
    }

    fn read(&mut self) -> Vec<u8> {
        let Some(Stage::Open(stream)) = &mut self.0 else { return Vec::new() };
        let (mut plain, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(bytes) = stream.ssl_read(&mut buffer)
            && bytes > 0
        {
            plain.extend_from_slice(&buffer[..bytes]);
        }
        plain
    }
}

/// Carries bytes between client and server until both are silent. Returns the client's error, or the bytes that it
/// read.
fn exchange(client: &mut Session, server: &mut Server) -> Result<Vec<u8>, Error> {
    let mut plain = Vec::new();
    loop {
        let out = std::mem::take(client.outgoing());
        server.pipe().incoming.extend_from_slice(&out);
        server.step();
        let back = std::mem::take(&mut server.pipe().outgoing);
        if out.is_empty() && back.is_empty() {
            return Ok(plain);
        }
        client.receive(&back);
        if client.handshake()? {
            client.read(&mut plain)?;
        }
    }
}

#[test]
fn bytes_reach_the_other_side_both_ways() {
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        for host in ["logs.example", "logs.example.", "10.0.0.1", "fd00::1"] {
            let scene = Scene::new();
            let identity = identity(host.trim_end_matches('.'), Some(&scene.authority), 30);
            let mut server = Scene::server(&identity, |acceptor| {
                acceptor.set_max_proto_version(Some(version)).unwrap();
            });
            let mut client = Session::new(&scene.config, host).unwrap();
            assert!(!client.is_accepted() && client.write(b"too early").is_err());
            exchange(&mut client, &mut server).unwrap();
            assert!(
                client.handshake().unwrap() && client.is_accepted(),
                "session tickets show that the server accepts the client"
            );
            let message: Vec<u8> = (0..1_u32 << 20).map(|at| at.to_le_bytes()[0]).collect();
            client.write(&message).unwrap();
            let mut records = Records::default();
            records.count(client.outgoing());
            assert_eq!((records.complete, records.header_bytes), (1 << 20 >> 14, 0), "records have the largest size");
            server.pipe().incoming.append(client.outgoing());
            assert!(server.read() == message);
            let Some(Stage::Open(stream)) = &mut server.0 else { panic!("open") };
            stream.write_all(b"back").unwrap();
            assert_eq!(exchange(&mut client, &mut server).unwrap(), b"back");
            client.close();
            server.pipe().incoming.append(client.outgoing());
            assert!(server.read().is_empty());
            let Some(Stage::Open(stream)) = &mut server.0 else { panic!("open") };
            assert!(stream.get_shutdown().contains(ShutdownState::RECEIVED), "the server receives the close message");
            stream.shutdown().unwrap();
            let bytes = std::mem::take(&mut server.pipe().outgoing);
            client.receive(&bytes);
            assert!(client.read(&mut Vec::new()).unwrap(), "the client receives the close message");
        }
    }
}

#[test]
fn untrusted_certificates_are_refused() {
    #[track_caller]
    fn check(days: i64, host: &str, other_authority: bool, want: &str) {
        let mut scene = Scene::new();
        let server = identity("logs.example", Some(&scene.authority), days);
        if other_authority {
            let other = identity("another", None, 30);
            scene.config.ca_file = Some(scene.write("other.pem", &other.certificate.to_pem().unwrap()));
        }
        let mut peer = Scene::server(&server, |_| {});
        let mut client = Session::new(&scene.config, host).unwrap();
        let error = exchange(&mut client, &mut peer).unwrap_err();
        assert!(matches!(error, Error::Verify(_)) && error.to_string().contains(want), "{error}");
        // Without verification it is accepted.
        scene.config.verify = false;
        let mut peer = Scene::server(&server, |_| {});
        let mut client = Session::new(&scene.config, host).unwrap();
        exchange(&mut client, &mut peer).unwrap();
        assert!(client.handshake().unwrap());
    }
    check(
        30,
        "other.example",
        false,
        "hostname mismatch: it is not for other.example (LOGSKIFF_SYSLOG_TLS_SERVER_NAME",
    );
    check(30, "10.0.0.1", false, "IP address mismatch: it is not for 10.0.0.1");
    check(0, "logs.example", false, "certificate has expired");
    check(30, "logs.example", true, "LOGSKIFF_SYSLOG_TLS_CA_FILE must contain its authority");
}

#[test]
fn the_server_name_replaces_the_host_of_the_address() {
    let mut scene = Scene::new();
    scene.config.server_name = Some("logs.example".into());
    let identity = identity("logs.example", Some(&scene.authority), 30);
    let mut server = Scene::server(&identity, |_| {});
    let mut client = Session::new(&scene.config, "10.9.8.7").unwrap();
    exchange(&mut client, &mut server).unwrap();
    let Some(Stage::Open(stream)) = &server.0 else { panic!("open") };
    assert_eq!(stream.ssl().servername(openssl::ssl::NameType::HOST_NAME), Some("logs.example"));
}

#[test]
fn the_client_sends_its_certificate_on_demand() {
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut scene = Scene::new();
        let identities = ["logs.example", "client.example"].map(|name| identity(name, Some(&scene.authority), 30));
        let demand = |scene: &Scene| {
            Scene::server(&identities[0], |acceptor| {
                acceptor.set_max_proto_version(Some(version)).unwrap();
                scene.demand(acceptor);
            })
        };
        let (mut server, mut client) = (demand(&scene), Session::new(&scene.config, "logs.example").unwrap());
        let error = exchange(&mut client, &mut server).unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{version:?}: {error}");
        assert!(error.to_string().contains("LOGSKIFF_SYSLOG_TLS_CERT_FILE"), "{version:?}: {error}");
        assert!(!client.is_accepted(), "a refusal does not count as acceptance");
        scene.introduce(&identities[1]);
        let (mut server, mut client) = (demand(&scene), Session::new(&scene.config, "logs.example").unwrap());
        exchange(&mut client, &mut server).unwrap();
        assert!(client.is_accepted());
    }
}

#[test]
fn other_protocols_and_old_versions_are_errors() {
    let scene = Scene::new();
    for garbage in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"220 mail.example ESMTP\r\n", b"0 serverclose 0\n"] {
        let mut client = Session::new(&scene.config, "logs.example").unwrap();
        client.receive(garbage);
        let error = client.handshake().unwrap_err();
        assert!(matches!(&error, Error::Protocol(text) if text.contains("does not speak TLS")), "{error}");
        assert!(client.handshake().is_err(), "the error is permanent");
    }
    let mut client = Session::new(&scene.config, "logs.example").unwrap();
    // The alert of a server that knows no version that we offer: protocol_version, fatal.
    client.receive(b"\x15\x03\x01\x00\x02\x02\x46");
    let error = client.handshake().unwrap_err();
    assert!(error.to_string().contains("protocol version"), "{error}");
}

#[test]
fn files_are_read_and_changes_are_detected() {
    #[track_caller]
    fn check(config: &Config, want: &str) {
        let error = Session::new(config, "logs.example").err().expect("a mistake").to_string();
        assert!(error.contains(want), "{error}");
    }
    let mut scene = Scene::new();
    let client = identity("client.example", Some(&scene.authority), 30);
    scene.introduce(&client);
    let before = Session::files(&scene.config);
    assert_eq!(before, Session::files(&scene.config));
    Session::new(&scene.config, "logs.example").unwrap();
    scene.introduce(&identity("client.example", Some(&scene.authority), 30));
    assert_ne!(before, Session::files(&scene.config));
    assert!(Session::files(&scene.config).iter().all(Option::is_some));
    assert_eq!(Session::files(&Config { ca_file: Some("/nowhere".into()), ..Config::default() }), [None; 3]);
    scene.write("client.key", &client.key.private_key_to_pem_pkcs8().unwrap());
    check(&scene.config, "LOGSKIFF_SYSLOG_TLS_KEY_FILE");
    // With a passphrase: an error, and no prompt on the terminal.
    let locked = client.key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_128_cbc(), b"secret");
    scene.write("client.key", &locked.unwrap());
    check(&scene.config, "one with a passphrase");
    scene.write("client.key", b"no key");
    check(&scene.config, "holds no private key");
    scene.write("client.pem", b"no certificate");
    check(&scene.config, "LOGSKIFF_SYSLOG_TLS_CERT_FILE");
    scene.config.ca_file = Some("/nowhere".into());
    check(&scene.config, "LOGSKIFF_SYSLOG_TLS_CA_FILE: /nowhere: No such file");
}

#[test]
fn a_refusal_in_pieces_does_not_count_as_acceptance() {
    let scene = Scene::new();
    let identity = identity("logs.example", Some(&scene.authority), 30);
    for demands in [true, false] {
        let mut server = Scene::server(&identity, |acceptor| {
            acceptor.set_max_proto_version(Some(SslVersion::TLS1_3)).unwrap();
            if demands {
                scene.demand(acceptor);
            }
        });
        let mut client = Session::new(&scene.config, "logs.example").unwrap();
        let (mut refused, mut accepted_at) = (false, Vec::new());
        for _ in 0..4 {
            server.pipe().incoming.append(client.outgoing());
            server.step();
            let back = std::mem::take(&mut server.pipe().outgoing);
            for (at, byte) in back.iter().enumerate() {
                client.receive(&[*byte]);
                let result =
                    client.handshake().and_then(|open| if open { client.read(&mut Vec::new()) } else { Ok(false) });
                refused |= matches!(result, Err(Error::Refused(_)));
                if client.is_accepted() {
                    accepted_at.push(at);
                }
            }
        }
        assert_eq!(refused, demands);
        assert_eq!(
            accepted_at.is_empty(),
            demands,
            "a complete record shows acceptance, a part of a refusal never does"
        );
    }
}

#[test]
fn a_server_with_old_versions_is_an_error() {
    let scene = Scene::new();
    let identity = identity("logs.example", Some(&scene.authority), 30);
    let mut server = Scene::server(&identity, |acceptor| {
        acceptor.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        acceptor.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
        acceptor.set_min_proto_version(None).unwrap();
        acceptor.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
    });
    let mut client = Session::new(&scene.config, "logs.example").unwrap();
    let error = exchange(&mut client, &mut server).unwrap_err().to_string();
    assert!(error.contains("TLS 1.2 or later"), "{error}");
}
