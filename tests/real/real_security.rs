//! TLS and SASL with a real Kafka broker: valid settings ship everything, invalid ones ship nothing and report the
//! reason, and no password or token is ever logged.
//!
//! Needs what `real_kafka.rs` needs, and the `openssl` command. Run with `--test-threads=1`.

mod access;
mod causes;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tempfile::TempDir;

use crate::support::authority::{Authority, Issued};
use crate::support::broker::{Broker, Listener, real_parts};
use crate::support::lines::{Plan, Tally, Writer, write_all};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{Random, wait_until};

const LINES: u64 = 500;
/// Timeout for work that normally takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// `LOGSKIFF_DRAIN_TIMEOUT` is 25 s in [`Settings::new`]; the process itself needs slightly longer.
const DRAIN_DEADLINE: Duration = Duration::from_secs(27);
/// Lifetime of a token in these tests. librdkafka requests the next one after four fifths of that.
const TOKEN_LIFE: Duration = Duration::from_secs(20);
/// Maximum logging: the own log, and librdkafka's debug output of every kind.
const TALKATIVE: &str = "debug=all\nlog_level=7";

/// A folder with a log file of [`LINES`] lines, which is shipped to a topic of its own.
struct Case<'b> {
    broker: &'b Broker,
    listener: &'static str,
    topic: &'static str,
    folder: TempDir,
}

impl<'b> Case<'b> {
    fn new(broker: &'b Broker, listener: &'static str, topic: &'static str) -> Self {
        broker.create_topic(topic, 1, &[]);
        let folder = tempfile::Builder::new().prefix("logskiff-real-").tempdir().expect("a temporary folder");
        Self { broker, listener, topic, folder }
    }

    fn settings(&self, variables: &[(&str, &str)]) -> Settings {
        let start = Settings::new(self.folder.path(), &self.broker.listener(self.listener), self.topic)
            .with("LOGSKIFF_LOG", "trace")
            .with("LOGSKIFF_KAFKA_PROPERTIES", TALKATIVE);
        variables.iter().fold(start, |settings, (name, value)| settings.with(name, value))
    }

    /// Checks that nothing arrives with invalid settings, that stderr reports the reason without a secret, and that
    /// nothing is lost: with valid settings everything arrives.
    #[track_caller]
    fn refused(&self, wrong: &[(&str, &str)], reason: &str, right: &[(&str, &str)], secrets: &[&str]) {
        let places = write_all(&self.folder.path().join("logs/app.log"), 0, LINES);
        let mut sidecar = Sidecar::start(self.folder.path(), &self.settings(wrong));
        wait_until(reason, PATIENCE, || warnings(&sidecar.stderr()).contains(reason));
        sleep(Duration::from_secs(2));
        assert!(sidecar.is_running(), "it goes on trying");
        assert_eq!(self.broker.end_offset(self.topic), 0, "{}: nothing arrives", self.topic);
        check_silent(&sidecar.stderr(), secrets);
        sidecar.kill();
        let settings = self.settings(right).with("LOGSKIFF_EXIT", "eof");
        let mut sidecar = Sidecar::start(self.folder.path(), &settings);
        let (status, _) = sidecar.wait(PATIENCE);
        assert!(status.success(), "{}: the run to the end ended with {status}", self.topic);
        check_silent(&sidecar.stderr(), secrets);
        Tally::from_messages(&self.broker.consume(self.topic), &places).check(LINES, 0);
    }
}

