//! Detectors of personal data.

use super::super::check;
use super::{Detector, Group, Pattern};

/// The rows of the group `pii`.
pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "email",
        group: Group::Pii,
        doc: "e-mail addresses, also with the @ written %40; not hosts without a dot (root@localhost)",
        trigger: r"(?-u)[A-Za-z0-9_.+%\x80-\xff-](?:@|%(?:25)*40)[A-Za-z0-9\x80-\xff]",
        patterns: &[Pattern {
            regex: r"(?x-u)
                [A-Za-z0-9_.+%\x80-\xff-]+ (?:@|%(?:25)*40)
                (?:[A-Za-z0-9\x80-\xff] [A-Za-z0-9\x80-\xff-]* \.)+
                [A-Za-z\x80-\xff] [A-Za-z0-9\x80-\xff-]* [A-Za-z0-9\x80-\xff]",
            check: None,
        }],
        hits: &[
            ("user=ada@example.com done", "user=<redacted:email> done"),
            ("?email=ada%40example.com&x=1", "?email=<redacted:email>&x=1"),
            ("?email=ada%2540example.com&x=1", "?email=<redacted:email>&x=1"),
            (r#"{"to":"grace.hopper+navy@mail.example.co.uk"}"#, r#"{"to":"<redacted:email>"}"#),
            ("mail <ken@example.org>, sent.", "mail <<redacted:email>>, sent."),
            ("écrit à zoé@exämple.fr.", "écrit à <redacted:email>."),
            ("a@b.io,c@d.io", "<redacted:email>,<redacted:email>"),
        ],
        misses: &[
            "root@localhost logged in",
            "npm lodash@4.17.21",
            "image shop@sha256:9f31c2",
            "java.lang.Object@1b6d3586",
            "kubelet@node-1 up",
            "@Override public void run()",
            "100%40 of 5",
            "meet @ 10.30",
        ],
    },
    Detector {
        name: "card",
        group: Group::Pii,
        doc: "payment card numbers of 13 to 19 digits, bare or grouped by spaces or dashes, that have an issuer's prefix \
              and length and a right check digit; not parts of longer numbers, of hexadecimal text or of fractions",
        trigger: r"(?-u)(?:[0-9][ -]?){12}[0-9]",
        patterns: &[Pattern { regex: r"(?-u)[0-9](?:[ -]?[0-9]){12,}", check: Some(check::card) }],
        hits: &[
            ("card=4111111111111111 ok", "card=<redacted:card> ok"),
            ("card 4111 1111 1111 1111.", "card <redacted:card>."),
            ("card 5500-0055-5555-5559,", "card <redacted:card>,"),
            ("amex 3400 000000 00009", "amex <redacted:card>"),
            (r#"{"pan":6011000000000004}"#, r#"{"pan":<redacted:card>}"#),
            ("12 4111111111111111 34", "12 <redacted:card> 34"),
            ("2026-11-23 4111111111111111", "2026-11-23 <redacted:card>"),
            ("q=%204111111111111111&", "q=%20<redacted:card>&"),
            (r"text\n4111111111111111\n", r"text\n<redacted:card>\n"),
            ("4222222222222", "<redacted:card>"),
            ("5555555555554444 4012888888881881", "<redacted:card> <redacted:card>"),
            ("3056930009020004 36227206271667", "3056930009020004 <redacted:card>"),
        ],
        misses: &[
            "card=4111111111111112 has a wrong check digit",
            "at 1763931351123 epoch ms",
            "at 1763931351123456789 epoch ns",
            "id 41111111111111110000 has twenty digits",
            "trace 4111111111111111deadbeef",
            "took 0.4111111111111111 s",
            "uuid 41111111-1111-1111-9f31-c2aa00000000",
            "uuid 41111111-1111-1111-1111-111111111111",
            "2026-11-23 21:15:51 200 79999 4111",
            "order 1000000000000008",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        ],
    },
];
