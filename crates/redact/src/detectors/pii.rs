//! Detectors of personal data.

use super::super::validators;
use super::{Detector, Group, checked, confirmed, plain};

/// The rows of the group `pii`.
pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "email",
        group: Group::Pii,
        description: "e-mail addresses, also with the @ written %40",
        not_matched: "hosts without a dot (root@localhost), repositories (git@github.com:…), systemd units (getty@tty1.service), files \
                 (icon@2x.png), names of SSH's algorithms (umac-64@openssh.com)",
        patterns: &[checked(
            r#"(?x-u)
                (?: [A-Za-z0-9_.+%\x80-\xff-]+ | "[^"@\s\\<>]{1,64}\\*" ) (?:@|%(?:25)*40)
                (?:[A-Za-z0-9\x80-\xff] [A-Za-z0-9\x80-\xff-]* \.)+
                [A-Za-z\x80-\xff] [A-Za-z0-9\x80-\xff-]* [A-Za-z0-9\x80-\xff]"#,
            validators::email,
        )],
        positives: &[
            ("user=ada@example.com done", "user=<redacted:email> done"),
            ("?email=ada%40example.com&x=1", "?email=<redacted:email>&x=1"),
            ("?email=ada%2540example.com&x=1", "?email=<redacted:email>&x=1"),
            (r#"{"to":"grace.hopper+navy@mail.example.co.uk"}"#, r#"{"to":"<redacted:email>"}"#),
            ("mail <ken@example.org>, sent.", "mail <<redacted:email>>, sent."),
            ("écrit à zoé@exämple.fr.", "écrit à <redacted:email>."),
            ("a@b.io,c@d.io", "<redacted:email>,<redacted:email>"),
            (r#"mail "ada.lovelace"@example.org"#, "mail <redacted:email>"),
        ],
        negatives: &[
            "root@localhost logged in",
            "clone git@github.com:org/repo.git",
            "Started user@1000.service, getty@tty1.service",
            "no icon@2x.png in react@main.js",
            "npm lodash@4.17.21",
            "kex: chacha20-poly1305@openssh.com, curve25519-sha256@libssh.org, zlib@openssh.com",
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
        description: "payment card numbers of 13 to 19 digits, bare or grouped by spaces, dashes, dots, _ or the + of forms, with an issuer's prefix \
                and length and a right check digit; Maestro's of 12 digits in groups; also within the tracks of a magnetic stripe",
        not_matched: "parts of longer numbers, of hexadecimal text, of fractions, of names (blk_…) or of columns of numbers",
        patterns: &[
            confirmed(
                r"(?-u)[0-9](?:[ +-]?[0-9]){11,}",
                r"(?-u)[0-9](?:[ +-]?[0-9]){12}|[0-9]{4}[ +-][0-9]{4}[ +-][0-9]{4}",
                validators::card,
            ),
            checked(r"(?-u)[0-9]{4}(?:\.[0-9]{4}){3}|[0-9]{4}(?:_[0-9]{4}){3}", validators::card_joined),
            checked(r"(?-u)[0-9]{4}(?:\.[0-9]{6}\.|_[0-9]{6}_)[0-9]{5}", validators::card_joined),
        ],
        positives: &[
            ("card=4111111111111111 ok", "card=<redacted:card> ok"),
            ("card 4111 1111 1111 1111.", "card <redacted:card>."),
            ("card 5500-0055-5555-5559,", "card <redacted:card>,"),
            ("4111.1111.1111.1111. 4111_1111_1111_1111", "<redacted:card>. <redacted:card>"),
            ("amex=3400.000000.00009", "amex=<redacted:card>"),
            ("amex 3400 000000 00009", "amex <redacted:card>"),
            (r#"{"pan":6011000000000004}"#, r#"{"pan":<redacted:card>}"#),
            ("12 4111111111111111 34", "12 <redacted:card> 34"),
            ("2026-11-23 4111111111111111", "2026-11-23 <redacted:card>"),
            ("q=%204111111111111111&", "q=%20<redacted:card>&"),
            (r"text\n4111111111111111\n", r"text\n<redacted:card>\n"),
            ("4222222222222", "<redacted:card>"),
            ("5555555555554444 4012888888881881", "<redacted:card> <redacted:card>"),
            ("3056930009020004 36227206271667", "3056930009020004 <redacted:card>"),
            ("pan=4111+1111+1111+1111&x=1", "pan=<redacted:card>&x=1"),
            ("4111111111111111D25121011000012345678", "<redacted:card>D25121011000012345678"),
            ("%B4111111111111111^ADA/L^2512101", "<redacted:card>^ADA/L^2512101"),
            (";4111111111111111=25121010000?", ";<redacted:card>=25121010000?"),
            ("card 9792030394440796, maestro 5018 0000 0009", "card <redacted:card>, maestro <redacted:card>"),
            ("4111 1111 1111 1111 5555 5555 5555 4444", "<redacted:card> <redacted:card>"),
        ],
        negatives: &[
            "card=4111111111111112 has a wrong check digit",
            "at 1763931351123 epoch ms",
            "at 1763931351123456789 epoch ns",
            "id 41111111111111110000 has twenty digits",
            "trace 4111111111111111deadbeef",
            "took 0.4111111111111111 s",
            "4111.1111.1111.1112 v4111.1111.1111.1111 4111.1111.1111.1111.2 blk_4111_1111_1111_1111 4111_1111_1111_1111_2",
            "uuid 41111111-1111-1111-9f31-c2aa00000000",
            "uuid 41111111-1111-1111-1111-111111111111",
            "2026-11-23 21:15:51 200 79999 4111",
            "order 1000000000000008",
            "blk_4111111111111111 blk_-4111111111111111",
            "counts 66046 6692 73975",
            "rx 1200 4111 1111 1111 1111 0420 1033 2201 8820 4410 0001 0002",
            "order 501800000009",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        ],
    },
    Detector {
        name: "card_code",
        group: Group::Pii,
        description: "the three or four digits of a payment card's security code after a keyword (cvv, cvc, cvv2, card_code, \
                security_code …)",
        not_matched: "the keywords without digits",
        patterns: &[plain(concat!(
            r"(?xi-u)(?:(?:\b|_)cv[cv]2?|\b(?:card|security)[_\ -]?(?:verification[_\ -]?)?(?:code|value))",
            is!(),
            r"([0-9]{3,4})\b"
        ))],
        positives: &[
            ("pan=x cvv=123 exp=12/29", "pan=x cvv=<redacted:card_code> exp=12/29"),
            (
                r#"{"card_cvc":"0123","securityCode":999}"#,
                r#"{"card_cvc":"<redacted:card_code>","securityCode":<redacted:card_code>}"#,
            ),
        ],
        negatives: &["cvv: missing", "cvc=12345", "cvv check passed 123"],
    },
    Detector {
        name: "iban",
        group: Group::Pii,
        description: "international bank account numbers in upper case, bare or in groups of four, and in lower case after the word IBAN, with \
                their country's length and right check digits",
        not_matched: "IBANs in lower case without the word, and other account numbers",
        patterns: &[
            checked(r"(?-u)[A-Z]{2}[0-9]{2}(?:[ +-]?[A-Z0-9]{4}){2,7}(?:[ +-]?[A-Z0-9]{1,3})?", validators::iban),
            checked(
                concat!(
                    r"(?xi-u)iban",
                    is!(),
                    r"([a-z]{2}[0-9]{2}(?:[\ +-]?[a-z0-9]{4}){2,7}(?:[\ +-]?[a-z0-9]{1,3})?)"
                ),
                validators::iban,
            ),
        ],
        positives: &[
            ("to DE89370400440532013000 now", "to <redacted:iban> now"),
            ("to GB82 WEST 1234 5698 7654 32.", "to <redacted:iban>."),
            ("iban=NO9386011117947&x", "iban=<redacted:iban>&x"),
            (r#"{"iban":"FR1420041010050500013M02606"}"#, r#"{"iban":"<redacted:iban>"}"#),
            ("BE68 5390 0754 7034 EUR 12", "<redacted:iban> EUR 12"),
            ("DE89-3704-0044-0532-0130-00.", "<redacted:iban>."),
            ("IBANDE89370400440532013000", "IBAN<redacted:iban>"),
            ("iban=de89370400440532013000", "iban=<redacted:iban>"),
            ("iban=DE89+3704+0044+0532+0130+00&x", "iban=<redacted:iban>&x"),
        ],
        negatives: &[
            "to DE89370400440532013001 with wrong check digits",
            "ZZ89370400440532013000",
            "DE8937040044053201300 is too short",
            "SKU AB12CDEF3456GHIJ7890",
            "xDE89370400440532013000",
        ],
    },
    Detector {
        name: "ssn",
        group: Group::Pii,
        description: "social security numbers of the USA, as 123-45-6789, and without dashes after a keyword (ssn, social security \
                number)",
        not_matched: "areas 000, 666 and 900 to 999, the group 00 and the serial 0000, which are not assigned; nine digits on their own",
        patterns: &[
            checked(r"(?-u)[0-9]{3}-[0-9]{2}-[0-9]{4}", validators::ssn),
            checked(
                concat!(
                    "(?x-u)(?i:ssn|social[_\\ -]?security)(?i:[_\\ -]?(?:number|num|no))?",
                    is!(),
                    "([0-9]{3}[\\ +-]?[0-9]{2}[\\ +-]?[0-9]{4})"
                ),
                validators::ssn,
            ),
        ],
        positives: &[
            ("ssn 123-45-6789 checked", "ssn <redacted:ssn> checked"),
            ("SSN=123456789;", "SSN=<redacted:ssn>;"),
            ("ssn=123+45+6789&x", "ssn=<redacted:ssn>&x"),
            (r#"{"socialSecurityNumber":"123 45 6789"}"#, r#"{"socialSecurityNumber":"<redacted:ssn>"}"#),
        ],
        negatives: &[
            "000-12-3456 666-12-3456 912-12-3456 123-00-4567 123-45-0000",
            "id 123456789",
            "part 7-123-45-6789",
            "123-45-6789-1",
            "a123-45-6789",
            "2026-11-2345",
        ],
    },
    Detector {
        name: "phone",
        group: Group::Pii,
        description: "telephone numbers with + and the country's code (E.164), in the North American form ((415) 555-0132, \
                415-555-0132, 415.555.0132), in the French groups (01 23 45 67 89), with the area in brackets ((020) 7946 0958), \
                and any after a keyword (phone, tel, mobile, msisdn, fax)",
        not_matched: "bare digits and other national forms without a keyword; codes and areas that are not assigned",
        patterns: &[
            checked(r"(?-u)(?:\+|%2[Bb])[1-9](?:[ .()-]{0,2}[0-9]){6,16}", validators::phone),
            checked(r"(?-u)%2[Bb][1-9](?:[+]?[0-9]){6,16}", validators::phone),
            checked(
                r"(?-u)(?:\([2-9][0-9]{2}\)[ +]?[2-9][0-9]{2}[ .+-]|(?:1[-.])?[2-9][0-9]{2}[-.][2-9][0-9]{2}[.-])[0-9]{4}",
                validators::phone_nanp,
            ),
            checked(r"(?-u)0[1-9](?:[ .+-][0-9]{2}){4}", validators::phone_grouped),
            checked(
                r"(?-u)\(0[0-9]{2,4}\) ?(?:[0-9]{4} [0-9]{4}|[0-9]{3} [0-9]{4}|[0-9]{3} [0-9]{3}|[0-9]{6})",
                validators::phone_grouped,
            ),
            checked(
                concat!(
                    "(?x-u)(?i:(?:tele)?phone|\\btel|[_.-]tel|mobile|msisdn|\\bfax)(?i:[_\\ -]?(?:number|num|no|nr))?",
                    is!(),
                    "((?:\\+|%2[Bb])?[(]?[0-9][0-9\\ ()./+-]{4,22}[0-9])"
                ),
                validators::phone_named,
            ),
        ],
        positives: &[
            ("call +14155550132 now", "call <redacted:phone> now"),
            ("sms to +49 151 23456789, ok", "sms to <redacted:phone>, ok"),
            ("?to=%2B442079460958&x=1", "?to=<redacted:phone>&x=1"),
            ("+14155550132 200 512", "<redacted:phone> 200 512"),
            (
                "(415) 555-0132 or 415-555-0132 or 415.555.0132",
                "<redacted:phone> or <redacted:phone> or <redacted:phone>",
            ),
            ("tel 01 23 45 67 89, (020) 7946 0958", "tel <redacted:phone>, <redacted:phone>"),
            (r#"{"phone":"030 901820","n":1}"#, r#"{"phone":"<redacted:phone>","n":1}"#),
            ("msisdn=4915123456789 ok", "msisdn=<redacted:phone> ok"),
            ("tel=%28415%29+555-0132&x", "tel=<redacted:phone>&x"),
            ("to=%2B49+151+23456789&x", "to=<redacted:phone>&x"),
            (
                "<voice>+1.4155550132</voice> and +1.415.555.0132",
                "<voice><redacted:phone></voice> and <redacted:phone>",
            ),
        ],
        negatives: &[
            "delta +1.2345678901 and +2.3456789012",
            "2026-11-23 21:15:51 +0000 and +1000 GMT+10 1e+12345678",
            "took 415.555 ms, 115-555-0132, 415-155-0132",
            "bytes 00 01 02 03 04 05 06 07",
            "id 4155550132 at 1763931351123",
            "v415.555.0132.7",
            "+1 3 of 5, +99 others",
            "drift +12.345678 s, total +12345678.90 EUR, +48.8566123 lat",
            "phone model 15, mobile: true, hotel=12345678",
            "blk_-1608999687919862906",
        ],
    },
    Detector {
        name: "ipv4",
        group: Group::Pii,
        description: "IPv4 addresses, also with a port or a prefix",
        not_matched: "loopback, 0.0.0.0, netmasks and networks (10.0.0.0); versions of four numbers, recognized by a word (version, v, \
                release …), a product's name (Chrome/138.0.7204.92) or a name joined to them (lib-1.2.3.4.jar)",
        patterns: &[confirmed(
            r"(?-u)[0-9]{1,3}(?:\.[0-9]{1,3}){3}",
            r"(?-u)\.(?:0\.(?:0\.[1-9]|[1-9][0-9]{0,2}\.[0-9])|[1-9][0-9]{0,2}\.[0-9]{1,3}\.[0-9])",
            validators::ipv4,
        )],
        positives: &[
            ("10.1.2.3 - - [23/Nov", "<redacted:ipv4> - - [23/Nov"),
            ("from 198.51.100.7:51234, 203.0.113.0/24.", "from <redacted:ipv4>:51234, <redacted:ipv4>/24."),
            ("peer shop-api/10.1.2.3:8080 and /10.1.2.4", "peer shop-api/<redacted:ipv4>:8080 and /<redacted:ipv4>"),
            (r#"{"ip":"192.0.2.1"}"#, r#"{"ip":"<redacted:ipv4>"}"#),
            ("?ip%3D192.0.2.1&range=10.0.0.1-10.0.0.9", "?ip%3D<redacted:ipv4>&range=<redacted:ipv4>-<redacted:ipv4>"),
        ],
        negatives: &[
            "127.0.0.1 0.0.0.0 255.255.255.0 10.0.0.0 300.1.2.3",
            "version 1.2.3.4, v1.2.3.4, \"appVersion\":\"1.2.3.4\", release: 10.4.1.2",
            "Chrome/138.0.7204.92 Safari/537.36, Chrome/138.0.0.0",
            "shop-1.2.3.4.jar, lib_1.2.3.4, 1.2.3.4-rc1, 1.2.3.4.Final",
            "oid 1.3.6.1.4.1.311",
            "OID 1.3.6.1, section 3.1.2.4, requests==2.32.3.1",
        ],
    },
    Detector {
        name: "ipv6",
        group: Group::Pii,
        description: "IPv6 addresses, also shortened, in brackets or with an IPv4 address at the end",
        not_matched: "loopback and ::, times of day, paths in source code (a::b)",
        patterns: &[confirmed(
            r"(?-u)[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:]*(?:\.[0-9]{1,3}){0,3}",
            r"(?-u)(?::[0-9a-fA-F]{1,4}){3}:|[0-9a-fA-F]::|::[0-9a-fA-F]",
            validators::ipv6,
        )],
        positives: &[
            ("from 2001:db8::8a2e:370:7334 ok", "from <redacted:ipv6> ok"),
            ("from [2001:db8:0:1:2:3:4:5]:443", "from [<redacted:ipv6>]:443"),
            ("fe80::1: refused, ip:2001:db8::1%eth0", "<redacted:ipv6>: refused, ip:<redacted:ipv6>%eth0"),
            ("::ffff:198.51.100.7 up", "<redacted:ipv6> up"),
        ],
        negatives: &[
            "[::1]:9090 and ::",
            "at 21:15:51 in std::fs::File, a::b, cafe::babe, Dec::add1",
            "12:34:56:78:9a:bc",
            "trace 00:11:22:33:44:55:66",
        ],
    },
    Detector {
        name: "mac",
        group: Group::Pii,
        description: "MAC addresses (00:1b:44:11:3a:b7, with dashes, or 001b.4411.3ab7)",
        not_matched: "all zeros and all ones; parts of longer fingerprints",
        patterns: &[checked(
            r"(?-u)(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}|[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}",
            validators::mac,
        )],
        positives: &[
            ("dhcp 00:1b:44:11:3a:b7 up", "dhcp <redacted:mac> up"),
            ("mac=00-1B-44-11-3A-B7;", "mac=<redacted:mac>;"),
            ("arp 001b.4411.3ab7", "arp <redacted:mac>"),
        ],
        negatives: &[
            "00:00:00:00:00:00 ff:ff:ff:ff:ff:ff",
            "SHA1 AA:BB:CC:DD:EE:FF:00:11:22:33",
            "at 21:15:51",
            concat!("id ", fake!(uuid)),
            "1234.5678.9012.3456",
        ],
    },
];