/// The default log: the lines of warnings and errors, in lower case.
fn warnings(stderr: &str) -> String {
    let printed = stderr.to_lowercase();
    let is_loud = |line: &&str| line.contains("\"warn\"") || line.contains("\"error\"");
    printed.lines().filter(is_loud).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check_silent(stderr: &str, secrets: &[&str]) {
    assert!(stderr.contains("librdkafka"), "the talkative log is on, so that there is something to search");
    for secret in secrets {
        assert!(!stderr.contains(secret), "a secret of {} characters is in stderr", secret.len());
    }
}

fn listener(name: &'static str, protocol: &'static str, settings: &[(&str, &str)]) -> Listener {
    let settings = settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Listener { name, host: "127.0.0.1", protocol, settings }
}

fn tls_door(name: &'static str, broker: &Issued, clients: Option<&Path>) -> Listener {
    let both = broker.both.to_str().expect("a path");
    let mut settings = vec![("ssl.keystore.type", "PEM"), ("ssl.keystore.location", both)];
    if let Some(path) = clients {
        settings.extend([("ssl.client.auth", "required"), ("ssl.truststore.type", "PEM")]);
        settings.push(("ssl.truststore.location", path.to_str().expect("a path")));
    }
    listener(name, "SSL", &settings)
}

fn started(listeners: &[Listener], format_arguments: &[&str]) -> Option<Broker> {
    let mut broker = Broker::prepare_with(listeners, format_arguments)?;
    broker.restart();
    Some(broker)
}

/// Goal: a broker is trusted only with a certificate of the configured CA for the requested name, and a client
/// certificate is accepted by a listener that requires one.
#[test]
fn certificates_are_verified() {
    if real_parts().is_none() {
        return;
    }
    let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
    let right = ours.issue("broker", "IP:127.0.0.1");
    let misnamed = ours.issue("elsewhere", "DNS:elsewhere.example");
    let (client, stranger) = (ours.issue("client", "DNS:client"), foreign.issue("stranger", "DNS:stranger"));
    let ours_path = ours.certificate();
    let listeners = [
        tls_door("TLS", &right, None),
        tls_door("MISNAMED", &misnamed, None),
        tls_door("MUTUAL", &right, Some(&ours_path)),
    ];
    let Some(broker) = started(&listeners, &[]) else { return };
    let path = |path: &Path| path.to_str().expect("a path").to_owned();
    let (ours, foreign) = (path(&ours_path), path(&foreign.certificate()));
    let (ours, foreign) = (("LOGSKIFF_KAFKA_TLS_CA_FILE", &*ours), ("LOGSKIFF_KAFKA_TLS_CA_FILE", &*foreign));
    let on = ("LOGSKIFF_KAFKA_TLS", "on");

    Case::new(&broker, "TLS", "foreign-ca").refused(&[on, foreign], "certificate verify failed", &[on, ours], &[]);
    Case::new(&broker, "TLS", "system-ca").refused(&[on], "certificate verify failed", &[on, ours], &[]);
    // The same CA, another name: only the name can be the reason. The lines then go through the right listener.
    let misnamed = Case::new(&broker, "MISNAMED", "misnamed");
    let right_listener = [on, ours, ("LOGSKIFF_KAFKA_BROKERS", &broker.listener("TLS"))];
    misnamed.refused(&[on, ours], "certificate verify failed", &right_listener, &[]);

    let own = |issued: &Issued| [path(&issued.certificate), path(&issued.key)];
    let ([cert, key], [strange_cert, strange_key]) = (own(&client), own(&stranger));
    let with_own = |cert, key| [on, ours, ("LOGSKIFF_KAFKA_TLS_CERT_FILE", cert), ("LOGSKIFF_KAFKA_TLS_KEY_FILE", key)];
    let key_text = fs::read_to_string(&client.key).unwrap();
    let key_line = key_text.lines().nth(1).expect("a line of the key");
    let right = with_own(&cert, &key);
    Case::new(&broker, "MUTUAL", "no-own").refused(&[on, ours], "certificate", &right, &[key_line]);
    let strange = with_own(&strange_cert, &strange_key);
    Case::new(&broker, "MUTUAL", "strange-own").refused(&strange, "ssl", &right, &[key_line]);
}

/// Goal: names and passwords are sent as the mechanism requires, a wrong one is reported as the cause, and none is ever
/// logged.
#[test]
fn passwords_work_and_are_not_logged() {
    const RIGHT: &str = "Vq7-right=pass+word";
    const WRONG: &str = "Vq7-wrong=pass+word";
    let plain = format!("org.apache.kafka.common.security.plain.PlainLoginModule required user_shop=\"{RIGHT}\";");
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let listeners = [
        listener("OPEN", "SASL_PLAINTEXT", &[("sasl.enabled.mechanisms", "PLAIN"), ("plain.sasl.jaas.config", &plain)]),
        listener(
            "SALTED",
            "SASL_PLAINTEXT",
            &[
                ("sasl.enabled.mechanisms", "SCRAM-SHA-256,SCRAM-SHA-512"),
                ("scram-sha-256.sasl.jaas.config", scram),
                ("scram-sha-512.sasl.jaas.config", scram),
            ],
        ),
    ];
    let users = ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(|m| format!("{m}=[name=shop,password=\"{RIGHT}\"]"));
    let Some(broker) = started(&listeners, &["--add-scram", &users[0], "--add-scram", &users[1]]) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("password");
    // As `kubectl create secret` writes files from an editor: with a line end.
    fs::write(&file, format!("{RIGHT}\n")).expect("written");
    let right_file = ("LOGSKIFF_KAFKA_PASSWORD_FILE", file.to_str().expect("a path"));
    let user = ("LOGSKIFF_KAFKA_USERNAME", "shop");
    let (right, wrong) = (("LOGSKIFF_KAFKA_PASSWORD", RIGHT), ("LOGSKIFF_KAFKA_PASSWORD", WRONG));
    let encoded = [RIGHT, WRONG].map(|password| URL_SAFE_NO_PAD.encode(password));
    let secrets = [RIGHT, WRONG, &encoded[0], &encoded[1]];
    let cases = [
        ("OPEN", "plain", "plain", right),
        ("SALTED", "scram-256", "scram-sha-256", right_file),
        ("SALTED", "scram-512", "scram-sha-512", right),
    ];
    for (listener, topic, mechanism, right) in cases {
        let sasl = ("LOGSKIFF_KAFKA_SASL", mechanism);
        let case = Case::new(&broker, listener, topic);
        case.refused(&[sasl, user, wrong], "authentication failed", &[sasl, user, right], &secrets);
    }
}

/// A volume as Kubernetes creates it for a Secret: files after a link that is replaced atomically.
struct Volume(TempDir);

impl Volume {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("logskiff-secret-").tempdir().expect("a temporary folder"))
    }

    fn put(&self, files: &[(&str, &[u8])]) {
        let data = tempfile::Builder::new().prefix("..data-").tempdir_in(&self.0).expect("a folder").keep();
        for (name, content) in files {
            fs::write(data.join(name), content).expect("written");
            let link = self.0.path().join(name);
            if !link.exists() {
                _ = std::os::unix::fs::symlink(Path::new("..data").join(name), link);
            }
        }
        std::os::unix::fs::symlink(&data, self.0.path().join("..new")).expect("a link");
        fs::rename(self.0.path().join("..new"), self.0.path().join("..data")).expect("swapped");
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

/// Goal: a client certificate is renewed under traffic without loss or duplicates, an incomplete renewal changes
/// nothing, and a broker that trusts only the new one accepts it.
#[test]
fn a_certificate_is_renewed_under_traffic() {
    if real_parts().is_none() {
        return;
    }
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let broker_own = old.issue("broker", "IP:127.0.0.1");
    let (first, second) = (old.issue("first", "DNS:client"), new.issue("second", "DNS:client"));
    let read = |path: &Path| fs::read(path).expect("a file");
    let trusted = Volume::new();
    trusted.put(&[("clients.pem", &[read(&old.certificate()), read(&new.certificate())].concat())]);
    let listeners = [tls_door("MUTUAL", &broker_own, Some(Path::new(&trusted.path("clients.pem"))))];
    let Some(mut broker) = started(&listeners, &[]) else { return };
    broker.create_topic("renewed", 1, &[]);
    let secret = Volume::new();
    let put = |issued: &Issued, key: &[u8]| secret.put(&[("tls.crt", &read(&issued.certificate)), ("tls.key", key)]);
    put(&first, &read(&first.key));
    let folder = tempfile::Builder::new().prefix("logskiff-real-").tempdir().expect("a temporary folder");
    let settings = Settings::new(folder.path(), &broker.listener("MUTUAL"), "renewed")
        .with("LOGSKIFF_KAFKA_TLS", "on")
        .with("LOGSKIFF_KAFKA_TLS_CA_FILE", old.certificate().to_str().expect("a path"))
        .with("LOGSKIFF_KAFKA_TLS_CERT_FILE", &secret.path("tls.crt"))
        .with("LOGSKIFF_KAFKA_TLS_KEY_FILE", &secret.path("tls.key"));
    let sidecar = Sidecar::start(folder.path(), &settings);
    let plan = Plan { lines: 40_000, lines_per_s: 1_000, rotate_every: 0 };
    let writer = Writer::start(folder.path(), plan);
    wait_until("the first lines", PATIENCE, || broker.end_offset("renewed") > 1_000);
    put(&second, b"-----BEGIN PRIVATE KEY-----\nhalf");
    wait_until("a message about half a renewal", PATIENCE, || sidecar.stderr().contains("keeping the old client"));
    let before = broker.end_offset("renewed");
    wait_until("the old client to go on", PATIENCE, || broker.end_offset("renewed") > before + 1_000);
    put(&second, &read(&second.key));
    wait_until("the new client", PATIENCE, || sidecar.stderr().contains("switched to a new client"));
    assert!(sidecar.stderr().contains("\"in_flight\":false"), "{}", sidecar.stderr());
    let before = broker.end_offset("renewed");
    wait_until("lines by the new client", PATIENCE, || broker.end_offset("renewed") > before + 500);
    trusted.put(&[("clients.pem", &read(&new.certificate()))]);
    broker.stop();
    broker.restart();
    let places = writer.finish();
    sidecar.drain(DRAIN_DEADLINE);
    Tally::from_messages(&broker.consume("renewed"), &places).check(plan.lines, 0);
}

/// Goal: a password that was wrong, or was changed at the broker, is corrected by its file alone; over TLS, too.
#[test]
fn a_password_is_read_again() {
    const RIGHT: &str = "Vq8-right=pass+word";
    if real_parts().is_none() {
        return;
    }
    let authority = Authority::new("ours");
    let own = authority.issue("broker", "IP:127.0.0.1");
    let plain = format!("org.apache.kafka.common.security.plain.PlainLoginModule required user_shop=\"{RIGHT}\";");
    let both = own.both.to_str().expect("a path");
    let settings = [
        ("ssl.keystore.type", "PEM"),
        ("ssl.keystore.location", both),
        ("sasl.enabled.mechanisms", "PLAIN"),
        ("plain.sasl.jaas.config", &plain),
    ];
    let Some(broker) = started(&[listener("BOTH", "SASL_SSL", &settings)], &[]) else { return };
    let case = Case::new(&broker, "BOTH", "password-renewed");
    let secret = Volume::new();
    secret.put(&[("password", b"Vq8-former=pass+word\n")]);
    let settings = case.settings(&[
        ("LOGSKIFF_KAFKA_TLS", "on"),
        ("LOGSKIFF_KAFKA_TLS_CA_FILE", authority.certificate().to_str().expect("a path")),
        ("LOGSKIFF_KAFKA_SASL", "plain"),
        ("LOGSKIFF_KAFKA_USERNAME", "shop"),
        ("LOGSKIFF_KAFKA_PASSWORD_FILE", &secret.path("password")),
    ]);
    let places = write_all(&case.folder.path().join("logs/app.log"), 0, LINES);
    let sidecar = Sidecar::start(case.folder.path(), &settings);
    wait_until("the refusal", PATIENCE, || warnings(&sidecar.stderr()).contains("authentication failed"));
    secret.put(&[("password", format!("{RIGHT}\n").as_bytes())]);
    wait_until("the lines", PATIENCE, || broker.end_offset(case.topic) >= LINES);
    check_silent(&sidecar.stderr(), &[RIGHT, "Vq8-former=pass+word"]);
    sidecar.drain(DRAIN_DEADLINE);
    Tally::from_messages(&broker.consume(case.topic), &places).check(LINES, 0);
}

/// A token for Kafka's own test validator: a JSON Web Token without a signature.
fn token(random: &mut Random, life_s: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970").as_secs();
    let expires = now.checked_add_signed(life_s).expect("a time");
    let nonce = format!("{:016x}{:016x}", random.roll(), random.roll());
    let claims = serde_json::json!({ "jti": nonce, "sub": "shop", "iat": now - 60, "exp": expires }).to_string();
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims))
}

