//! The names that loggers, and the programs that write JSON themselves, use for message, time, level and ids.
//!
//! Names are compared byte by byte. A dot separates the names of nested objects. The order is the order of trial: names
//! with one meaning only come first, short and ambiguous ones last.

use crate::pipeline::parse::level::Scale;

/// The only usual name of a message among the captures of a pattern, whose author chooses the names.
pub(super) const MESSAGE: &str = "message";

/// Names of the message; an object is none.
pub(super) const MESSAGES: &[&str] = &[
    MESSAGE,
    "msg",
    "Message",
    "@message",
    "@m",
    "RenderedMessage",
    "MESSAGE",
    "short_message",
    "@mt",
    "MessageTemplate",
    "fields.message",
    "record.message",
    "jsonPayload.message",
    "textPayload",
    "body",
    "Body",
    "body.stringValue",
    "M",
    "event",
    "log",
];

/// Names of the time, and whether a value that cannot be read is a mistake: the name has no other meaning.
pub(super) const TIMES: &[(&str, bool)] = &[
    ("@timestamp", true),
    ("timestamp", true),
    ("time", true),
    ("ts", true),
    ("datetime", true),
    ("Timestamp", true),
    ("Time", true),
    ("@t", true),
    ("asctime", true),
    ("eventTime", true),
    ("event_time", true),
    ("EventTime", true),
    ("dateTime", true),
    ("DateTime", true),
    ("TIMESTAMP", true),
    ("TIME", true),
    ("timeMillis", true),
    ("timeUnixNano", true),
    ("time_unix_nano", true),
    ("TimeUnixNano", true),
    ("t.$date", true),
    ("@timestamp.$date", true),
    ("timestamp.$date", true),
    ("time.$date", true),
    ("ts.$date", true),
    ("instant.epochSecond", true),
    ("timestamp.seconds", true),
    ("timestampSeconds", true),
    ("time.seconds", true),
    ("record.time.timestamp", true),
    ("record.time.repr", true),
    ("datetime.date", true),
    ("time_iso8601", true),
    ("time_local", true),
    ("log_time", true),
    ("logtime", true),
    ("stageTimestamp", true),
    ("__REALTIME_TIMESTAMP", true),
    ("_SOURCE_REALTIME_TIMESTAMP", true),
    ("observedTimeUnixNano", true),
    ("observed_timestamp", true),
    ("ObservedTimestamp", true),
    ("receiveTimestamp", true),
    ("T", false),
    ("t", false),
    ("instant", false),
    ("created", false),
    ("start_time", false),
    ("StartUTC", false),
    ("date", false),
    ("Date", false),
];

/// Names of nanoseconds, and of the whole seconds that they belong to.
pub(super) const NANOSECONDS: &[(&str, &str)] = &[
    ("instant.nanoOfSecond", "instant.epochSecond"),
    ("timestamp.nanos", "timestamp.seconds"),
    ("timestampNanos", "timestampSeconds"),
    ("time.nanos", "time.seconds"),
];

/// Names of the level with their numbers, and whether the name has no other meaning.
pub(super) const LEVELS: &[(&str, Scale, bool)] = &[
    ("log.level", Scale::Common, true),
    ("@level", Scale::Common, true),
    ("@l", Scale::Words, true),
    ("level_name", Scale::Words, true),
    ("levelname", Scale::Words, true),
    ("level", Scale::Common, true),
    ("severity", Scale::Severity, true),
    ("lvl", Scale::Common, true),
    ("loglevel", Scale::Common, true),
    ("log_level", Scale::Common, true),
    ("logLevel", Scale::Common, true),
    ("Level", Scale::Common, true),
    ("LogLevel", Scale::Dotnet, true),
    ("LEVEL", Scale::Common, true),
    ("severityText", Scale::Words, true),
    ("severity_text", Scale::Words, true),
    ("SeverityText", Scale::Words, true),
    ("error_severity", Scale::Words, true),
    ("Severity", Scale::Severity, true),
    ("SEVERITY", Scale::Severity, true),
    ("severityNumber", Scale::Otel, true),
    ("severity_number", Scale::Otel, true),
    ("SeverityNumber", Scale::Otel, true),
    ("PRIORITY", Scale::Syslog, true),
    ("log.syslog.severity.name", Scale::Words, true),
    ("log.syslog.severity.code", Scale::Syslog, true),
    ("syslog.severity", Scale::Syslog, true),
    ("levelno", Scale::Python, true),
    ("level_value", Scale::Common, true),
    ("levelValue", Scale::Common, true),
    ("record.level.name", Scale::Words, true),
    ("record.level.no", Scale::Python, true),
    ("jsonPayload.level", Scale::Common, true),
    ("jsonPayload.severity", Scale::Severity, true),
    ("L", Scale::Words, false),
    ("s", Scale::Words, false),
    // Heroku.
    ("at", Scale::Words, false),
    ("status", Scale::Words, false),
];

/// The name of a trace's id in records.
pub(super) const TRACE_ID: &str = "trace.id";
/// The name of a span's id in records.
pub(super) const SPAN_ID: &str = "span.id";
/// The one name of trace and span together: `VERSION-TRACE-SPAN-FLAGS` (W3C Trace Context).
pub(super) const TRACEPARENT: &str = "traceparent";
/// Google Cloud's name of the trace: `projects/PROJECT/traces/TRACE`.
pub(super) const CLOUD_TRACE: &str = "logging.googleapis.com/trace";

/// Names of the trace's id.
pub(super) const TRACES: &[&str] = &[
    TRACE_ID,
    "trace_id",
    "traceId",
    "traceID",
    "TraceId",
    "TraceID",
    "traceid",
    "dd.trace_id",
    "@tr",
    CLOUD_TRACE,
    "otelTraceID",
    "contextMap.trace_id",
    "contextMap.traceId",
    "mdc.trace_id",
    "mdc.traceId",
    TRACEPARENT,
];

/// Names of the span's id.
pub(super) const SPANS: &[&str] = &[
    SPAN_ID,
    "span_id",
    "spanId",
    "spanID",
    "SpanId",
    "SpanID",
    "spanid",
    "dd.span_id",
    "@sp",
    "logging.googleapis.com/spanId",
    "otelSpanID",
    "contextMap.span_id",
    "contextMap.spanId",
    "mdc.span_id",
    "mdc.spanId",
    TRACEPARENT,
];
