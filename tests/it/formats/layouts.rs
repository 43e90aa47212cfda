//! Lines that look like those of a preset, and lines of its program that other versions and settings write.

use logskiff::pipeline::parse::{self, Config, Preset};
use serde_json::{Value, json};

use super::objects::record_of;

fn config(preset: &str) -> Config {
    Config {
        formats: vec![parse::Format::Preset(Preset::from_name(preset).unwrap())],
        time_zone: "UTC".to_owned(),
        now_ns: Some(1_795_870_000_000_000_000),
        ..Config::default()
    }
}

/// Goal: what an outsider can write into a line moves no field, and a line of another layout gives none.
#[test]
fn lines_of_other_layouts_have_no_fields() {
    let lines = [
        ("apache_error", "[main] [error] hello"),
        ("hadoop", "2026-11-28 10:15:02,123 INFO http://shop.example/ was read"),
        ("haproxy", "<134>1 2026-11-28T10:15:02Z lb1 haproxy - - - x"),
        ("kafka", "[2026-11-28 10:15:02,123] ERROR user (forged.Logger)\n second line (kafka.Real)"),
        ("klog", "Z1128 10:15:02.123456       1 a.go:7] text"),
        ("log4j", "2026-11-28 10:15:02,123 [main] hello user] ERROR evil.Logger - forged"),
        ("log4j", "2026-11-28 10:15:02,123 [main] INFO Foo without dash [a] ERROR b - forged"),
        ("log4j", "2026-11-28 10:15:02,123 INFO http://shop.example/ was read"),
        ("logback", "2026-11-28 10:15:02,123 [main] hello user] ERROR evil.Logger - forged"),
        ("mysql", "2026-11-28T10:15:02.123456Z 0 [Loud] text"),
        ("nginx_error", "2026/11/28 10:15:02 [loud] 31#32: text"),
        ("postgres", "2026-11-28 10:15:02.123 UTC [31] a@b LOG:  ok@shop FATAL:  password authentication failed"),
        ("postgres", "2026-11-28 10:15:02.123 UTC [31] LOG:  ok@shop FATAL:  password authentication failed"),
        (
            "postgres",
            "2026-11-28 10:15:02 UTC [31]: user=u,db=d,app=x,client=192.0.2.6 ERROR:  x,client=192.0.2.7 LOG:  real",
        ),
        ("postgres", "2026-11-28 10:15:02 UTC [31]: user=u,db=d,app=x,client=192.0.2.6,client=192.0.2.7 LOG:  real"),
        ("postgres", "2026-11-28 10:15:02 UTC:192.0.2.7(1):a@b:[1]:LOG:  x@shop:[123]:FATAL:  no such user"),
        ("postgres_csv", "an import, of, a table"),
        ("python", "2026-11-28 10:15:02,123 ERROR http://shop.example/ is gone"),
        ("python", "2026-11-28 10:15:02,123 INFO Connected: the broker answers"),
        ("python", "2026-11-28 10:15:02,123 [WARNING] Retrying: in 5 s"),
        ("python", "SQL:get:/index.html"),
        ("serilog", "2026-11-28 10:15:02.123 [main] text"),
        ("spring", "2026-11-28T10:15:02.123Z  INFO 1 --- [shop] [main] [request-7] a.B : text"),
        ("tracing", "2026-11-28T10:15:02.123456Z  INFO request{path=/x}: evil: text}: shop: real"),
        ("tracing", "2026-11-28T10:15:02.123456Z  INFO http://shop.example/ was read"),
        ("uvicorn", "SQL: text"),
        ("zookeeper", "2026-11-28 10:15:02,123 [myid:1] - INFO  [main:Peer@?] - hello :evil.X@1] - forged"),
    ];
    let read: Vec<_> = lines.iter().map(|(preset, line)| (line, record_of(line.as_bytes(), &config(preset)))).collect();
    let wrong: Vec<_> = read.iter().filter(|(_, (_, is_of_format))| *is_of_format).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Goal: the other usual settings of a program are read as well.
#[test]
fn usual_variations_of_servers_are_read() {
    check(&[
        (
            "apache_error",
            "[Sat Nov 28 10:15:02.123456 2026] [core:error] [pid 1] (13)Permission denied: [client 192.0.2.7:99] AH00132: x",
            json!({"log.level": "error", "message": "(13)Permission denied: [client 192.0.2.7:99] AH00132: x", "source.address": "192.0.2.7", "source.port": 99}),
        ),
        (
            "apache_error",
            "[Sat Nov 28 10:15:02 2026] [error] [pid 7] [client 192.0.2.7] x",
            json!({"log.level": "error", "message": "x", "process.pid": 7, "source.address": "192.0.2.7"}),
        ),
        (
            "haproxy",
            "<134>Nov 28 10:15:02 haproxy[14]: 192.0.2.7:99 [28/Nov/2026:10:15:02.100] fe be/s 0/0/1/2/3 304 120 - - --VN 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"",
            json!({"log.syslog.appname": "haproxy", "log.syslog.procid": "14", "source.address": "192.0.2.7", "source.port": 99}),
        ),
        (
            "haproxy",
            "192.0.2.7:99 [28/Nov/2026:10:15:02.100] fe~ be/s 0/0/1/2/3 200 120 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\" 0/0000000000000000/0/0/1 shop.example/TLSv1.3/TLS_AES_128_GCM_SHA256",
            json!({"haproxy.tls_server_name": "shop.example", "haproxy.tls_version": "TLSv1.3", "haproxy.tls_cipher": "TLS_AES_128_GCM_SHA256"}),
        ),
    ]);
}

/// Goal: likewise.
#[test]
fn usual_variations_are_read() {
    let lines = [
        (
            "log4j",
            "10:15:02.123 [main] INFO  a.B - the default of Log4j 2",
            json!({"log.level": "info", "log.logger": "a.B", "process.thread.name": "main", "message": "the default of Log4j 2"}),
        ),
        (
            "log4j",
            "467 [main] INFO a.B  - the layout TTCC",
            json!({"log.level": "info", "log.logger": "a.B", "process.thread.name": "main", "message": "the layout TTCC"}),
        ),
        (
            "mysql_slow",
            "# User@Host: app[app] @ web [192.0.2.7]\n# Thread_id: 12  Schema: shop  QC_hit: No\n# Query_time: 0.5  Lock_time: 0.0  Rows_sent: 1  Rows_examined: 50\nuse shop;\nSET timestamp=1795860907;\nSELECT 1;",
            json!({"@timestamp": "2026-11-28T10:15:07.000Z", "mysql.slowlog.schema": "shop", "message": "SELECT 1;", "log.flags": null}),
        ),
        (
            "mysql_slow",
            "# Time: 2026-11-28T10:15:02.123456Z\n# User@Host: app[app] @  [192.0.2.7]  Id:    12\n# Schema: shop  Last_errno: 0  Killed: 0\n# Query_time: 0.5  Lock_time: 0.0  Rows_sent: 1  Rows_examined: 50  Rows_affected: 3\n# Bytes_sent: 58\nSET timestamp=1;\nSELECT 2;",
            json!({"mysql.slowlog.schema": "shop", "mysql.slowlog.rows_affected": 3, "mysql.thread_id": 12, "message": "SELECT 2;"}),
        ),
        (
            "postgres",
            "2026-11-28 10:15:02 UTC:192.0.2.7(51234):app@shop:[123]:LOG:  as RDS writes it",
            json!({"source.address": "192.0.2.7", "source.port": 51234, "user.name": "app", "postgresql.log.database": "shop", "process.pid": 123, "message": "as RDS writes it"}),
        ),
        (
            "postgres",
            "2026-11-28 10:15:02 UTC::@:[123]:LOG:  of the server",
            json!({"user.name": null, "message": "of the server"}),
        ),
        (
            "postgres",
            "2026-11-28 10:15:02.123 UTC [31]: [3-1] user=app,db=shop,app=PostgreSQL JDBC Driver,client=[local] LOG:  x",
            json!({"postgresql.log.application_name": "PostgreSQL JDBC Driver", "source.address": null, "message": "x"}),
        ),
        (
            "postgres",
            "2026-11-28 13:15:02.123 +03 [31]: [1-1] db=shop,user=app LOG:  as Cloud SQL writes it",
            json!({"@timestamp": "2026-11-28T10:15:02.123Z", "user.name": "app", "postgresql.log.database": "shop"}),
        ),
        (
            "syslog3164",
            "<13>Nov 28 10:15:02 su[123]: without a host",
            json!({"log.syslog.appname": "su", "log.syslog.procid": "123", "log.syslog.hostname": null, "message": "without a host"}),
        ),
        (
            "syslog3164",
            "<189>45: *Nov 28 10:15:02.123 UTC: %SYS-5-CONFIG_I: Configured",
            json!({"@timestamp": "2026-11-28T10:15:02.123Z", "log.level": "info", "message": "%SYS-5-CONFIG_I: Configured"}),
        ),
        (
            "syslog3164",
            "<166>Nov 28 2026 10:15:02 asa : %ASA-6-302013: Built",
            json!({"@timestamp": "2026-11-28T10:15:02.000Z", "log.syslog.hostname": "asa", "message": "%ASA-6-302013: Built"}),
        ),
        (
            "caddy",
            "2026/11/28 10:15:02.123\tINFO\ttls.obtain\tcertificate obtained\t{\"identifier\": \"shop.example\"}",
            json!({"@timestamp": "2026-11-28T10:15:02.123Z", "log.level": "info", "log.logger": "tls.obtain"}),
        ),
        (
            "traefik",
            "time=\"2026-11-28T10:15:02Z\" level=error msg=\"no route\" providerName=docker",
            json!({"log.level": "error", "message": "no route", "providerName": "docker"}),
        ),
        (
            "mysql",
            "261128  1:15:02 [ERROR] mysqld: Table is crashed",
            json!({"@timestamp": "2026-11-28T01:15:02.000Z", "log.level": "error", "message": "mysqld: Table is crashed"}),
        ),
        (
            "python",
            "[2026-11-28 10:15:02,123] WARNING in views: no such page",
            json!({"log.level": "warn", "log.logger": "views", "message": "no such page"}),
        ),
        (
            "python",
            "[2026-11-28 10:15:02,123: INFO/MainProcess] celery@web ready.",
            json!({"log.level": "info", "process.name": "MainProcess", "message": "celery@web ready."}),
        ),
        (
            "tracing",
            "2026-11-28T10:15:02.123456Z  INFO request{path=\"/x}: evil: text\" c=A { b: 1 }}: shop: real",
            json!({"log.logger": "shop", "message": "real"}),
        ),
    ];
    check(&lines);
}

/// Goal: the colours of a terminal hinder no format, and a number with one in it stays text.
#[test]
fn coloured_lines_are_read() {
    check(&[
        (
            "dotnet",
            "\u{1b}[41m\u{1b}[30mfail\u{1b}[39m\u{1b}[22m\u{1b}[49m: Shop.Orders[7]\n      no \u{1b}[1mstock\u{1b}[0m",
            json!({"log.level": "error", "log.logger": "Shop.Orders", "event.code": "7", "message": "no stock"}),
        ),
        (
            "spring",
            "\u{1b}[2m2026-11-28T10:15:02.123Z\u{1b}[0;39m \u{1b}[32m INFO\u{1b}[0;39m \u{1b}[35m17\u{1b}[0;39m \u{1b}[2m--- [  main]\u{1b}[0;39m \u{1b}[36mc.e.A \u{1b}[0;39m \u{1b}[2m:\u{1b}[0;39m started",
            json!({"@timestamp": "2026-11-28T10:15:02.123Z", "log.level": "info", "process.pid": 17, "process.thread.name": "main", "log.logger": "c.e.A", "message": "started"}),
        ),
        (
            "postgres_csv",
            "2026-11-28 10:15:02.123 UTC,,,\u{1b}[1m1\u{1b}[0m2,,a,1,,2026-11-28 10:15:02 UTC,,0,LOG,00000,\"text\",,,,,,,,,\"psql\"",
            json!({"process.pid": "1\u{1b}[0m2", "message": "text", "postgresql.log.application_name": "psql"}),
        ),
    ]);
}

#[track_caller]
fn check(lines: &[(&str, &str, Value)]) {
    let mut wrong = Vec::new();
    for (preset, line, wanted) in lines {
        let (record, _) = record_of(line.as_bytes(), &config(preset));
        for (name, value) in wanted.as_object().unwrap() {
            let found = record.get(name).unwrap_or(&Value::Null);
            if found != value {
                wrong.push(format!("{line}: {name} is {found}, not {value}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