/// As a kubelet does: written completely under another name first.
fn put_token(path: &Path, token: &str) {
    let new = path.with_extension("new");
    fs::write(&new, format!("{token}\n")).expect("written");
    fs::rename(&new, path).expect("renamed");
}

/// Goal: a token that is renewed in time causes no interruption, a token that is renewed late delays the lines only
/// until then, and no token is ever logged.
#[test]
fn tokens_are_read_again() {
    const RATE: u64 = 200;
    let jaas = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                unsecuredLoginStringClaim_sub=\"broker\";";
    let validator = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.\
                     OAuthBearerUnsecuredValidatorCallbackHandler";
    let settings = [
        ("sasl.enabled.mechanisms", "OAUTHBEARER"),
        ("oauthbearer.sasl.jaas.config", jaas),
        ("oauthbearer.sasl.server.callback.handler.class", validator),
        // A session ends with its token, at the latest after this time.
        ("oauthbearer.connections.max.reauth.ms", "600000"),
    ];
    let Some(broker) = started(&[listener("TOKEN", "SASL_PLAINTEXT", &settings)], &[]) else { return };
    let case = Case::new(&broker, "TOKEN", "tokens");
    let (mut random, mut tokens) = (Random::new(3), Vec::new());
    let file = case.folder.path().join("token");
    let mut renew = |life_s: i64| {
        tokens.push(token(&mut random, life_s));
        put_token(&file, &tokens[tokens.len() - 1]);
        tokens.clone()
    };
    let life_s = i64::try_from(TOKEN_LIFE.as_secs()).expect("a short time");
    let arrived = || broker.end_offset("tokens");

    // First an expired token.
    renew(-10);
    let sasl = [("LOGSKIFF_KAFKA_SASL", "oauthbearer"), ("LOGSKIFF_KAFKA_TOKEN_FILE", file.to_str().expect("a path"))];
    let plan = Plan { lines: RATE * TOKEN_LIFE.as_secs() * 4, lines_per_s: RATE, rotate_every: 0 };
    let writer = Writer::start(case.folder.path(), plan);
    let sidecar = Sidecar::start(case.folder.path(), &case.settings(&sasl));
    wait_until("the expired token to be named", PATIENCE, || warnings(&sidecar.stderr()).contains("has expired"));
    sleep(Duration::from_secs(2));
    assert_eq!(arrived(), 0, "an expired token opens nothing");

    // Then two in time, the second shortly before librdkafka requests it: shipping continues after the first one
    // expires.
    renew(life_s);
    wait_until("the first records", PATIENCE, || arrived() > 0);
    let printed = warnings(&sidecar.stderr()).lines().count();
    sleep(TOKEN_LIFE * 3 / 5);
    renew(life_s);
    sleep(TOKEN_LIFE * 3 / 5);
    let (before, written) = (arrived(), writer.written());
    wait_until("records past the first token's end", Duration::from_secs(5), || arrived() >= written);
    let behind = written.saturating_sub(before);
    eprintln!("tokens: {behind} lines late past the first token's end");
    assert!(behind < RATE * 3, "{behind} lines late");
    assert_eq!(warnings(&sidecar.stderr()).lines().count(), printed, "nothing is said while all is well");

    // Then none, and the broker ends the session; then one again.
    sleep(TOKEN_LIFE + Duration::from_secs(2));
    let held = arrived();
    sleep(Duration::from_secs(3));
    assert_eq!(arrived(), held, "nothing arrives without a valid token");
    let tokens = renew(life_s * 30);
    let places = writer.finish();
    wait_until("all records", PATIENCE, || arrived() >= plan.lines);
    let stderr = sidecar.stderr();
    sidecar.drain(DRAIN_DEADLINE);
    let parts = tokens.iter().filter_map(|token| token.split('.').nth(1)).collect::<Vec<_>>();
    assert_eq!(parts.len(), 4);
    check_silent(&stderr, &parts);
    let tally = Tally::from_messages(&broker.consume("tokens"), &places);
    eprintln!("tokens: {tally:?}");
    tally.check(plan.lines, plan.lines / 20);
}
