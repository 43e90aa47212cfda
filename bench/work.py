"""The measured work: the shipper's settings, and the goals for its cost."""

import dataclasses

REDACT = {"LOGSKIFF_REDACT": "secrets,email,card"}
RAW = {"LOGSKIFF_PARSE": "none", "LOGSKIFF_REDACT": "none", "LOGSKIFF_ENCODING": "raw"}
# No redaction at all, not even of fields by name.
OPEN = {"LOGSKIFF_REDACT": "none", "LOGSKIFF_REDACT_FIELDS": "none"}


# A pattern as a user writes it: twelve captures, four of them numbers.
PATTERN = {
    "LOGSKIFF_PARSE": "regex",
    "LOGSKIFF_PARSE_PATTERN": (
        r'^(?<client>\S+) (?<ident>\S+) (?<user>\S+) \[(?<time>[^\]]+)\] "(?<method>\S+) (?<path>\S+) HTTP/(?<version>[\d.]+)" '
        r'(?<status>\d{3}) (?<bytes>\d+) "(?<referrer>[^"]*)" "(?<agent>[^"]*)" (?<took>[\d.]+)$'
    ),
    "LOGSKIFF_PARSE_TYPES": "status:int,bytes:int,took:float",
}


@dataclasses.dataclass(frozen=True)
class Work:
    """One kind of work."""

    words: str
    # The corpus: "access", "json" or "java".
    kind: str
    # The shipper's settings; `None`: rsyslog does it.
    settings: dict[str, str] | None
    # CPU: seconds per GB, if that has a goal, and as a ratio to rsyslog's.
    goal: tuple[float | None, float] | None = None
    tcp: bool = False
    # The work of rsyslog that it is compared with.
    reference: str = "rsyslog"


REFERENCE, REFERENCE_TUNED, REFERENCE_TCP = "rsyslog", "rsyslog-tuned", "rsyslog-tcp"
WORK = {
    REFERENCE: Work("rsyslog: access, raw", "access", None),
    REFERENCE_TUNED: Work("rsyslog, tuned: access, raw", "access", None, reference=REFERENCE_TUNED),
    "access": Work("access: parse `nginx`, redact, JSON", "access", {"LOGSKIFF_PARSE": "nginx", **REDACT}, (16, 0.80)),
    "pattern": Work(
        "access: parse by a pattern of 12 captures, redact, JSON", "access", {**PATTERN, **REDACT}, (None, 0.80), reference=REFERENCE_TUNED
    ),
    "raw": Work("access: raw", "access", RAW, (6, 0.30)),
    "many": Work("access: raw, beside 1,000 quiet files", "access", RAW),
    "batch": Work("access: raw, batch messages", "access", {**RAW, "LOGSKIFF_KAFKA_MESSAGE": "batch"}, (4, 0.20)),
    "json": Work("json: parse `json`, redact, JSON", "json", {"LOGSKIFF_PARSE": "json", **REDACT}, (12, 0.60)),
    "open": Work("json: parse `json`, no redaction, JSON", "json", {"LOGSKIFF_PARSE": "json", **OPEN}),
    "all": Work("json: parse `json`, redact `secrets,pii`, JSON", "json", {"LOGSKIFF_PARSE": "json", "LOGSKIFF_REDACT": "secrets,pii"}),
    "java": Work("java: `auto`, redact, JSON", "java", {"LOGSKIFF_PARSE": "auto", **REDACT}, (None, 0.60), reference=REFERENCE_TUNED),
    REFERENCE_TCP: Work("rsyslog: access, raw, syslog over TCP", "access", None, tcp=True, reference=REFERENCE_TCP),
    "tcp": Work(
        "access: raw, syslog over TCP", "access", {**RAW, "LOGSKIFF_OUTPUT": "syslog"}, (6, 0.25), tcp=True, reference=REFERENCE_TCP
    ),
}
# Goal for the cost of all redaction, as a ratio to the same work without it.
REDACTION = ("all", "open", 1.25)
