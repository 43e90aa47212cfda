//! The one list of every variable: its name, default, meaning and an example of a right value.
//!
//! The reader takes defaults and examples from here, `logskiff env` prints it, and `docs/configuration.md` is made from
//! it. A variable that is not in this list does not exist: it is reported as unknown.

/// Which part of the work a variable belongs to; the order of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Which files are read, and how.
    Input,
    /// How a line becomes fields.
    Parse,
    /// What must not leave.
    Redact,
    /// What a record holds.
    Record,
    /// Where records go.
    Output,
    /// When it ends and what it says of itself.
    Life,
}

impl Section {
    /// All sections, in the order of the documentation.
    pub const ALL: [Self; 6] = [Self::Input, Self::Parse, Self::Redact, Self::Record, Self::Output, Self::Life];

    /// The heading.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Parse => "Parse",
            Self::Redact => "Redact",
            Self::Record => "Record",
            Self::Output => "Output",
            Self::Life => "Life",
        }
    }
}

/// The shape of a variable's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One text.
    Text,
    /// A whole number.
    Number,
    /// A number with `ms`, `s`, `m` or `h`.
    Duration,
    /// A number with `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`.
    Size,
    /// The same, or `off`.
    SizeOrOff,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Some of these words, separated by commas or newlines.
    Choices(&'static [&'static str]),
    /// Texts separated by commas or newlines; commas within braces separate nothing.
    List,
    /// Texts, one a line.
    Lines,
    /// A path.
    Path,
    /// Text with `{name}` places.
    Template,
}

impl Kind {
    /// The kind in a few words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Size => "size".to_owned(),
            Self::SizeOrOff => "size or off".to_owned(),
            Self::Choice(words) => words.join(" or "),
            Self::Choices(words) => format!("list of {}", words.join(", ")),
            Self::List => "list".to_owned(),
            Self::Lines => "lines".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Template => "template".to_owned(),
        }
    }
}

/// One entry of the reference.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// As set in the environment; `<NAME>` stands for a name of one's own.
    pub name: &'static str,
    /// As it would be set; empty: none.
    pub default: &'static str,
    /// Where it stands in the documentation.
    pub section: Section,
    /// The shape of its value.
    pub kind: Kind,
    /// One or two sentences, Markdown.
    pub doc: &'static str,
    /// A right value.
    pub example: &'static str,
    /// Never printed; `NAME_FILE` names a file that holds it.
    pub secret: bool,
    /// `LOGSKIFF_INPUT_<NAME>_…` may say it for one input.
    pub per_input: bool,
}

impl Variable {
    const fn new(section: Section, name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self { name, default, section, kind, doc: "", example: default, secret: false, per_input: false }
    }

    const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn per_input(self) -> Self {
        Self { per_input: true, ..self }
    }

    /// Whether the entry stands for many variables.
    #[must_use]
    pub fn is_family(&self) -> bool {
        self.name.contains('<')
    }
}

/// What our own names begin with.
pub const PREFIX: &str = "LOGSKIFF_";
/// What a rule of one's own begins with.
pub const RULE_PREFIX: &str = "LOGSKIFF_REDACT_RULE_";
/// What the mode of one rule, detector or group begins with.
pub const MODE_PREFIX: &str = "LOGSKIFF_REDACT_MODE_";
/// What a variable of a named input begins with.
pub const INPUT_PREFIX: &str = "LOGSKIFF_INPUT_";

/// Former names, and the present ones: who uses an old one is told the new one.
pub static RENAMED: &[(&str, &str)] = &[
    ("LOGSKIFF_PARSE_FAILURE", "LOGSKIFF_PARSE_ON_ERROR"),
    ("LOGSKIFF_POLL", "LOGSKIFF_POLL_INTERVAL"),
    ("LOGSKIFF_PRUNE", "LOGSKIFF_DELETE_ROTATED"),
    ("LOGSKIFF_START", "LOGSKIFF_START_AT"),
    ("LOGSKIFF_SYSLOG_MESSAGE", "LOGSKIFF_SYSLOG_ENCODING"),
    ("LOGSKIFF_SYSLOG_RETURN", "LOGSKIFF_SYSLOG_FAILBACK_INTERVAL"),
];

/// Former words of a variable, and the present ones.
pub(super) static RENAMED_WORDS: &[(&str, &str, &str)] =
    &[("LOGSKIFF_DELETE_ROTATED", "acked", "acknowledged"), ("LOGSKIFF_EXIT_CODE", "kind", "lenient")];

