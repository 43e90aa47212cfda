//! Servers, each asked for something that it logs.

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::server::{Folder, Server};
use super::{Log, are_there};
use crate::support::broker::{Broker, free_ports, real_parts};
use crate::support::http;

const TARGET: &str = "/orders/17?n=1";

/// Has a server answer that there is no order; returns when it was asked.
#[track_caller]
fn ask(server: &mut Server, address: &str) -> SystemTime {
    server.wait("an open port", || std::net::TcpStream::connect(address).is_ok());
    let asked = SystemTime::now();
    let answer = http::send(address, "GET", TARGET, &[("User-Agent", "shop/1.0 (\"test\")")], "");
    assert_eq!(answer.expect("an answer").0, 404);
    asked
}

/// What the servers log of the request.
fn request() -> Vec<(&'static str, Value)> {
    vec![
        ("source.address", json!("127.0.0.1")),
        ("http.request.method", json!("GET")),
        ("url.original", json!(TARGET)),
        ("http.version", json!("1.0")),
        ("http.response.status_code", json!(404)),
    ]
}

fn address() -> String {
    format!("127.0.0.1:{}", free_ports(1)[0])
}

#[test]
fn nginx() {
    if !are_there() {
        return;
    }
    let (folder, address) = (Folder::new(), address());
    let at = folder.path().display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|part| format!("{part}_temp_path {at}/{part};"))
        .concat();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error info; events {{}}\n\
         http {{ access_log {at}/access combined; root {at}/html; {paths} server {{ listen {address}; }} }}\n"
    );
    let config = folder.write("nginx.conf", &config);
    let mut command = folder.command("nginx");
    command.arg("-p").arg(folder.path()).arg("-c").arg(config).arg("-e").arg(folder.at("error"));
    let mut server = folder.start(command);
    ask(&mut server, &address);
    server.wait_for("access", TARGET);
    let (pid, start) = (server.id(), server.start);
    server.stop();
    let access = Log::new(folder.read("access"), start, TARGET, None);
    let mut fields = request();
    fields.push(("user_agent.original", json!(r"shop/1.0 (\x22test\x22)")));
    access.assert_by_both("nginx", access.line(), &fields);
    let error = Log::new(folder.read("error"), start, "failed (2:", Some("error"));
    let message = format!(
        "open() \"{at}/html/orders/17\" failed (2: No such file or directory), client: 127.0.0.1, server: , \
         request: \"GET {TARGET} HTTP/1.0\", host: \"{address}\""
    );
    error.assert_by_both("nginx_error", &message, &[("process.pid", json!(pid)), ("process.thread.id", json!(pid))]);
}

