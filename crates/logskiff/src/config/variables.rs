//! The list of all variables: name, default, help and an example value.
//!
//! The reader takes defaults and examples from here, `logskiff env` prints it, and `docs/configuration.md` is generated
//! from it. A variable that is not in this list is reported as unknown.

mod variable;

pub use self::variable::{Kind, Section, Variable};

/// Prefix of all logskiff variables.
pub const PREFIX: &str = "LOGSKIFF_";
/// Prefix of custom rules.
pub const RULE_PREFIX: &str = "LOGSKIFF_REDACT_RULE_";
/// Prefix of the mode of one rule, detector or group.
pub const MODE_PREFIX: &str = "LOGSKIFF_REDACT_MODE_";
/// Prefix of the variables of a named input.
pub const INPUT_PREFIX: &str = "LOGSKIFF_INPUT_";

/// Former names and their replacements; the error for a former name contains the new one.
pub static RENAMED: &[(&str, &str)] = &[
    ("LOGSKIFF_PARSE_FAILURE", "LOGSKIFF_PARSE_ON_ERROR"),
    ("LOGSKIFF_POLL", "LOGSKIFF_POLL_INTERVAL"),
    ("LOGSKIFF_PRUNE", "LOGSKIFF_DELETE_ROTATED"),
    ("LOGSKIFF_START", "LOGSKIFF_START_AT"),
    ("LOGSKIFF_SYSLOG_MESSAGE", "LOGSKIFF_SYSLOG_ENCODING"),
    ("LOGSKIFF_SYSLOG_RETURN", "LOGSKIFF_SYSLOG_FAILBACK_INTERVAL"),
];

/// Former values of a variable and their replacements.
pub(super) static RENAMED_WORDS: &[(&str, &str, &str)] =
    &[("LOGSKIFF_DELETE_ROTATED", "acked", "acknowledged"), ("LOGSKIFF_EXIT_CODE", "kind", "lenient")];

/// The entry with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

/// The entries of one section, in order.
pub fn in_section(section: Section) -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().filter(move |variable| variable.section == section)
}

use super::words::{FACILITIES, MODES, MODES_AND_AUDIT, MULTILINE, PARSE_FORMATS};
use Kind::{Choice, Choices, Duration, Lines, List, Number, Path, Size, SizeOrOff, Template, Text};
use Section::{Input, Output, Parse, Process, Record, Redact};

