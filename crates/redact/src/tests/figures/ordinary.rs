//! Values that are frequent in logs and look like a secret or a person's number, but are none.

use std::fmt::Write;

use super::text_of;

/// A kind of value: its name in the line, and an example.
pub(super) type Make = fn(&mut fastrand::Rng) -> (&'static str, String);

/// The kinds that must stay unchanged.
pub(super) const KINDS: &[(&str, Make)] = &[
    ("epochs in ms, µs and ns", |dice| {
        let seconds = dice.u64(1_600_000_000..1_900_000_000);
        let below = dice.choice(["[0-9]{3}", "[0-9]{6}", "[0-9]{9}"]).unwrap();
        ("ts", format!("{seconds}{}", text_of(below, dice)))
    }),
    ("block ids", |dice| ("block", format!("blk_{}", dice.i64(..)))),
    ("UUIDs", |dice| {
        ("request_id", text_of("[0-9a-f]{8}-[0-9a-f]{4}-[1-7][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", dice))
    }),
    ("Git hashes", |dice| ("commit", text_of("[0-9a-f]{7}|[0-9a-f]{40}|[0-9a-f]{64}", dice))),
    ("trace and span ids, ULIDs, object ids", |dice| {
        ("trace_id", text_of("[0-9a-f]{32}|[0-9a-f]{16}|01[0-9A-HJKMNP-TV-Z]{24}|[0-9a-f]{24}", dice))
    }),
    ("versions of two to four numbers", |dice| {
        let name = dice.choice(["version", "v", "release", "appVersion", "build"]).unwrap();
        (name, text_of(r"[1-9]{1,2}\.[0-9]{1,2}(\.[1-9]{1,3}){0,2}(-rc\.[1-9]|\+build\.[0-9]{4})?", dice))
    }),
    ("products and files with versions", |dice| {
        let format = r"Chrome/1[0-9]{2}\.0\.[1-9]{4}\.[1-9]{2}|Firefox/1[0-9]{2}\.0|shop-[1-9]\.[0-9]\.[1-9]\.[0-9]\.jar|lodash@[1-9]\.[1-9]{2}\.[1-9]";
        ("agent", text_of(format, dice))
    }),
    ("names of pods and nodes", |dice| {
        let format = "(shop-api|kube-proxy|ingress-nginx-controller)-[bcdf0-9]{8,10}-[bcdf0-9]{5}|ip-10-[1-9]{2}-[1-9]{2}-[1-9]\\.eu-west-1\\.compute\\.internal|db-0";
        ("pod", text_of(format, dice))
    }),
    ("images and digests", |dice| {
        ("image", text_of(r"registry\.example\.com:5000/shop/api(:v1\.[1-9]{2}\.[0-9]|@sha256:[0-9a-f]{64})", dice))
    }),
    ("Base64 without a keyword", |dice| ("payload", text_of("[A-Za-z0-9+/]{40,120}={0,2}", dice))),
    ("random words of letters and digits", |dice| ("cursor", text_of("[A-Za-z0-9]{20,64}|[A-Za-z0-9_-]{22}", dice))),
    ("times and dates", |dice| {
        let format = r"2026-1[0-2]-[0-2][1-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{3,9})?(Z|[+-]0[0-9]:00)|[0-2][1-8]/Nov/2026:[01][0-9]:[0-5][0-9]:[0-5][0-9] [+-]1[0-2]00|2026-1[0-2]-[0-2][1-8] [01][0-9]:[0-5][0-9]:[0-5][0-9],[0-9]{3} [+-]1[0-2]30";
        ("at", text_of(format, dice))
    }),
    ("quantities and measures", |dice| {
        (
            "used",
            text_of(r"[1-9][0-9]{0,4}(m|Mi|Gi|Ki|%|ms|s|MB|B)|0\.[0-9]{6,17}|[1-9]\.[0-9]{3,16}e[+-][0-9]{2}", dice),
        )
    }),
    ("columns of numbers", |dice| {
        let mut columns = String::new();
        for _ in 0..dice.usize(3..7) {
            let most = dice.choice([10, 1000, 100_000]).unwrap();
            write!(columns, "{} ", dice.u32(0..most)).unwrap();
        }
        ("counts", columns.trim_end().to_owned())
    }),
    ("stack frames and paths in programs", |dice| {
        let format = r"com\.example\.shop\.(OrderService|Payment)[A-Z][a-z]{5}\$[1-9]\.call\(Frame[0-9]{2}\.java:[1-9]{3}\)|std::[a-f]{3}::[a-f]{4}[0-9]|alloc::vec::Vec<u[1-9]>|0x[0-9a-f]{16}|java\.lang\.Object@[0-9a-f]{8}";
        ("frame", text_of(format, dice))
    }),
    ("names of settings without their values", |dice| {
        let format =
            "(password|token|api_key|secret)_(policy|rotation|count|name|ttl)|max_tokens|npm_config_cache|secretRef";
        (dice.choice(["setting", "key", "field"]).unwrap(), text_of(format, dice))
    }),
];

/// Kinds that cannot be distinguished from secrets: masking them is better than missing a secret.
pub(super) const AMBIGUOUS: &[(&str, Make)] = &[
    ("versions of four numbers that no word tells", |dice| {
        ("lib", text_of(r"[1-9]{1,2}\.[0-9]{1,2}\.[1-9]{1,3}\.[1-9]", dice))
    }),
    ("random numbers of 16 digits", |dice| ("order", text_of("[1-9][0-9]{15}", dice))),
    ("names of secrets after a keyword", |dice| {
        ("secret", text_of("(db|tls|registry)-cred(s|entials)-[0-9]{2}", dice))
    }),
];