/// The entry of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

/// The entries of one section, in order.
pub fn of(section: Section) -> impl Iterator<Item = &'static Variable> {
    VARIABLES.iter().filter(move |variable| variable.section == section)
}

/// The facilities, by their numbers (RFC 5424, 6.2.1).
pub(super) const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// What may become of a match.
pub(super) const MODES: &[&str] = &["mask", "remove", "partial", "token", "drop"];

use Kind::{Choice, Choices, Duration, Lines, List, Number, Path, Size, SizeOrOff, Template, Text};
use Section::{Input, Life, Output, Parse, Record, Redact};

/// Every variable, in the order of the documentation.
pub static VARIABLES: &[Variable] = &[
    Variable::new(Input, "LOGSKIFF_PATHS", List, "/var/log/app/**/*.log")
        .per_input()
        .doc("Absolute globs of the files to tail: `*`, `**`, `?`, `{a,b}`, `[…]`. At least one directory must stand before the first wildcard; nothing outside it is opened. `-` is standard input. A named pipe is read where it is named without a wildcard."),
    Variable::new(Input, "LOGSKIFF_EXCLUDE", List, "")
        .per_input()
        .example("**/*.gz,/var/log/app/debug-*.log")
        .doc("Globs left out."),
    Variable::new(Input, "LOGSKIFF_START_AT", Choice(&["beginning", "end"]), "beginning")
        .per_input()
        .doc("Where a file without a checkpoint starts when the sidecar starts. A file that appears later always starts at its beginning."),
    Variable::new(Input, "LOGSKIFF_SYMLINKS", Choice(&["deny", "within"]), "deny")
        .per_input()
        .doc("`within` follows symbolic links to files and directories beneath the same fixed directory of a glob. Links that lead elsewhere are always refused."),
    Variable::new(Input, "LOGSKIFF_DELETE_ROTATED", Choice(&["off", "acknowledged"]), "off")
        .per_input()
        .doc("`acknowledged` deletes rotated files, `.gz` included, once every byte in them is acknowledged or dropped by a rule, so that the volume does not fill. Never the file that is written to. Needs the logs mounted writable."),
    Variable::new(Input, "LOGSKIFF_DELETED_OPEN_BYTES_MAX", SizeOrOff, "1GiB")
        .doc("How much of the disk files may take that are deleted, and held open because not everything in them is acknowledged. No limit of a volume's counts them. Beyond it the oldest is given up, and what is left in it is counted as lost. From `4KiB`; `off`: without end. On a volume in memory a quarter of its size holds where that is less."),
    Variable::new(Input, "LOGSKIFF_STATE_DIR", Path, "/var/lib/logskiff")
        .doc("Directory of the checkpoints: a volume of its own. `none` keeps no state, so a restart ships everything again."),
    Variable::new(Input, "LOGSKIFF_POLL_INTERVAL", Duration, "1s")
        .doc("The slow poll behind inotify, from `100ms` to `1h`."),
    Variable::new(Input, "LOGSKIFF_WATCH", Choice(&["auto", "inotify", "poll"]), "auto")
        .doc("What wakes the reader. `auto` uses inotify where it works, and polls where it does not."),
    Variable::new(Input, "LOGSKIFF_LINE_BYTES_MAX", Size, "1MiB")
        .per_input()
        .doc("A longer line is cut, marked and counted; the rest is skipped in bounded memory. From `1KiB` to `16MiB`."),
    Variable::new(Input, "LOGSKIFF_INPUT_<NAME>_…", Text, "")
        .example("LOGSKIFF_INPUT_ACCESS_PATHS=/var/log/nginx/access.log")
        .doc("A named input: `…_PATHS` makes it, and any variable marked *per input* may be said for it alone (`LOGSKIFF_INPUT_ACCESS_PARSE=nginx`). `<NAME>` is letters and digits, without an underscore. Where there is a named input, `LOGSKIFF_PATHS` has no default; set, it makes the input `default` beside the named ones."),

    Variable::new(Parse, "LOGSKIFF_PARSE", Choice(&["none", "json", "regex", "nginx", "auto"]), "auto")
        .per_input()
        .doc("What to make of a line. `auto`: a JSON object, else the line; `regex` needs `LOGSKIFF_PARSE_PATTERN`; `nginx`: the combined format, also with a virtual host before it."),
    Variable::new(Parse, "LOGSKIFF_PARSE_PATTERN", Lines, "")
        .per_input()
        .example(r"^(?<client>\S+) (?<status>\d{3}) (?<text>.*)$")
        .doc("Regular expressions for `regex`, one a line, tried in order; named captures become fields."),
    Variable::new(Parse, "LOGSKIFF_PARSE_TYPES", List, "")
        .per_input()
        .example("status:int,request_time:float,ok:bool")
        .doc("Types of parsed fields: `int`, `float`, `bool`, `text`. A value that is not of its type stays text and is counted."),
    Variable::new(Parse, "LOGSKIFF_TIME_FIELD", Text, "")
        .per_input()
        .example("timestamp")
        .doc("The field that holds the line's time. Not set: the usual names are tried."),
    Variable::new(Parse, "LOGSKIFF_TIME_FORMAT", Lines, "")
        .per_input()
        .example("%Y-%m-%d %H:%M:%S%.f")
        .doc("`strptime` formats, one a line, or `rfc3339`, `unix`, `unix_ms`, `unix_us`, `unix_ns`. Not set: guessed. A stamp that cannot be read leaves the read time and is counted."),
    Variable::new(Parse, "LOGSKIFF_TIME_ZONE", Text, "UTC")
        .per_input()
        .example("Europe/Berlin")
        .doc("IANA name of the zone of stamps that name none."),
    Variable::new(Parse, "LOGSKIFF_LEVEL_FIELD", Text, "")
        .per_input()
        .example("severity")
        .doc("The field that holds the severity, which is mapped onto `trace`, `debug`, `info`, `warn`, `error`, `fatal`. Not set: the usual names are tried."),
    Variable::new(Parse, "LOGSKIFF_PARSE_ON_ERROR", Choice(&["keep", "drop"]), "keep")
        .per_input()
        .doc("A line that is not of the asked format: `keep` ships the redacted line with `parse.error` set, `drop` counts it."),

    Variable::new(Redact, "LOGSKIFF_REDACT", List, "secrets")
        .per_input()
        .example("secrets,pii,-card")
        .doc("What is masked: the groups `secrets` and `pii`, detectors by name, `-name` to take one out (of the default where it comes first), or `none` alone."),
    Variable::new(Redact, "LOGSKIFF_REDACT_RULE_<NAME>", Text, "")
        .per_input()
        .example(r"customer=(?<secret>\d+)")
        .doc("A pattern of one's own. The group `secret` is masked, else the first group, else all of the match. `field:PATH` masks fields by name or dotted path as in `LOGSKIFF_REDACT_FIELDS`, several separated by commas; `field:PATH ~ PATTERN` searches their values alone. An input's own rules stand beside the common ones; one of the same name replaces it."),
    Variable::new(
        Redact,
        "LOGSKIFF_REDACT_FIELDS",
        List,
        "password,passwd,secret,token,authorization,cookie,set-cookie,api_key",
    )
    .per_input()
    .example("password,user.*.email")
    .doc("Fields whose values are masked: names, or dotted paths with `*`, at any depth, whatever the case. Set, it replaces the default; `none` masks no field by its name."),
    Variable::new(Redact, "LOGSKIFF_REDACT_MODE", Choice(MODES), "mask")
        .per_input()
        .example("token")
        .doc("What stands in the place of a match: `mask`: `<redacted:NAME>`; `remove`: nothing; `partial`: the last four characters of long matches; `token`: a keyed digest, the same for the same value; `drop`: the record is dropped and counted."),
    Variable::new(Redact, "LOGSKIFF_REDACT_MODE_<NAME>", Choice(MODES), "")
        .per_input()
        .example("token")
        .doc("The same for a detector, a group, a rule of one's own, `field` (fields by name), `undecodable` or `budget` (withheld values). A name goes before its group."),
    Variable::new(Redact, "LOGSKIFF_REDACT_KEY", Text, "")
        .secret()
        .example("LOGSKIFF_REDACT_KEY_FILE=/etc/logskiff/redact-key")
        .doc("The key of `token`, at least 32 characters, such as `openssl rand -hex 32` makes. Needed where a mode is `token`."),
    Variable::new(Redact, "LOGSKIFF_REDACT_KEY_ID", Text, "")
        .example("k1")
        .doc("Stands in each token, so that keys can rotate: up to 32 letters, digits, `_` and `-`. Not set: made of the key, of which it says nothing."),

    Variable::new(Record, "LOGSKIFF_FIELDS", List, "")
        .example("team=shop,env={label.env:dev}")
        .doc("Fields added to each record, `name=template`. Templates take `{namespace}`, `{pod}`, `{node}`, `{container}`, `{input}`, `{file}` and `{label.KEY}`, with a default after a colon."),
    Variable::new(Record, "POD_NAME", Text, "").example("shop-7d4b9c-x2x1z").doc("The pod's name, from the Downward API."),
    Variable::new(Record, "POD_NAMESPACE", Text, "").example("shop").doc("The pod's namespace, from the Downward API."),
    Variable::new(Record, "POD_UID", Text, "")
        .example("6d1f3c1e-6b5e-4f0e-9a53-0d6e0b1c2d3e")
        .doc("The pod's UID, from the Downward API; part of the event id."),
    Variable::new(Record, "POD_IP", Text, "").example("10.1.2.3").doc("The pod's address, from the Downward API."),
    Variable::new(Record, "NODE_NAME", Text, "").example("node-1").doc("The node's name, from the Downward API."),
    Variable::new(Record, "CONTAINER_NAME", Text, "").example("app").doc("The application's container."),
    Variable::new(Record, "LOGSKIFF_LABELS_FILE", Path, "")
        .example("/etc/podinfo/labels")
        .doc("The Downward API's labels file; read again when it changes."),
    Variable::new(Record, "LOGSKIFF_ENCODING", Choice(&["json", "raw"]), "json")
        .doc("`json`: the record with ECS names; `raw`: the redacted line alone. What syslog carries is said by `LOGSKIFF_SYSLOG_ENCODING`."),
    Variable::new(Record, "LOGSKIFF_EVENT_ID", Choice(&["off", "field", "header"]), "field")
        .doc("An id made of pod UID, file identity and offset, the same after a restart, so that a consumer can drop doubles. `header` puts it into a Kafka header."),

    Variable::new(Output, "LOGSKIFF_OUTPUT", Choices(&["kafka", "syslog", "stdout"]), "stdout")
        .example("kafka")
        .doc("Where records go; several may be named. A line is done when Kafka and the syslog receiver, whichever are named, have it, whatever stdout does."),
    Variable::new(Output, "LOGSKIFF_BATCH_BYTES", Size, "256KiB")
        .doc("A batch leaves at this size or after the linger, whichever comes first. From `1KiB` to `16MiB`."),
    Variable::new(Output, "LOGSKIFF_LINGER", Duration, "50ms").doc("How long a batch waits to fill; at most `10s`."),
    Variable::new(Output, "LOGSKIFF_IN_FLIGHT_BYTES", Size, "4MiB")
        .doc("The byte budget for all that is read and not yet acknowledged, from `64KiB` to `1GiB`; not less than a batch or the longest line. Standard input and pipes, which cannot be read twice, keep as much again and a line in memory. The default falls to a quarter of the memory limit where that is less (at least `512KiB`), and rises to a batch or the longest line."),
    Variable::new(Output, "LOGSKIFF_KAFKA_BROKERS", List, "")
        .example("kafka-0.kafka:9092,kafka-1.kafka:9092")
        .doc("The bootstrap list, `host:port`. Needed for `LOGSKIFF_OUTPUT=kafka`."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TOPIC", Template, "logs")
        .example("logs-{namespace}")
        .doc("The topic. Places as in `LOGSKIFF_FIELDS`, and `{field.NAME}` for a field of the record as redacted."),
    Variable::new(Output, "LOGSKIFF_KAFKA_KEY", Template, "")
        .example("{pod}")
        .doc("The messages' key, cut at 256 bytes. Not set: none, so that messages spread over the partitions."),
    Variable::new(Output, "LOGSKIFF_KAFKA_COMPRESSION", Choice(&["none", "gzip", "snappy", "lz4", "zstd"]), "lz4")
        .doc("How batches are compressed for the broker."),
    Variable::new(Output, "LOGSKIFF_KAFKA_MESSAGE", Choice(&["record", "batch"]), "record")
        .doc("`record`: one message a record; `batch`: one message holds many records, one a line, compressed with gzip (header `content-encoding: gzip`)."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TOPICS_MAX", Number, "64")
        .doc("Distinct topics that a template may make, from 1 to 10000; records beyond it are counted."),
    Variable::new(Output, "LOGSKIFF_KAFKA_OVERSIZE", Choice(&["split", "drop"]), "split")
        .doc("A record above the largest message: `split` (headers `part`, `parts`, `id`) or `drop` (counted)."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS", Choice(&["off", "on"]), "off")
        .example("on")
        .doc("Encrypt, and verify the broker's certificate and name."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS_CA_FILE", Path, "")
        .example("/etc/kafka-tls/ca.crt")
        .doc("Certificates that may sign the broker's (PEM). Not set: the system's. This, the next two and the password's file are read again when they change: a new client takes over between two records."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS_CERT_FILE", Path, "")
        .example("/etc/kafka-tls/tls.crt")
        .doc("The client's certificate (PEM); needs `LOGSKIFF_KAFKA_TLS_KEY_FILE`."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TLS_KEY_FILE", Path, "")
        .example("/etc/kafka-tls/tls.key")
        .doc("The key of the client's certificate (PEM)."),
    Variable::new(
        Output,
        "LOGSKIFF_KAFKA_SASL",
        Choice(&["none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer"]),
        "none",
    )
    .example("scram-sha-512")
    .doc("How to log in. All but `oauthbearer` need a user name and a password; `oauthbearer` needs a token file."),
    Variable::new(Output, "LOGSKIFF_KAFKA_USERNAME", Text, "").example("logskiff").doc("The user name."),
    Variable::new(Output, "LOGSKIFF_KAFKA_PASSWORD", Text, "")
        .secret()
        .example("LOGSKIFF_KAFKA_PASSWORD_FILE=/etc/kafka-auth/password")
        .doc("The password. From a file, it is read again when it changes."),
    Variable::new(Output, "LOGSKIFF_KAFKA_TOKEN_FILE", Path, "")
        .example("/var/run/secrets/kafka/token")
        .doc("A file with the token for `oauthbearer`, such as a projected service-account token; read again before it expires."),
    Variable::new(Output, "LOGSKIFF_KAFKA_PROPERTIES", Lines, "")
        .secret()
        .example("message.max.bytes=2000000")
        .doc("Any librdkafka property, one `name=value` a line. Refused are those that would break the delivery promise, and those that a variable sets."),

    Variable::new(Output, "LOGSKIFF_SYSLOG_ADDRESS", List, "")
        .example("tls://logs-a.example:6514,tls://logs-b.example:6514")
        .doc("Receivers, all of one scheme: `udp://`, `tcp://`, `tls://`, `relp://` and `relp+tls://` with `host:port`, or `unix://` with a path. The first that can be reached is used. Needed for `LOGSKIFF_OUTPUT=syslog`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FORMAT", Choice(&["rfc5424", "rfc3164"]), "rfc5424")
        .doc("The message format. `rfc3164` has no place for fields."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FRAMING", Choice(&["octet-counting", "newline"]), "octet-counting")
        .doc("How messages on a stream are kept apart. With `newline`, control characters are written as `#ooo`. Not for `udp://`, `relp://` and `relp+tls://`, which keep them apart by themselves. For `unix://`: not set, datagrams go one by one, and a stream gets octet counting; a receiver on a Unix stream usually wants this said."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FACILITY", Choice(&FACILITIES), "local0")
        .doc("The facility. The severity comes from the level: 6 (informational) where there is none."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_HOSTNAME", Template, "{pod}")
        .example("{node}")
        .doc("HOSTNAME. Places as in `LOGSKIFF_KAFKA_TOPIC`. Where neither this nor `POD_NAME` is set, the machine's name."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_APP_NAME", Template, "{container:app}")
        .example("{label.app:shop}")
        .doc("APP-NAME, or the tag of RFC 3164."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_PROC_ID", Template, "")
        .example("{field.pid}")
        .doc("PROCID. Not set: none."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_MSG_ID", Template, "")
        .example("{input}")
        .doc("MSGID. Not set: none. RFC 5424 alone."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_ENCODING", Choice(&["raw", "json"]), "raw")
        .doc("What the message holds: the redacted line alone, or the whole record as one JSON object."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_BYTES_MAX", Size, "8KiB")
        .doc("A longer message is cut, marked and counted. From `480B` to `16MiB`; for `udp://` to `65507B`, and there the default is `2KiB`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_BOM", Choice(&["off", "on"]), "off")
        .doc("Whether a message that is UTF-8 beyond ASCII begins with a byte order mark, as RFC 5424 wants it. `off` for receivers that keep it in the text."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_STRUCTURED_DATA", Choice(&["on", "off"]), "on")
        .doc("Whether RFC 5424's structured data carries the fields, as redacted, and where the line comes from."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_ENTERPRISE_ID", Number, "32473")
        .doc("The private enterprise number in the names of structured data, from 1 to 4294967295. The default is the one that RFC 5612 keeps for examples."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TIME_ZONE", Text, "UTC")
        .example("Europe/Berlin")
        .doc("IANA name of the zone of the messages' time stamps."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_COMPRESSION", Choice(&["none", "zlib"]), "none")
        .doc("`zlib`: the stream is compressed as rsyslog's `imptcp` reads it (`compression.mode=\"stream:always\"`). For `tcp://` alone."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TIMEOUT", Duration, "30s")
        .doc("How long a connection with messages out may make no progress before it is given up; the most that making one may take. From `1s` to `1h`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_FAILBACK_INTERVAL", Duration, "30s")
        .doc("While a later address is in use, how often the earlier ones are tried; also how often the certificates' files are looked at. From `1s` to `1h`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_RELP_WINDOW", Number, "128")
        .doc("How many RELP messages may wait for the receiver's word, from 1 to 10000; so many may double after a break."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_CA_FILE", Path, "")
        .example("/etc/syslog-tls/ca.crt")
        .doc("Certificates that may sign the receiver's (PEM). Not set: the system's. This and the next two are read again for each connection, and a connection is renewed when they change."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_CERT_FILE", Path, "")
        .example("/etc/syslog-tls/tls.crt")
        .doc("The client's certificate, with its chain behind it (PEM); needs `LOGSKIFF_SYSLOG_TLS_KEY_FILE`."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_KEY_FILE", Path, "")
        .example("/etc/syslog-tls/tls.key")
        .doc("The key of the client's certificate (PEM), without a passphrase."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_SERVER_NAME", Text, "")
        .example("logs.example")
        .doc("The name that the receiver's certificate must hold. Not set: the address's host."),
    Variable::new(Output, "LOGSKIFF_SYSLOG_TLS_VERIFY", Choice(&["on", "off"]), "on")
        .doc("Verify the receiver's certificate and name. `off` lets anyone stand in for the receiver, and is logged."),

    Variable::new(Life, "LOGSKIFF_HTTP_LISTEN", Text, "0.0.0.0:9598")
        .example("127.0.0.1:9598")
        .doc("Where it answers `/metrics`, `/livez`, `/readyz` and `/ledger`: an IP address and a port, or `off`."),
    Variable::new(Life, "LOGSKIFF_DRAIN_TIMEOUT", Duration, "25s")
        .doc("After SIGTERM: read to the end, ship, wait for acknowledgements, save, exit 0, within this time. From `1s` to `1h`; keep it below the pod's grace period."),
    Variable::new(Life, "LOGSKIFF_EXIT", Text, "signal")
        .example("file:/var/log/app/done")
        .doc("When to end: `signal`; `eof`, when all that is there is read and acknowledged (for batch use); `file:PATH`, the same once that file is there; `app`, the same once the pod's other processes are gone (needs `shareProcessNamespace: true`)."),
    Variable::new(Life, "LOGSKIFF_EXIT_CODE", Choice(&["lenient", "strict"]), "lenient")
        .doc("`lenient`: a drain that had to leave something behind ends with 0 all the same, since Kubernetes shows a sidecar's failure as the pod's; `strict`: with 75."),
    Variable::new(Life, "LOGSKIFF_TERMINATION_LOG", Path, "/dev/termination-log")
        .doc("The file in which Kubernetes looks for a container's last word: what was read, acknowledged and left. It is written only where it exists; `off`: never."),
    Variable::new(Life, "LOGSKIFF_LANDLOCK", Choice(&["auto", "off"]), "auto")
        .doc("`auto`: once it is set up, `run` gives up every right to files but those that it needs, as far as the kernel's Landlock goes; how far is logged once (`confined`). `off`: it does not."),
    Variable::new(Life, "LOGSKIFF_LOG", Text, "info")
        .example("info,librdkafka=warn")
        .doc("What its own log says, on stderr: a level, or `target=level` filters."),
    Variable::new(Life, "LOGSKIFF_LOG_FORMAT", Choice(&["json", "text"]), "json").doc("How its own log looks."),
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