/// Every variable, in the order of the documentation.
pub static VARIABLES: &[Variable] = &[
    Variable::new(Input, "LOGSKIFF_PATHS", List, "/var/log/app/**/*.log")
        .per_input()
        .doc("Absolute globs of the files to read: `*`, `**`, `?`, `{a,b}`, `[…]`. A directory must come before the first wildcard; nothing outside that directory is opened. `-` is standard input. A named pipe is read only if it is named without a wildcard."),
    Variable::new(Input, "LOGSKIFF_EXCLUDE", List, "")
        .per_input()
        .example("**/*.gz,/var/log/app/debug-*.log")
        .doc("Globs of files that are not read."),
    Variable::new(Input, "LOGSKIFF_START_AT", Choice(&["beginning", "end"]), "beginning")
        .per_input()
        .doc("Where reading starts, at startup, in a file that has no checkpoint. Files that appear later are always read from the beginning."),
    Variable::new(Input, "LOGSKIFF_SYMLINKS", Choice(&["deny", "within"]), "deny")
        .per_input()
        .doc("`within` follows symbolic links that stay inside the glob's fixed directory. Links that lead out of it are always refused."),
    Variable::new(Input, "LOGSKIFF_DELETE_ROTATED", Choice(&["off", "acknowledged"]), "off")
        .per_input()
        .doc("`acknowledged` deletes a rotated file (`.gz` too) once every byte of it is acknowledged or dropped by a rule, so that the volume does not fill up. The file that is still being written is never deleted. The log volume must be mounted writable."),
    Variable::new(Input, "LOGSKIFF_DELETED_OPEN_BYTES_MAX", SizeOrOff, "1GiB")
        .doc("Disk space that deleted files may use while they are kept open because they are not fully acknowledged. Volume limits do not count this space. Above it, the oldest file is closed and its unread bytes are counted as lost. At least `4KiB`; `off` sets no limit. On a memory-backed volume, the limit is at most a quarter of the volume's size."),
    Variable::new(Input, "LOGSKIFF_STATE_DIR", Path, "/var/lib/logskiff")
        .doc("Directory for the checkpoints, on a volume of its own. `none` keeps no state: a restart ships everything again."),
    Variable::new(Input, "LOGSKIFF_POLL_INTERVAL", Duration, "1s")
        .doc("How often directories and files are polled, in addition to inotify. From `100ms` to `1h`."),
    Variable::new(Input, "LOGSKIFF_WATCH", Choice(&["auto", "inotify", "poll"]), "auto")
        .doc("What wakes the reader: inotify or polling. `auto` uses inotify if it works, else polling."),
    Variable::new(Input, "LOGSKIFF_LINE_BYTES_MAX", Size, "1MiB")
        .per_input()
        .doc("Longest line, in bytes. A longer line is truncated, marked and counted; the rest of it is skipped. From `1KiB` to `16MiB`."),
 Variable::new(Input, "LOGSKIFF_FRAMING", Choice(&["auto", "lines", "cri", "docker"]), "auto")
        .per_input()
        .doc("How a container runtime has written the lines. `cri`: containerd and CRI-O; `docker`: the driver `json-file`. Parts of a line are joined; the stream becomes `log.iostream`, the time `@timestamp`, or `log.printed` if the text has a time. `auto`: as the first line of each file tells; `lines`: text."),
    Variable::new(Input, "LOGSKIFF_MULTILINE", Choices(MULTILINE), "auto")
        .per_input()
        .example("java,python")
        .doc("Which lines belong to one record. `auto` joins stack traces of all runtimes, messages of several lines in files whose records have a common beginning, and JSON over several lines. A list names the runtimes whose traces are joined. `start`: a line that matches `LOGSKIFF_MULTILINE_PATTERN` begins a record; `continue`: a line that matches goes on with the one before. `off`: each line is a record. See docs/multiline.md."),
    Variable::new(Input, "LOGSKIFF_MULTILINE_PATTERN", Lines, "")
        .per_input()
        .example(r"^\d{4}-\d\d-\d\d")
        .doc("Regular expressions for `LOGSKIFF_MULTILINE=start` and `continue`, one per line. A line matches if one of them does."),
    Variable::new(Input, "LOGSKIFF_MULTILINE_TIMEOUT", Duration, "1s")
        .per_input()
        .doc("How long after the file last grew an unfinished record is sent. From `100ms` to `1h`."),
    Variable::new(Input, "LOGSKIFF_MULTILINE_LINES_MAX", Number, "500")
        .per_input()
        .doc("Most lines of one record. `LOGSKIFF_LINE_BYTES_MAX` limits its bytes. A record that exceeds a limit is cut; its parts are marked. From `2` to `100000`."),
    Variable::new(Input, "LOGSKIFF_INPUT_<NAME>_…", Text, "")
        .example("LOGSKIFF_INPUT_ACCESS_PATHS=/var/log/nginx/access.log")
        .doc("A named input. `…_PATHS` creates it; every variable marked *per input* can be set for it alone (`LOGSKIFF_INPUT_ACCESS_PARSE=nginx`). `<NAME>` is letters and digits, no underscore. With a named input, `LOGSKIFF_PATHS` has no default; if it is set, it adds the input `default`."),

    Variable::new(Parse, "LOGSKIFF_PARSE", Choices(PARSE_FORMATS), "auto")
        .per_input()
        .example("nginx,json")
        .doc("Formats of the lines: one, or a list that is tried in order. `auto` (only last): a JSON object, pairs of logfmt, or a text whose head has a time and a level; `none`: the line is the message. `json`, `logfmt`; `regex` or `grok` with `LOGSKIFF_PARSE_PATTERN`; `csv` with `LOGSKIFF_PARSE_COLUMNS`; or the name of a program (docs/formats.md)."),
    Variable::new(Parse, "LOGSKIFF_PARSE_PATTERN", Lines, "")
        .per_input()
        .example(r"^(?<client>\S+) (?<status>\d{3}) (?<text>.*)$")
        .doc("Regular expressions for `LOGSKIFF_PARSE=regex` and `grok`, one per line, tried in order. Named groups become fields; with `grok` also `%{NAME:field}` and `%{NAME:field:int}`."),
    Variable::new(Parse, "LOGSKIFF_PARSE_COLUMNS", List, "")
        .per_input()
        .example("time,level,user,message")
        .doc("Names of the columns for `LOGSKIFF_PARSE=csv`, at least two. A line with more columns does not have the format. The line that repeats these names is no record of values."),
    Variable::new(Parse, "LOGSKIFF_PARSE_TYPES", List, "")
        .per_input()
        .example("status:int,request_time:float,ok:bool")
        .doc("Types of parsed fields: `int`, `float`, `bool`, `text`. A value that does not fit its type stays text and is counted."),
    Variable::new(Parse, "LOGSKIFF_MESSAGE_FIELD", List, "")
        .per_input()
        .example("text,payload.summary")
        .doc("Fields that hold the message, tried in order before the usual names: nested ones with dots, in upper or lower case."),
    Variable::new(Parse, "LOGSKIFF_TIME_FIELD", List, "")
        .per_input()
        .example("logged_at,meta.time")
        .doc("Fields that hold the timestamp, likewise."),
    Variable::new(Parse, "LOGSKIFF_TIME_FORMAT", Lines, "")
        .per_input()
        .example("%Y-%m-%d %H:%M:%S%.f")
        .doc("`strptime` formats, one per line, or `rfc3339`, `unix`, `unix_ms`, `unix_us`, `unix_ns`. Not set: the format is detected. If a timestamp cannot be parsed, the read time is used, and it is counted."),
    Variable::new(Parse, "LOGSKIFF_TIME_ZONE", Text, "UTC")
        .per_input()
        .example("Europe/Berlin")
        .doc("Time zone (IANA name) of timestamps that have none."),
    Variable::new(Parse, "LOGSKIFF_LEVEL_FIELD", List, "")
        .per_input()
        .example("importance,meta.level")
        .doc("Fields that hold the severity, likewise. It is mapped to `trace`, `debug`, `info`, `warn`, `error` or `fatal`."),
    Variable::new(Parse, "LOGSKIFF_LEVEL_MAP", List, "")
        .per_input()
        .example("note:info,audit:warn,7:debug")
        .doc("Words and numbers, in any case, and the levels that they mean. They come before the usual ones, in fields and (words only) in the heads of text lines."),
    Variable::new(Parse, "LOGSKIFF_PARSE_ON_ERROR", Choice(&["keep", "drop"]), "keep")
        .per_input()
        .doc("What happens to a line that does not have the format: `keep` ships the redacted line with `parse.error` set; `drop` drops and counts it."),

    Variable::new(Redact, "LOGSKIFF_REDACT", List, "secrets")
        .per_input()
        .example("secrets,pii,-card")
        .doc("What is masked: the groups `secrets` and `pii`, detectors by name, `-name` to remove one (from the default if it comes first), or `none` alone."),
    Variable::new(Redact, "LOGSKIFF_REDACT_RULE_<NAME>", Text, "")
        .per_input()
        .example(r"customer=(?<secret>\d+)")
        .doc("A custom rule: a regular expression. The group `secret` is masked, else the first group, else the whole match. `field:PATH` masks fields by name or dotted path, as in `LOGSKIFF_REDACT_FIELDS`; separate several with commas. `field:PATH ~ PATTERN` searches only the values of those fields. An input's rules are added to the common ones; one with the same name replaces the common one."),
    Variable::new(Redact, "LOGSKIFF_REDACT_RULES_FROM", List, "")
        .per_input()
        .example("/etc/logskiff/gitleaks.toml")
        .doc("Absolute paths of rule files in the TOML of gitleaks. Each rule masks as a custom rule does, with its id as the name. They are read again when they change. `none`: no file. See docs/redaction.md."),
    Variable::new(
        Redact,
        "LOGSKIFF_REDACT_FIELDS",
        List,
        "password,passwd,secret,token,authorization,cookie,set-cookie,api_key",
    )
    .per_input()
    .example("password,user.*.email")
    .doc("Fields whose values are masked: names, or dotted paths with `*`, at any depth, in upper or lower case. A value replaces the default list; `none` masks no field by name."),
    Variable::new(Redact, "LOGSKIFF_REDACT_ALLOW", Lines, "")
        .per_input()
        .example("/[^@]+@example\\.com/")
        .doc("Values that no rule masks: a value, a network in CIDR notation, or a pattern `/PATTERN/`; each is compared with the whole value. Private keys are always masked. An input's list replaces the common one; `none` is an empty list."),
    Variable::new(Redact, "LOGSKIFF_REDACT_EXEMPT_FIELDS", List, "")
        .per_input()
        .example("trace.id,request_id")
        .doc("Fields whose values no detector masks, named as in `LOGSKIFF_REDACT_FIELDS`, which must not name the same field. Custom rules and private keys are masked in them too. `none` is an empty list."),
    Variable::new(Redact, "LOGSKIFF_REDACT_MODE", Choice(MODES_AND_AUDIT), "mask")
        .per_input()
        .example("token")
        .doc("What replaces a match. `mask`: `<redacted:NAME>`; `remove`: nothing; `partial`: keeps the last four characters of long matches; `token`: a keyed hash, equal for equal values; `drop`: the record is dropped and counted; `audit`: the text stays, and what would be masked is counted and sampled in the log (rule, field, offset)."),
    Variable::new(Redact, "LOGSKIFF_REDACT_AUDIT_UNMASKED", Choice(&["on", "off"]), "off")
        .doc("`on` permits the mode `audit` for lines that are shipped: they leave unmasked. `logskiff try` needs no permission."),
    Variable::new(Redact, "LOGSKIFF_REDACT_MODE_<NAME>", Choice(MODES), "")
        .per_input()
        .example("token")
        .doc("The mode of one detector, group, custom rule or rule of a file, of `field` (fields by name), or of `undecodable` or `budget` (withheld values). A name takes precedence over its group."),
    Variable::new(Redact, "LOGSKIFF_REDACT_STAMP", Choice(&["on", "off"]), "off")
        .doc("`on` adds `log.redaction.rules` to each record, a digest of the rules in force (in syslog structured data `rules`). Raw records have no place for it."),
    Variable::new(Redact, "LOGSKIFF_REDACT_CANARY", Choice(&["on", "off"]), "off")
        .doc("`on`: each minute made-up secrets of up to eight detectors in use go through parsing, redaction and every output's encoding, and are looked for there. They are not sent. `logskiff_canaries_unmasked_total` counts those that were not masked."),
    Variable::new(Redact, "LOGSKIFF_REDACT_KEY", Text, "")
        .secret()
        .example("LOGSKIFF_REDACT_KEY_FILE=/etc/logskiff/redact-key")
        .doc("Key for the mode `token`, at least 32 characters; create one with `openssl rand -hex 32`. Required if any mode is `token`."),
    Variable::new(Redact, "LOGSKIFF_REDACT_KEY_ID", Text, "")
        .example("k1")
        .doc("Key id, part of each token, so that keys can be rotated: up to 32 letters, digits, `_` and `-`. Not set: derived from the key; it does not reveal the key."),

    Variable::new(Record, "LOGSKIFF_FIELDS", List, "")
        .example("team=shop,env={label.env:dev}")
        .doc("Fields added to each record, as `name=template`. Placeholders: `{namespace}`, `{pod}`, `{node}`, `{container}`, `{input}`, `{file}` and `{label.KEY}`, each with an optional default after a colon."),
    Variable::new(Record, "POD_NAME", Text, "").example("shop-7d4b9c-x2x1z").doc("Pod name, from the Downward API."),
    Variable::new(Record, "POD_NAMESPACE", Text, "").example("shop").doc("Pod namespace, from the Downward API."),
    Variable::new(Record, "POD_UID", Text, "")
        .example("6d1f3c1e-6b5e-4f0e-9a53-0d6e0b1c2d3e")
        .doc("Pod UID, from the Downward API; part of the event id."),
    Variable::new(Record, "POD_IP", Text, "").example("10.1.2.3").doc("Pod IP address, from the Downward API."),
    Variable::new(Record, "NODE_NAME", Text, "").example("node-1").doc("Node name, from the Downward API."),
    Variable::new(Record, "CONTAINER_NAME", Text, "").example("app").doc("Name of the application's container."),
    Variable::new(Record, "LOGSKIFF_LABELS_FILE", Path, "")
        .example("/etc/podinfo/labels")
        .doc("File with the pod's labels, from the Downward API. It is read again when it changes."),
    Variable::new(Record, "LOGSKIFF_ENCODING", Choice(&["json", "raw"]), "json")
        .doc("`json`: a JSON record with ECS field names; `raw`: only the redacted line. `LOGSKIFF_SYSLOG_ENCODING` sets this for syslog."),
    Variable::new(Record, "LOGSKIFF_ANSI", Choice(&["auto", "strip", "keep"]), "auto")
        .per_input()
        .doc("Terminal sequences in messages, such as colours: `strip` removes them after redaction, `keep` leaves them. `auto`: `strip` in JSON records, `keep` with `LOGSKIFF_ENCODING=raw`."),
    Variable::new(Record, "LOGSKIFF_EVENT_ID", Choice(&["off", "field", "header"]), "field")
        .doc("Adds an id made of pod UID, file identity and offset. It stays the same after a restart, so consumers can drop duplicates. `header` puts it into a Kafka header."),

    Variable::new(Output, "LOGSKIFF_OUTPUT", Choices(&["kafka", "syslog", "stdout"]), "stdout")
        .example("kafka")
        .doc("Where records go; one or more. A line is acknowledged once Kafka and syslog, if selected, have acknowledged it; stdout does not count."),
    Variable::new(Output, "LOGSKIFF_BATCH_BYTES", Size, "256KiB")
        .doc("Batch size. A batch is sent at this size or after the linger, whichever comes first. To Kafka, a request also takes what comes while others are under way, up to 1 MB. From `1KiB` to `16MiB`."),
    Variable::new(Output, "LOGSKIFF_LINGER", Duration, "50ms").doc("How long a batch waits to fill. At most `10s`."),
    Variable::new(Output, "LOGSKIFF_LINGER_MAX", Duration, "1s")
        .doc("How long records gather for one Kafka request while fewer than 100 come in this time. After a pause the first one leaves at once. Records of level error and fatal, 64 KiB, and the drain do not wait. Default: `LOGSKIFF_LINGER` if that is set. At most `10s`."),
    Variable::new(Output, "LOGSKIFF_IN_FLIGHT_BYTES", Size, "6MiB")
        .doc("Memory for lines that are read but not yet acknowledged. When the limit is reached, reading pauses. From `64KiB` to `1GiB`, and at least one batch and one line. Standard input and pipes keep the same amount and one line in memory, because they cannot be read twice. The default is lowered to a sixth of the memory limit (at least `512KiB`), and raised to one batch or the longest line."),
    Variable::new(Output, "LOGSKIFF_KAFKA_BROKERS", List, "")
        .example("kafka-0.kafka:9092,kafka-1.kafka:9092")
        .doc("Bootstrap servers, `host:port`. Required for `LOGSKIFF_OUTPUT=kafka`."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TOPIC", Template, "logs")
        .example("logs-{namespace}")
        .doc("Topic. Placeholders as in `LOGSKIFF_FIELDS`, and `{field.NAME}` for a field of the redacted record."),
    Variable::new(Output, "LOGSKIFF_KAFKA_KEY", Template, "")
        .example("{pod}")
        .doc("Message key, truncated to 256 bytes. Placeholders as in `LOGSKIFF_KAFKA_TOPIC`, and `{id}` (the event id) and `{offset}` of the record. `{pod}-{file}` keeps the lines of a file in order. Not set: no key; the messages of a pod go to one partition, and to more while that one is not enough."),
    Variable::new(Output, "LOGSKIFF_KAFKA_PARTITIONER", Choice(&["murmur2", "crc32"]), "murmur2")
        .doc("Which partition a key belongs to: `murmur2` as Java producers and Kafka Streams, `crc32` as librdkafka."),
    Variable::new(Output, "LOGSKIFF_KAFKA_HEADERS", List, "")
        .example("team=shop,namespace={namespace},tenant={field.tenant}")
        .doc("Headers of each message, as `name=template`; at most 16. Placeholders as in `LOGSKIFF_KAFKA_KEY`. Values are truncated to 256 bytes; a header without a value is left out."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TIMESTAMP", Choice(&["event", "read"]), "event")
        .doc("The message's time. `event`: the record's `@timestamp`; if it is before 1970, more than 10 minutes after it was read, or not accepted by the topic, the time of reading (`logskiff_timestamp_fallback_records_total`). `read`: when the record was read."),
    Variable::new(Output, "LOGSKIFF_KAFKA_COMPRESSION", Choice(&["none", "gzip", "snappy", "lz4", "zstd"]), "lz4")
        .doc("Compression of the batches sent to the broker."),
    Variable::new(Output, "LOGSKIFF_KAFKA_MESSAGE", Choice(&["record", "batch"]), "record")
        .doc("`record`: one message per record; `batch`: one message holds many records, one per line, compressed with gzip (header `content-encoding: gzip`)."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TOPICS_MAX", Number, "64")
        .doc("Maximum number of topics that a template may create, from 1 to 10000. Records for further topics go to the default topic, the template without record fields, and are counted."),
    Variable::new(Output, "LOGSKIFF_KAFKA_OVERSIZE", Choice(&["split", "drop"]), "split")
        .doc("What happens to a record larger than the maximum message size: `split` sends it in parts (headers `part`, `parts`, `id`); `drop` drops and counts it."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS", Choice(&["off", "on"]), "off")
        .example("on")
        .doc("`on` uses TLS and verifies the broker's certificate and host name."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS_CA_FILE", Path, "")
        .example("/etc/kafka-tls/ca.crt")
        .doc("CA certificates for the broker (PEM). Not set: the system's. Certificates, key and password file are read again when they change; a new client then replaces the old one."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS_CERT_FILE", Path, "")
        .example("/etc/kafka-tls/tls.crt")
        .doc("Client certificate for mTLS (PEM). Requires `LOGSKIFF_KAFKA_TLS_KEY_FILE`."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS_KEY_FILE", Path, "")
        .example("/etc/kafka-tls/tls.key")
        .doc("Private key of the client certificate (PEM)."),
    Variable::new(
        Output,
        "LOGSKIFF_KAFKA_SASL",
        Choice(&["none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer"]),
        "none",
    )
    .example("scram-sha-512")
    .doc("SASL mechanism. `oauthbearer` requires a token file; all others require a user name and a password."),
    Variable::new(Output, "LOGSKIFF_KAFKA_USERNAME", Text, "").example("logskiff").doc("SASL user name."),
    Variable::new(Output, "LOGSKIFF_KAFKA_PASSWORD", Text, "")
        .secret()
        .example("LOGSKIFF_KAFKA_PASSWORD_FILE=/etc/kafka-auth/password")
        .doc("SASL password. If it comes from a file, the file is read again when it changes."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TOKEN_FILE", Path, "")
        .example("/var/run/secrets/kafka/token")
        .doc("File with the token for `oauthbearer`, such as a projected service account token. It is read again before the token expires."),
    Variable::new(Output, "LOGSKIFF_KAFKA_PROPERTIES", Lines, "")
        .secret()
        .example("message.max.bytes=2000000")
        .doc("Additional librdkafka properties, one `name=value` per line. Properties that would break the delivery guarantee, or that another variable sets, are refused."),

    Variable::new(Output, "LOGSKIFF_SYSLOG_ADDRESS", List, "")
        .example("tls://logs-a.example:6514,tls://logs-b.example:6514")
        .doc("Syslog receivers, all with the same scheme: `udp://`, `tcp://`, `tls://`, `relp://` or `relp+tls://` with `host:port`, or `unix://` with a path. The first reachable one is used, of a host name all addresses in random order. Required for `LOGSKIFF_OUTPUT=syslog`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FORMAT", Choice(&["rfc5424", "rfc3164"]), "rfc5424")
        .doc("Message format. `rfc3164` cannot carry fields."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FRAMING", Choice(&["octet-counting", "newline"]), "octet-counting")
        .doc("How messages are separated on a stream. With `newline`, control characters are written as `#ooo`. Not allowed for `udp://`, `relp://` and `relp+tls://`, which need no framing. For `unix://`, not set: one message per datagram, or octet counting on a stream; set it if the receiver expects another framing on a Unix stream."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FACILITY", Choice(&FACILITIES), "local0")
        .doc("Facility. The severity comes from the record's level; without a level it is 6 (informational)."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_HOSTNAME", Template, "{pod}")
        .example("{node}")
        .doc("HOSTNAME. Placeholders as in `LOGSKIFF_KAFKA_TOPIC`. If neither this nor `POD_NAME` is set, the machine's host name is used."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_APP_NAME", Template, "{container:app}")
        .example("{label.app:shop}")
        .doc("APP-NAME, or the tag in RFC 3164."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_PROC_ID", Template, "")
        .example("{field.pid}")
        .doc("PROCID. Not set: none."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_MSG_ID", Template, "")
        .example("{input}")
        .doc("MSGID (RFC 5424 only). Not set: none."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_ENCODING", Choice(&["raw", "json"]), "raw")
        .doc("Message content. `raw`: only the redacted line; `json`: the whole record as one JSON object."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TAG_BYTES_MAX", Number, "32")
        .doc("Longest tag (RFC 3164 only), from 32, which is that RFC's own limit, to 255."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_BYTES_MAX", Size, "8096B")
        .doc("Longest message with its header, in bytes; the default is rsyslog's own limit. A longer message is truncated, marked and counted. From `480B` to `16MiB`. For `udp://`: at most `65507B`, default `2KiB`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_BOM", Choice(&["off", "on"]), "off")
        .doc("`on` starts each non-ASCII UTF-8 message with a byte order mark, as RFC 5424 requires. Some receivers keep it in the text."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_STRUCTURED_DATA", Choice(&["on", "off"]), "on")
        .doc("`on` adds the redacted fields and the line's origin as RFC 5424 structured data."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_ENTERPRISE_ID", Number, "32473")
        .doc("Private enterprise number in the names of structured data, from 1 to 4294967295. The default is reserved for examples (RFC 5612)."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TIME_ZONE", Text, "UTC")
        .example("Europe/Berlin")
        .doc("Time zone (IANA name) of the messages' timestamps."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_COMPRESSION", Choice(&["none", "zlib"]), "none")
        .doc("`zlib` compresses the stream in the format of rsyslog's `imptcp` (`compression.mode=\"stream:always\"`). Only for `tcp://`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TIMEOUT", Duration, "30s")
        .doc("Time without progress after which a connection with unacknowledged messages is closed, if lost packets do not show earlier that it is dead. From `1s` to `1h`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FAILBACK_INTERVAL", Duration, "30s")
        .doc("While a later address is in use, how often the earlier ones are tried; also how often certificate files are checked for changes. From `1s` to `1h`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_RELP_WINDOW", Number, "128")
        .doc("RELP messages that may await a response, from 1 to 10000. At most this many are duplicates after a lost connection."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_REFUSED", Choice(&["wait", "drop"]), "wait")
        .doc("A record that a RELP receiver refuses: `wait` sends it again with backoff while others go on; `drop` drops and counts it."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_CA_FILE", Path, "")
        .example("/etc/syslog-tls/ca.crt")
        .doc("CA certificates for the receiver (PEM). Not set: the system's. Certificates and key are read for each connection; when they change, logskiff reconnects."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_CERT_FILE", Path, "")
        .example("/etc/syslog-tls/tls.crt")
        .doc("Client certificate for mTLS, followed by its chain (PEM). Requires `LOGSKIFF_SYSLOG_TLS_KEY_FILE`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_KEY_FILE", Path, "")
        .example("/etc/syslog-tls/tls.key")
        .doc("Private key of the client certificate (PEM), without a passphrase."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_SERVER_NAME", Text, "")
        .example("logs.example")
        .doc("Name that the receiver's certificate must contain. Not set: the host of the address."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_VERIFY", Choice(&["on", "off"]), "on")
        .doc("`on` verifies the receiver's certificate and name. `off` accepts any receiver, even an attacker; a warning is logged."),

    Variable::new(Process, "LOGSKIFF_HTTP_LISTEN", Text, "0.0.0.0:9598")
        .example("127.0.0.1:9598")
        .doc("Address for `/metrics`, `/livez`, `/readyz` and `/ledger`: an IP address and a port, or `off`."),
    Variable::new(Process, "LOGSKIFF_DRAIN_TIMEOUT", Duration, "25s")
        .doc("Time limit for shutdown after SIGTERM: read to the end, ship, wait for acknowledgements, save the checkpoint, exit with 0. From `1s` to `1h`; keep it below the pod's grace period."),
    Variable::new(Process, "LOGSKIFF_EXIT", Text, "signal")
        .example("file:/var/log/app/done")
        .doc("When to exit, besides SIGTERM. `signal`: only then; `eof`: once everything is read and acknowledged (batch jobs); `file:PATH`: like `eof`, once that file exists; `app`: like `eof`, once the pod's other processes have ended (needs `shareProcessNamespace: true`)."),
    Variable::new(Process, "LOGSKIFF_EXIT_CODE", Choice(&["lenient", "strict"]), "lenient")
        .doc("Exit code if a shutdown left unacknowledged lines. `lenient`: 0, because Kubernetes would report a sidecar's failure as the pod's; `strict`: 75."),
    Variable::new(Process, "LOGSKIFF_ON_MISTAKE", Choice(&["exit", "wait"]), "exit")
        .doc("What `run` does when the configuration has mistakes, after they are logged. `exit`: it exits with 78; `wait`: it ships nothing, answers `/livez` with 200 and `/readyz` with 503, and exits with 78 on SIGTERM."),
    Variable::new(Process, "LOGSKIFF_TERMINATION_LOG", Path, "/dev/termination-log")
        .doc("Kubernetes termination log; gets the bytes read, acknowledged and left, from the start of a drain on, or the mistakes in the environment. Written only if it exists; `off`: never."),
    Variable::new(Process, "LOGSKIFF_LANDLOCK", Choice(&["auto", "off"]), "auto")
        .doc("`auto`: after startup, `run` gives up access to all files it does not need, as far as the kernel's Landlock allows, and logs the result once (`confined`). `off`: no confinement."),
    Variable::new(Process, "LOGSKIFF_LOG", Text, "info")
        .example("info,librdkafka=warn")
        .doc("Level of logskiff's own log on stderr: `off`, `error`, `warn`, `info`, `debug` or `trace`, or `target=level` filters."),
    Variable::new(Process, "LOGSKIFF_LOG_FORMAT", Choice(&["json", "text"]), "json").doc("Format of logskiff's own log."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_complete_and_unique() {
        for (index, variable) in VARIABLES.iter().enumerate() {
            assert!(variable.doc.ends_with('.'), "{} has no sentence", variable.name);
            assert!(!variable.example.is_empty(), "{} has no example", variable.name);
            assert!(!variable.doc.contains('|'), "{} would break the table", variable.name);
            assert!(VARIABLES[index + 1..].iter().all(|later| later.name != variable.name), "{} twice", variable.name);
        }
    }
}
