//! The words that variables take.

/// The syslog facilities; the index is the facility's number (RFC 5424, 6.2.1).
pub(super) const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// How lines are joined to records.
pub(super) const MULTILINE: &[&str] =
    &["auto", "off", "start", "continue", "java", "python", "go", "node", "dotnet", "ruby", "php", "rust"];

/// The redaction modes.
pub(super) const MODES_AND_AUDIT: &[&str] = &["mask", "remove", "partial", "token", "drop", "audit"];
/// The same for single rules.
pub(super) const MODES: &[&str] = &["mask", "remove", "partial", "token", "drop"];

/// The formats of `LOGSKIFF_PARSE`: first those for logs of any program.
#[rustfmt::skip]
pub(super) const PARSE_FORMATS: &[&str] = &[
    "auto", "none", "json", "logfmt", "regex", "grok", "csv", "cri", "access", "apache", "apache_error",
    "caddy", "dotnet", "envoy", "gelf", "glog", "gunicorn", "hadoop", "haproxy", "hdfs", "kafka", "klog",
    "log4j", "logback", "mongodb", "monolog", "mysql", "mysql_slow", "nginx", "nginx_error", "openstack",
    "postgres", "postgres_csv", "python", "rails", "redis", "serilog", "spark", "spring", "syslog3164",
    "syslog5424", "tracing", "traefik", "uvicorn", "zookeeper",
];
