//! The presets, and how the lines of their programs look.
//!
//! A pattern is grok: `%{NAME:field:conversion}`. `time`, `level`, `message`, `trace.id` and `span.id` are the record's own;
//! `target` says what the conversions are. The documentation of the layouts is named in the corpus of formats that tests
//! them. A value that is empty or `-` gives no field.

use super::super::grok::Definition;
use super::Grouping::{Continue, Heads, Quotes, Usual};
use super::Layout::{Access, Csv, Json, Logfmt, Other, Pattern};
use super::{Grouping, Layout, Preset};

/// Parts of the patterns.
pub(super) const PARTS: &[Definition] = &[
    // `2026-11-28 10:15:02.123+01:00`, also without fraction and zone.
    ("STAMP", r"\d{4}-\d\d-\d\d[T ][\d ]\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d))?"),
    ("TIME_OF_DAY", r"\d?\d:\d\d:\d\d(?:[.,]\d+)?"),
    // The year is what Cisco's ASA writes.
    ("BSD_STAMP", r"[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?"),
    ("HTTP_STAMP", r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?"),
    ("N", r"\d+"),
    ("DECIMAL", r"\d+(?:\.\d+)?"),
    ("LEVEL", "[A-Z]+"),
    ("ANY_LEVEL", "[A-Za-z]+"),
    ("REST", ".*"),
    ("NOTHING", ""),
    ("INSIDE", r"[^\[\]\n]*"),
    // A name in brackets may have brackets of its own.
    ("THREAD", r"(?:[^\[\]\n]|\[[^\[\]\n]*\])*"),
    // What stands between a logger and the message. `http://` has no logger.
    ("COLON", "(?:: |:$)"),
    ("COLON_OR_DASH", "(?:: | - |:$| -$)"),
    ("CLASS", r"[\w$.\-/\[\]<>,`+]+"),
    ("FILE", r"[^\s():\[\]]+"),
    // A quoted text with backslash escapes.
    ("IN_QUOTES", r#"(?:[^"\\\n]|\\.)*"#),
    (
        "REQUEST",
        r#""(?:%{REQUEST_METHOD:http.request.method} %{REQUEST_TARGET:url.original}(?: HTTP/%{DECIMAL:http.version})?|%{IN_QUOTES})""#,
    ),
    ("REQUEST_METHOD", "[A-Z][A-Z_-]*"),
    ("REQUEST_TARGET", r#"(?:[^"\\\s]|\\.)(?:[^"\\\n]|\\.)*?"#),
    ("ACCESS", r"%{HTTPDATE_AND_REQUEST} %{STATUS} (?:%{N:http.response.body.bytes:int}|-)"),
    ("HTTPDATE_AND_REQUEST", r"\[%{HTTP_STAMP:time}\] %{REQUEST}"),
    ("STATUS", r"%{THREE_DIGITS:http.response.status_code:int}"),
    ("THREE_DIGITS", r"\d{3}"),
    ("AGENT", r#""%{IN_QUOTES:http.request.referrer}" "%{IN_QUOTES:user_agent.original}""#),
    ("FROM", r"[^:\s]\S*:\d+"),
    ("PRIORITY", r"<%{N:log.syslog.priority}>"),
    // Programs that log to their own host leave its name out. A tag is none, and behind a stamp of RFC 3339, which also
    // begins the lines of loggers, a level is none.
    ("BSD_HEAD", "(?:%{PRIORITY})?(?:%{BSD_STAMP:time} (?:%{BSD_HOST} )?|%{ZONED_HEAD} )"),
    ("BSD_HEAD_WITH_HOST", "(?:%{PRIORITY})?(?:%{BSD_STAMP:time} %{BSD_HOST}|%{ZONED_HEAD}) "),
    ("BSD_HOST", "%{BSD_HOST_NAME:log.syslog.hostname}"),
    ("BSD_HOST_NAME", r"[^\s\[\]]*[^\s\[\]:]"),
    ("ZONED_HEAD", "%{ZONED_STAMP:time} %{ZONED_HOST_NAME:log.syslog.hostname}"),
    ("ZONED_STAMP", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"),
    ("ZONED_HOST_NAME", r"[A-Z_-]*[^\sA-Z_:\[\]-](?:%{BSD_HOST_NAME})?"),
    ("TAG", r"%{TAG_NAME:log.syslog.appname}(?:\[%{TAG_ID:log.syslog.procid}\]: ?|%{COLON})"),
    ("TAG_NAME", r"[^\s:\[\]]+"),
    ("TAG_ID", r"[^\]\s]+"),
    // Text that may begin with a level and a colon.
    ("LEVELLED", r"(?:(?:%{LOWER_WORD:level:maybe}): .*|.*)"),
    ("LOWER_WORD", "[a-z]+"),
    ("HEX", "[0-9a-f]*"),
    ("KLOG_STAMP", r"%{LETTER:level}(?:\d{4}|\d{8}) \d\d:\d\d:\d\d(?:\.\d+)?"),
    ("LETTER", "[A-Z]"),
    // What single programs write.
    ("APACHE_STAMP", r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}|%{STAMP}"),
    ("APACHE_CLIENT", r"\[client %{TAG_ID:source.address:port}\] "),
    // The text of a system error stands before the client.
    ("APACHE_TEXT", r"(?:\(\d+\)[^\[\]\n]*: %{APACHE_CLIENT}.*|.*)"),
    ("CISCO_STAMP", r"%{BSD_STAMP}(?: [A-Z]{3,4})?"),
    ("CISCO_HOST", r"[\w.-]+"),
    ("CISCO", "%[A-Z].*"),
    ("DOTNET_LEVEL", "trce|dbug|info|warn|fail|crit"),
    ("DOTNET_CATEGORY", r"[^\s\[]+"),
    ("PROXY", r"[^\s/]+"),
    ("MS", r"-1|\+?\d+"),
    ("STATE4", r"\S{4}"),
    ("STATE2", r"\S{2}"),
    ("BRACED", r"[^{}\n]*"),
    (
        "CONNECTIONS",
        r"%{N:haproxy.connections.active:int}/%{N:haproxy.connections.frontend:int}/%{N:haproxy.connections.backend:int}/%{N:haproxy.connections.server:int}/\+?%{N:haproxy.connections.retries:int}",
    ),
    ("QUEUES", "%{N:haproxy.server_queue:int}/%{N:haproxy.backend_queue:int}"),
    (
        "HAPROXY_CONNECT",
        r"Connect from %{FROM:source.address:port} to %{FROM:destination.address:port} \(%{PROXY:haproxy.frontend_name}/%{WORD:haproxy.mode}\)",
    ),
    // Envoy escapes no quotes. One that a blank follows ends the text, so that nothing that a client sends moves a field.
    ("ENVOY_TEXT", r#"(?:[^"\n]|"+[^" \n])*"*"#),
    (
        "ENVOY_REQUEST",
        r#""(?:%{REQUEST_METHOD:http.request.method} %{NOTSPACE:url.original} HTTP/%{DECIMAL:http.version}|%{ENVOY_TEXT})""#,
    ),
    // What `option httpslog` adds: error codes, and the name of the server, the version and the cipher.
    (
        "HAPROXY_TLS",
        r"\d+/[\dA-Fa-f]+/\d+/\d+/[01] (?:-|%{PROXY:haproxy.tls_server_name})/%{PROXY:haproxy.tls_version}/%{PROXY:haproxy.tls_cipher}",
    ),
    ("SLASHED_STAMP", r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?"),
    ("CADDY_LOGGER", r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+|http|tls|admin|pki|docker_proxy"),
    ("COMPACT_STAMP", r"\d{6} [\d ]\d:\d\d:\d\d"),
    ("IN_BRACKETS", r"[^\[\]\s]+"),
    ("HDFS_STAMP", r"\d{6} \d{6}"),
    ("KAFKA_LOGGER", r"\(%{CLASS:log.logger}(?::%{N:log.origin.file.line:int})?\)"),
    // The logger stands at the end of the first line, and a trace follows.
    ("KAFKA_TRACE", r"(?:[^\n]* )?%{KAFKA_LOGGER}\r?\n.*"),
    ("MONGO_LEVEL", r"[FEWI]|D\d?"),
    ("MYSQL_CODE", r"MY-\d+"),
    ("MYSQL_STAMP", r"[\d:.TZ+ -]+"),
    ("MYSQL_USER", r"[^\[\n]*"),
    ("MYSQL_SCHEMA", r"[^`;\n]+"),
    ("NGINX_STAMP", r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"),
    ("OPENSTACK", r"(?:\S+ )??%{OPENSTACK_REQUEST:openstack.request_id}[^\]\n]*"),
    ("OPENSTACK_REQUEST", r"req-[^\s\]]+"),
    ("POSTGRES_STAMP", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? (?:[A-Z]\w*|[+-]\d\d(?::?\d\d)?)"),
    ("POSTGRES_PID", r"\[%{N:process.pid:int}\]"),
    ("POSTGRES_NAME", r"[^\s,@]*"),
    // Names of programs have blanks.
    ("POSTGRES_WORDS", r"[^,\n]*?"),
    ("POSTGRES_HOST", r"%{POSTGRES_ADDRESS:source.address:known}(?:\(%{N:source.port:int}\))?"),
    ("POSTGRES_ADDRESS", r"[^\s,()]*"),
    ("POSTGRES_USER", "user=%{POSTGRES_WORDS:user.name:known}"),
    ("POSTGRES_DB", "db=%{POSTGRES_WORDS:postgresql.log.database:known}"),
    ("POSTGRES_AT", "%{POSTGRES_NAME:user.name:known}@%{POSTGRES_NAME:postgresql.log.database:known}"),
    (
        "POSTGRES_NAMES",
        r"(?:%{POSTGRES_USER},%{POSTGRES_DB}|%{POSTGRES_DB},%{POSTGRES_USER})(?:,app=%{POSTGRES_WORDS:postgresql.log.application_name:known})?(?:,client=%{POSTGRES_HOST})?",
    ),
    ("POSTGRES_LEVEL", r"LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG\d?"),
    ("PYTHON_NAME", r"[^\s:]+"),
    // No word that begins a sentence.
    ("PYTHON_LOGGER", r"[^\s:A-Z][^\s:]*|[A-Z][a-z]*[^\s:a-z][^\s:]*"),
    ("RUBY_PROGRAM", r"[^:\n]*"),
    ("REDIS_STAMP", r"\d\d [A-Z][a-z]{2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?"),
    ("REDIS_MARK", "[.*#-]"),
    ("REDIS_HANDLER", "signal-handler"),
    ("SPARK_STAMP", r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d"),
    ("SPRING_NAME", r"[^\],\n]*"),
    ("SPRING_THREAD", r"[^\[\]\n]*?"),
    ("STRUCTURED", r#"(?:\[(?:[^"\]\n]|"(?:[^"\\]|\\.)*")*\])+"#),
    ("RUST_PATH", r"\w+(?:::\w+)*"),
    // A brace in quotes does not close a span, nor does that of an inner value.
    ("RUST_SPANS", r"\w+%{RUST_FIELDS}(?::\w+(?:%{RUST_FIELDS})?)*"),
    ("RUST_FIELDS", r"\{(?:[^{}\x22]|\x22%{IN_QUOTES}\x22|\{(?:[^{}\x22]|\x22%{IN_QUOTES}\x22)*\})*\}"),
    ("UVICORN_ACCESS", r"%{FROM:source.address:port} - %{REQUEST} %{STATUS}(?: .*)?"),
    ("JAVA_NAME", r"[\w$.]+"),
];

const fn preset(name: &'static str, layouts: &'static [Layout]) -> Preset {
    Preset { name, layouts, grouping: Usual }
}

const fn grouped(name: &'static str, grouping: Grouping, layouts: &'static [Layout]) -> Preset {
    Preset { name, layouts, grouping }
}

/// A mark of log4j 1 and Hadoop: stamp, level, perhaps the thread, the logger.
const HADOOP: Layout = Pattern(
    r"^%{STAMP:time} +%{LEVEL:level} +(?:\[%{THREAD:process.thread.name}\] )?%{CLASS:log.logger}%{COLON}%{REST:message}$",
);
/// klog and glog: the level is the stamp's first letter.
const KLOG: Layout = Pattern(
    r"^%{KLOG_STAMP:time} +%{N:process.thread.id:int} %{FILE:log.origin.file.name}:%{N:log.origin.file.line:int}\] ?%{REST:message}$",
);

/// All presets, by name.
pub(super) const PRESETS: &[Preset] = &[
    preset("access", &[Access]),
    preset("apache", &[Access]),
    preset(
        "apache_error",
        &[
            Pattern(
                r"^\[%{APACHE_STAMP:time}\] \[(?:%{WORD:log.logger})?:%{WORD:level}\] \[pid %{N:process.pid:int}(?::tid %{N:process.thread.id:int})?\] (?:%{FILE:log.origin.file.name}\(%{N:log.origin.file.line:int}\): )?(?:%{APACHE_CLIENT})?%{APACHE_TEXT:message}$",
            ),
            Pattern(
                r"^\[%{APACHE_STAMP:time}\] \[%{WORD:level}\] (?:\[pid %{N:process.pid:int}(?::tid %{N:process.thread.id:int})?\] )?(?:%{APACHE_CLIENT})?%{APACHE_TEXT:message}$",
            ),
        ],
    ),
    preset(
        "caddy",
        &[
            Json,
            Pattern(
                r"^%{SLASHED_STAMP:time}[\t ]+%{ANY_LEVEL:level}[\t ]+(?:%{CADDY_LOGGER:log.logger}[\t ]+)?%{REST:message}$",
            ),
        ],
    ),
    preset(
        "dotnet",
        &[
            Json,
            Pattern(
                r"^(?:\[?%{STAMP:time}\]? )?%{DOTNET_LEVEL:level}: %{DOTNET_CATEGORY:log.logger}\[%{INT:event.code}\](?:\r?\n +| )%{REST:message}$",
            ),
            Pattern(
                r"^<%{N:log.syslog.severity.code}>(?:%{STAMP:time} )?%{DOTNET_CATEGORY:log.logger}\[%{INT:event.code}\] %{REST:message}$",
            ),
        ],
    ),
    preset(
        "envoy",
        &[
            Json,
            Pattern(
                r#"^\[%{STAMP:time}\] %{ENVOY_REQUEST} %{N:http.response.status_code:int} %{NOTSPACE:envoy.response_flags} (?:%{NOTSPACE:envoy.response_code_details} %{NOTSPACE:envoy.connection_termination_details} "%{ENVOY_TEXT:envoy.upstream_transport_failure_reason}" )?%{N:http.request.body.bytes:int} %{N:http.response.body.bytes:int} %{N:event.duration:ms} (?:%{N:envoy.upstream_service_time_ms:int}|-) "%{ENVOY_TEXT:envoy.forwarded_for}" "%{ENVOY_TEXT:user_agent.original}" "%{ENVOY_TEXT:http.request.id}" "%{ENVOY_TEXT:url.domain:port}" "%{ENVOY_TEXT:destination.address:port}"(?: %{NOTSPACE:envoy.upstream_cluster} %{NOTSPACE:envoy.upstream_local_address} %{NOTSPACE:envoy.downstream_local_address} %{NOTSPACE:source.address:port} %{NOTSPACE:envoy.requested_server_name} %{NOTSPACE:envoy.route_name})?$"#,
            ),
            Pattern(
                r"^\[%{STAMP:time}\]\[%{N:process.thread.id:int}\]\[%{WORD:level}\]\[%{INSIDE:log.logger}\] \[%{FILE:log.origin.file.name}:%{N:log.origin.file.line:int}\] %{REST:message}$",
            ),
        ],
    ),
    preset("gelf", &[Json]),
    preset("glog", &[KLOG]),
    preset(
        "gunicorn",
        &[
            Pattern(r"^\[%{STAMP:time}\] \[%{N:process.pid:int}\] \[%{LEVEL:level}\] ?%{REST:message}$"),
            Access,
            Pattern(r"^(?:\S+)? \S+ %{NOTSPACE:user.name} %{ACCESS} %{AGENT}$"),
        ],
    ),
    preset("hadoop", &[HADOOP]),
    preset(
        "haproxy",
        &[
            Pattern(
                r"^(?:%{BSD_HEAD}%{TAG})?%{FROM:source.address:port} \[%{HTTP_STAMP:time}\] %{NOTSPACE:haproxy.frontend_name} %{PROXY:haproxy.backend_name}/%{NOTSPACE:haproxy.server_name} %{MS:haproxy.time_request_ms:int}/%{MS:haproxy.time_queue_ms:int}/%{MS:haproxy.time_connect_ms:int}/%{MS:haproxy.time_response_ms:int}/\+?%{N:event.duration:ms} (?:%{MS:http.response.status_code:int}) \+?%{N:http.response.bytes:int} %{NOTSPACE:haproxy.request_cookie} %{NOTSPACE:haproxy.response_cookie} %{STATE4:haproxy.termination_state} %{CONNECTIONS} %{QUEUES}(?: \{%{BRACED:haproxy.request_headers}\})?(?: \{%{BRACED:haproxy.response_headers}\})? %{REQUEST}(?: %{HAPROXY_TLS})?$",
            ),
            Pattern(
                r"^(?:%{BSD_HEAD}%{TAG})?%{FROM:source.address:port} \[%{HTTP_STAMP:time}\] %{NOTSPACE:haproxy.frontend_name} %{PROXY:haproxy.backend_name}/%{NOTSPACE:haproxy.server_name} %{MS:haproxy.time_queue_ms:int}/%{MS:haproxy.time_connect_ms:int}/\+?%{N:event.duration:ms} \+?%{N:destination.bytes:int} %{STATE2:haproxy.termination_state} %{CONNECTIONS} %{QUEUES}$",
            ),
            Pattern(
                r"^(?:%{BSD_HEAD}%{TAG})?%{FROM:source.address:port} \[%{HTTP_STAMP:time}\] %{PROXY:haproxy.frontend_name}/%{PROXY:haproxy.bind_name}: %{REST:message}$",
            ),
            Pattern(r"^\[%{LEVEL:level}\] *\(%{N:process.pid:int}\) : %{REST:message}$"),
            Pattern(r"^(?:%{BSD_HEAD}%{TAG})?%{HAPROXY_CONNECT:message}$"),
            Pattern(r"^%{BSD_HEAD}%{TAG}%{REST:message}$"),
        ],
    ),
    preset(
        "hdfs",
        &[
            Pattern(
                r"^%{HDFS_STAMP:time} %{N:process.pid:int} %{LEVEL:level} %{CLASS:log.logger}%{COLON}%{REST:message}$",
            ),
            HADOOP,
        ],
    ),
    preset(
        "kafka",
        &[
            // Which of two loggers wrote it cannot be known: a message may have lines.
            Other(r"^\[%{STAMP}\] %{LEVEL} %{KAFKA_TRACE}[ \n]%{KAFKA_LOGGER}\s*$"),
            Pattern(r"^\[%{STAMP:time}\] %{LEVEL:level} %{KAFKA_TRACE:message}$"),
            Pattern(r"^\[%{STAMP:time}\] %{LEVEL:level} (?:%{DATA:message} )?%{KAFKA_LOGGER}\s*$"),
        ],
    ),
    preset("klog", &[KLOG]),
    preset(
        "log4j",
        &[
            Json,
            Pattern(
                r"^(?:%{STAMP:time}|%{TIME_OF_DAY:time}) +\[%{THREAD:process.thread.name}\] +%{LEVEL:level} +%{CLASS:log.logger} --? ?%{REST:message}$",
            ),
            // The layout TTCC: milliseconds since the start, and the context.
            Pattern(
                r"^\d+ +\[%{THREAD:process.thread.name}\] +%{LEVEL:level} +%{CLASS:log.logger} (?:[^\s-]\S*)? ?- ?%{REST:message}$",
            ),
            Pattern(
                r"^%{STAMP:time} +%{LEVEL:level} +\[%{THREAD:process.thread.name}\] +%{CLASS:log.logger}%{COLON_OR_DASH}%{REST:message}$",
            ),
            Pattern(
                r"^%{STAMP:time} +%{LEVEL:level} +%{CLASS:log.logger} +\[%{THREAD:process.thread.name}\] ?%{REST:message}$",
            ),
            Pattern(r"^%{STAMP:time} +%{LEVEL:level} +%{CLASS:log.logger}%{COLON_OR_DASH}%{REST:message}$"),
        ],
    ),
    preset(
        "logback",
        &[
            Json,
            Pattern(
                r"^(?:%{STAMP:time}|%{TIME_OF_DAY:time}) +\[%{THREAD:process.thread.name}\] +%{LEVEL:level} +%{CLASS:log.logger} --? ?%{REST:message}$",
            ),
        ],
    ),
    preset(
        "mongodb",
        &[
            Json,
            Pattern(
                r"^%{STAMP:time} +%{MONGO_LEVEL:level} +%{NOTSPACE:log.logger} +\[%{INSIDE:process.thread.name}\] ?%{REST:message}$",
            ),
        ],
    ),
    preset(
        "monolog",
        &[Json, Pattern(r"^\[%{STAMP:time}\] %{NOTSPACE:log.logger}\.%{LEVEL:level}: ?%{REST:message:monolog}$")],
    ),
    preset(
        "mysql",
        &[
            Json,
            Pattern(
                r"^%{STAMP:time} %{N:mysql.thread_id:int} \[%{ANY_LEVEL:level}\](?: \[%{MYSQL_CODE:event.code}\](?: \[%{WORD:log.logger}\])?)? ?%{REST:message}$",
            ),
            Pattern(r"^%{STAMP:time} \[%{ANY_LEVEL:level}\] ?%{REST:message}$"),
            Pattern(r"^%{COMPACT_STAMP:time} (?:%{N:mysql.thread_id:int} )?\[%{ANY_LEVEL:level}\] ?%{REST:message}$"),
        ],
    ),
    grouped(
        "mysql_slow",
        Heads(r"^# Time: \d[\d:.TZ+ -]+\r?$", r"^# User@Host: .*\] @ .*\["),
        &[Pattern(
            r"^(?:# Time: %{MYSQL_STAMP:time}\n)?# User@Host: %{MYSQL_USER:user.name}\[[^\]\n]*\] @ +(?:%{NOTSPACE:source.domain} +)?\[%{INSIDE:source.address}\](?: +Id: +%{N:mysql.thread_id:int})?\n(?:# Schema: (?:%{NOTSPACE:mysql.slowlog.schema})?[^\n]*\n)?(?:# Thread_id: %{N:mysql.thread_id:int} +Schema: (?:%{NOTSPACE:mysql.slowlog.schema})? +QC_hit: %{WORD:mysql.slowlog.qc_hit}\n)?# Query_time: %{DECIMAL:event.duration:s} +Lock_time: %{DECIMAL:mysql.slowlog.lock_time_seconds:float} +Rows_sent: %{N:mysql.slowlog.rows_sent:int} +Rows_examined: %{N:mysql.slowlog.rows_examined:int}(?: +Rows_affected: %{N:mysql.slowlog.rows_affected:int}[^\n]*| Thread_id: \d+ Errno: %{N:mysql.slowlog.errno:int} Killed: %{N:mysql.slowlog.killed:int} Bytes_received: %{N:mysql.slowlog.bytes_received:int} Bytes_sent: %{N:mysql.slowlog.bytes_sent:int}[^\n]*)?\n(?:# Rows_affected: %{N:mysql.slowlog.rows_affected:int} +Bytes_sent: %{N:mysql.slowlog.bytes_sent:int}[^\n]*\n)?(?:# (?:Bytes|Tmp|Full|Filesort|Merge|explain|Rows|Pages|InnoDB|Stored|Log|Start|No)[^\n]*\n)*(?:use `?%{MYSQL_SCHEMA:mysql.slowlog.schema}`?;\n)?(?:SET timestamp=%{DECIMAL:time:fallback};\n)?%{REST:message}$",
        )],
    ),
    preset("nginx", &[Access]),
    preset(
        "nginx_error",
        &[Pattern(
            r"^%{NGINX_STAMP:time} \[%{WORD:level}\] %{N:process.pid:int}#%{N:process.thread.id:int}: (?:\*%{N:nginx.connection_id:int} )?%{REST:message}$",
        )],
    ),
    preset(
        "openstack",
        &[Pattern(
            r"^%{STAMP:time} %{N:process.pid:int} %{LEVEL:level} %{NOTSPACE:log.logger} \[(?:-|%{OPENSTACK:openstack.context})\] ?%{REST:message}$",
        )],
    ),
    grouped(
        "postgres",
        Continue(
            // Two blanks behind a colon end the head of a line.
            r"^(?:\t|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[^:\t]|:[^ \t]|: [^ \t])*[ :](?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION|BACKTRACE):  )",
            // A name that holds such a word: what follows it ends with the level.
            r"^\d[^\t]*?[ :](?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION|BACKTRACE):  (?:\S*@\S* |[^\n']*,db=[^\n']*[ :]|\S+ )(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG\d?):  ",
        ),
        &[
            Json,
            // A client chooses the names in the head. Where one is a level, which is the server's cannot be known.
            Other(r"^%{POSTGRES_STAMP}[^\n]*?[ :]%{POSTGRES_LEVEL}:  (?:[^\n]*[ :])?%{POSTGRES_LEVEL}:  "),
            Pattern(
                r"^%{POSTGRES_STAMP:time}:? ?%{POSTGRES_PID}:? (?:\[[\d-]+\] )?(?:(?:%{POSTGRES_NAMES}|%{POSTGRES_AT}) )?%{POSTGRES_LEVEL:level}:  %{REST:message}$",
            ),
            // As Amazon RDS writes it.
            Pattern(
                r"^%{POSTGRES_STAMP:time}:(?:%{POSTGRES_HOST})?:%{POSTGRES_AT}:%{POSTGRES_PID}:%{POSTGRES_LEVEL:level}:  %{REST:message}$",
            ),
        ],
    ),
    grouped(
        "postgres_csv",
        Quotes,
        &[Csv(&[
            "time",
            "user.name",
            "postgresql.log.database",
            "process.pid:int",
            "source.address:port",
            "postgresql.log.session_id",
            "postgresql.log.session_line_number:int",
            "postgresql.log.command_tag",
            "postgresql.log.session_start_time",
            "postgresql.log.virtual_transaction_id",
            "postgresql.log.transaction_id:int",
            "level",
            "postgresql.log.sql_state_code",
            "message",
            "postgresql.log.detail",
            "postgresql.log.hint",
            "postgresql.log.internal_query",
            "postgresql.log.internal_query_pos:int",
            "postgresql.log.context",
            "postgresql.log.query",
            "postgresql.log.query_pos:int",
            "postgresql.log.location",
            "postgresql.log.application_name",
            "postgresql.log.backend_type",
            "postgresql.log.leader_pid:int",
            "postgresql.log.query_id:int",
        ])],
    ),
    preset(
        "python",
        &[
            Json,
            Pattern(r"^%{LEVEL:level}:%{PYTHON_NAME:log.logger}:%{REST:message}$"),
            Pattern(
                r"^%{STAMP:time} +\| +%{LEVEL:level} +\| +%{PYTHON_NAME:log.logger}:%{PYTHON_NAME:log.origin.function}:%{N:log.origin.file.line:int} - ?%{REST:message}$",
            ),
            Pattern(r"^%{STAMP:time} - %{PYTHON_NAME:log.logger} - %{LEVEL:level} - ?%{REST:message}$"),
            // Flask and Celery.
            Pattern(r"^\[%{STAMP:time}\] %{LEVEL:level} in %{PYTHON_NAME:log.logger}: ?%{REST:message}$"),
            Pattern(r"^\[%{STAMP:time}: %{LEVEL:level}/%{IN_BRACKETS:process.name}\] ?%{REST:message}$"),
            Pattern(r"^%{STAMP:time}:%{LEVEL:level}:%{PYTHON_NAME:log.logger}:%{REST:message}$"),
            Pattern(
                r"^%{STAMP:time},? +(?:\[%{LEVEL:level}\]|%{LEVEL:level}) +%{PYTHON_LOGGER:log.logger}%{COLON_OR_DASH}%{REST:message}$",
            ),
        ],
    ),
    preset(
        "rails",
        &[
            Json,
            Pattern(
                r"^[A-Z], \[%{STAMP:time} #%{N:process.pid:int}\] +%{LEVEL:level} -- %{RUBY_PROGRAM:log.logger}: ?%{REST:message}$",
            ),
        ],
    ),
    preset(
        "redis",
        &[
            Pattern(
                r"^%{N:process.pid:int}:%{WORD:redis.role} %{REDIS_STAMP:time} %{REDIS_MARK:level:redis} ?%{REST:message}$",
            ),
            Pattern(r"^%{N:process.pid:int}:%{REDIS_HANDLER:redis.role} \(%{N:time}\) ?%{REST:message}$"),
        ],
    ),
    preset(
        "serilog",
        &[
            Json,
            Pattern(r"^%{STAMP:time} \[%{ANY_LEVEL:level}\] ?%{REST:message}$"),
            Pattern(r"^\[%{TIME_OF_DAY:time} %{ANY_LEVEL:level}\] ?%{REST:message}$"),
        ],
    ),
    preset(
        "spark",
        &[Pattern(r"^%{SPARK_STAMP:time} %{LEVEL:level} %{CLASS:log.logger}%{COLON}%{REST:message}$"), HADOOP],
    ),
    preset(
        "spring",
        &[
            Json,
            Pattern(
                r"^%{STAMP:time} +%{LEVEL:level} +(?:\[%{SPRING_NAME:service.name},%{HEX:trace.id},%{HEX:span.id}(?:,\w*)?\] +)?%{N:process.pid:int} --- (?:\[%{SPRING_NAME:service.name}\] )??\[ *%{SPRING_THREAD:process.thread.name} *\] (?:\[(?:%{HEX:trace.id}-%{HEX:span.id}| *)\] )?%{NOTSPACE:log.logger} +: ?%{REST:message}$",
            ),
        ],
    ),
    preset(
        "syslog3164",
        &[
            Pattern(r"^%{BSD_HEAD}%{TAG}%{LEVELLED:message}$"),
            // Cisco's routers write a number and a name before the stamp, and a colon after it.
            Pattern(
                r"^%{PRIORITY}(?:\d+: )?(?:%{TAG_NAME:log.syslog.hostname}: )?[*.]?%{CISCO_STAMP:time}(?: %{CISCO_HOST:log.syslog.hostname})? ?: %{CISCO:message}$",
            ),
            Pattern(r"^%{BSD_HEAD_WITH_HOST}%{LEVELLED:message}$"),
        ],
    ),
    preset(
        "syslog5424",
        &[Pattern(
            "^%{PRIORITY}%{N:log.syslog.version} (?:%{STAMP:time}|-) %{NOTSPACE:log.syslog.hostname} %{NOTSPACE:log.syslog.appname} %{NOTSPACE:log.syslog.procid} %{NOTSPACE:log.syslog.msgid} (?:-|%{STRUCTURED:log.syslog.structured_data})(?: (?:\\xEF\\xBB\\xBF)?%{REST:message}|%{NOTHING:message})$",
        )],
    ),
    preset(
        "tracing",
        &[
            Json,
            // A value that closes its span: where the target begins cannot be known.
            Other(r"^%{STAMP} +%{LEVEL} %{RUST_SPANS}: %{RUST_PATH}: .*\}: %{RUST_PATH}: "),
            Pattern(
                r"^%{STAMP:time} +%{LEVEL:level} (?:%{RUST_SPANS:tracing.spans}: )?%{RUST_PATH:log.logger}%{COLON}%{REST:message}$",
            ),
        ],
    ),
    preset(
        "traefik",
        &[
            Json,
            Pattern(
                r#"^%{NOTSPACE:source.address:address} \S+ %{NOTSPACE:user.name} %{ACCESS} %{AGENT} %{N:traefik.request_count:int} "%{IN_QUOTES:traefik.router_name}" "%{IN_QUOTES:traefik.server_url}" %{N:event.duration:ms}ms$"#,
            ),
            Pattern(r"^%{STAMP:time} %{LEVEL:level} ?%{REST:message}$"),
            Logfmt,
            Access,
        ],
    ),
    preset(
        "uvicorn",
        &[Pattern(r"^%{LEVEL:level}: +%{UVICORN_ACCESS:message}$"), Pattern(r"^%{LEVEL:level}: *%{REST:message}$")],
    ),
    preset(
        "zookeeper",
        &[Pattern(
            r"^%{STAMP:time} \[myid:%{INSIDE:zookeeper.myid}\] - %{LEVEL:level} +\[%{THREAD:process.thread.name}:%{JAVA_NAME:log.logger}@%{N:log.origin.file.line:int}\] - ?%{REST:message}$",
        )],
    ),
];