#[test]
fn apache() {
    const MODULES: &str = "/usr/lib/apache2/modules";
    if !are_there() {
        return;
    }
    let (folder, address) = (Folder::new(), address());
    let at = folder.path().display();
    let config = format!(
        "ServerName shop.example.org\nServerRoot {at}\nPidFile {at}/pid\nListen {address}\nLogLevel info\n\
         LoadModule mpm_event_module {MODULES}/mod_mpm_event.so\n\
         LoadModule authz_core_module {MODULES}/mod_authz_core.so\n\
         DefaultRuntimeDir {at}\nDocumentRoot {at}/html\nErrorLog {at}/error\n\
         CustomLog {at}/access \"%h %l %u %t \\\"%r\\\" %>s %b \\\"%{{Referer}}i\\\" \\\"%{{User-Agent}}i\\\"\"\n"
    );
    fs::create_dir(folder.at("html")).unwrap();
    let config = folder.write("apache.conf", &config);
    let mut command = folder.command("apache2");
    command.arg("-X").arg("-f").arg(config);
    let mut server = folder.start(command);
    ask(&mut server, &address);
    server.wait_for("access", TARGET);
    let (pid, start) = (server.id(), server.start);
    server.stop();
    let access = Log::new(folder.read("access"), start, TARGET, None);
    let mut fields = request();
    fields.push(("user_agent.original", json!(r#"shop/1.0 (\"test\")"#)));
    access.assert_by_both("apache", access.line(), &fields);
    let error = Log::new(folder.read("error"), start, "AH00128", Some("info"));
    let message = format!("AH00128: File does not exist: {at}/html/orders/17");
    let fields = [("process.pid", json!(pid)), ("log.logger", json!("core")), ("source.address", json!("127.0.0.1"))];
    error.assert_by_both("apache_error", &message, &fields);
}

/// A datagram as a receiver without a format of its own stores it.
#[track_caller]
fn received(socket: &UdpSocket) -> String {
    let mut datagram = [0; 8192];
    let size = socket.recv(&mut datagram).expect("a datagram");
    let text = std::str::from_utf8(&datagram[..size]).unwrap();
    format!("{}\n", text.trim_end())
}

#[test]
fn haproxy() {
    if !are_there() {
        return;
    }
    let (folder, address) = (Folder::new(), address());
    let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let [old, new] = sockets.each_ref().map(|socket| {
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        socket.local_addr().unwrap()
    });
    let config = folder.write(
        "haproxy.cfg",
        &format!(
            "global\n  log stdout format raw local0\n  log {old} local0\n  log {new} format rfc5424 local0\n\
             defaults\n  mode http\n  log global\n  option httplog\n  option dontlognull\n\
             \x20 timeout client 10s\n  timeout connect 10s\n  timeout server 10s\n\
             frontend web\n  bind {address}\n  http-request return status 404\n"
        ),
    );
    let mut command = folder.command("haproxy");
    command.arg("-db").arg("-f").arg(config);
    let mut server = folder.start(command);
    let asked = ask(&mut server, &address);
    server.wait_for("out", TARGET);
    let pid = server.id();
    let texts = sockets.each_ref().map(received);
    server.stop();
    let out = folder.read("out");
    let line = out.lines().find(|line| line.contains(TARGET)).unwrap();
    let mut fields = request();
    fields.push(("haproxy.frontend_name", json!("web")));
    Log::new(format!("{line}\n"), asked, TARGET, None).assert_by_both("haproxy", line, &fields);
    let syslog = [
        ("log.syslog.appname", json!("haproxy")),
        ("log.syslog.procid", json!(pid.to_string())),
        ("log.syslog.priority", json!(134)),
    ];
    let [old, new] = texts.map(|text| Log::new(text, asked, TARGET, Some("info")));
    old.assert_by_both("syslog3164", line, &syslog);
    new.assert_by_both("syslog5424", line, &syslog);
    fields.extend(syslog);
    fields.push(("log.syslog.hostname", Value::Null));
    old.assert_by_preset("haproxy", old.line(), &fields);
}

#[test]
fn redis() {
    // On a port it begins with a capital letter.
    const READY: &str = "eady to accept connections";
    if !are_there() {
        return;
    }
    let folder = Folder::new();
    let mut command = folder.command("redis-server");
    command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(folder.at("socket"));
    let mut server = folder.start(command);
    server.wait_for("out", READY);
    let (pid, start) = (server.id(), server.start);
    server.stop();
    let log = |line, level| Log::new(folder.read("out"), start, line, Some(level));
    let (id, role) = (("process.pid", json!(pid)), |role: &str| ("redis.role", json!(role)));
    let ready = log(READY, "info");
    let message = ready.line().split_once(" * ").unwrap().1;
    ready.assert_by_both("redis", message, &[id.clone(), role("M")]);
    log("bye bye", "warn").assert_by_both("redis", "Redis is now ready to exit, bye bye...", &[id, role("M")]);
}

/// The folder of the database's programs, of the newest version.
fn postgresql() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL");
    let programs = versions.map(|version| version.unwrap().path().join("bin"));
    programs.filter(|programs| programs.join("initdb").exists()).max().expect("PostgreSQL's server")
}

#[test]
fn postgres() {
    if !are_there() {
        return;
    }
    let (folder, programs) = (Folder::new(), postgresql());
    let mut command = folder.command(programs.join("initdb"));
    command.args(["-D", "data", "-U", "app", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"]);
    let made = command.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let at = folder.path().display();
    let settings = [
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={at}"),
        "fsync=off".to_owned(),
        "logging_collector=on".to_owned(),
        "log_destination=stderr,csvlog".to_owned(),
        format!("log_directory={at}"),
        "log_filename=server.log".to_owned(),
        "log_min_error_statement=panic".to_owned(),
    ];
    let mut command = folder.command(programs.join("postgres"));
    command.args(["-D", "data"]).args(settings.iter().flat_map(|setting| ["-c", setting]));
    let mut server = folder.start(command);
    server.wait_for("server.csv", "ready to accept connections");
    let start = server.start;
    let mut client = folder.command(programs.join("psql"));
    client.arg("-h").arg(folder.path()).args(["-U", "app", "-d", "postgres", "-At"]);
    let said = client.args(["-c", "SELECT pg_backend_pid()", "-c", "SELECT 17/0"]).output().unwrap();
    let pid: u32 = String::from_utf8(said.stdout).unwrap().trim().parse().expect("the backend's number");
    server.wait_for("server.csv", "division by zero");
    server.wait_for("server.log", "division by zero");
    server.stop();
    let log = |file| Log::new(folder.read(file), start, "division by zero", Some("error"));
    log("server.log").assert_by_both("postgres", "division by zero", &[("process.pid", json!(pid))]);
    let fields =
        [("process.pid", json!(pid)), ("user.name", json!("app")), ("postgresql.log.sql_state_code", json!("22012"))];
    let csv = log("server.csv");
    csv.assert_by_preset("postgres_csv", "division by zero", &fields);
    // The level is a column among others.
    Log { level: None, ..csv }.assert_by_default();
}

#[test]
fn kafka() {
    // As in config/log4j2.yaml of Kafka's distribution.
    const PATTERN: &str = "[%d] %p %m (%c)%n";
    let Some(jars) = real_parts() else { return };
    let broker = Broker::prepare().expect("the jars are there");
    let folder = Folder::new();
    let at = folder.path().display();
    let config = folder.write(
        "log4j2.properties",
        &format!(
            "appender.file.type=File\nappender.file.name=file\nappender.file.fileName={at}/server.log\n\
             appender.file.layout.type=PatternLayout\nappender.file.layout.pattern={PATTERN}\n\
             rootLogger.level=INFO\nrootLogger.appenderRef.file.ref=file\n"
        ),
    );
    let mut command = broker.java_logging(&jars, &config);
    command.env("TZ", super::ZONE);
    let mut server = folder.start(command);
    server.wait_for("server.log", "Kafka Server started");
    let start = server.start;
    server.stop();
    let text = folder.read("server.log");
    // The values of a configuration stand on lines of their own below the first.
    let records = text.lines().filter(|line| line.starts_with('[')).count();
    let log = Log { records, ..Log::new(text, start, "Kafka Server started", Some("info")) };
    let message = "[KafkaRaftServer nodeId=1] Kafka Server started";
    log.assert_by_both("kafka", message, &[("log.logger", json!("kafka.server.KafkaRaftServer"))]);
}
