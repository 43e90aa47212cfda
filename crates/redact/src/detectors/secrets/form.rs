//! Formats without a single provider: keys in PEM, JSON Web Tokens, bearer tokens.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

/// Formats that are secret in any context.
pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "private_key",
        group: Group::Secrets,
        description: "private keys in PEM, SSH2 and PuTTY format, in one line or over several, up to their END line or the end of the Base64; \
                the private members of JSON Web Keys (RFC 7517)",
        not_matched: "public keys or certificates; other text after a BEGIN marker",
        patterns: &[
            checked(
                r"(?x-u)-{4,5}[\ +]?BEGIN[A-Z0-9\ +%]*PRIVATE(?:[\ +]|%20)KEY(?:(?:[\ +]|%20)BLOCK)?[\ +]?-{4,5}",
                validators::private_key,
            )
            .published_as(
                r"(?s-u)-{4,5}[ +]?BEGIN[A-Z0-9 +%]*PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?[ +]?-{4,5}.*?(?:-{4,5}[ +]?END[A-Z0-9 +%]*-{4,5}|\z)",
            ),
            checked(r"(?-u)Private-Lines:[ +]*[0-9]+()", validators::private_key),
            checked(
                r#"(?x-u)["'](?:d|p|q|dp|dq|qi|k)\\*["'][\ \t]*:[\ \t]*\\*["']([A-Za-z0-9_-]{16,})"#,
                validators::private_member,
            ),
        ],
        positives: &[
            (
                r#"{"key":"-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n","n":1}"#,
                r#"{"key":"<redacted:private_key>\n","n":1}"#,
            ),
            ("key: -----BEGIN PRIVATE KEY-----\nMIIEow\nabc", "key: <redacted:private_key>"),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "<redacted:private_key>"),
            (
                "GET /-----BEGIN PRIVATE KEY----- HTTP/1.1\" 200 \"curl/8\"",
                "GET /<redacted:private_key> HTTP/1.1\" 200 \"curl/8\"",
            ),
            (
                "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56wAAAgIAAAAm\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
                "<redacted:private_key>",
            ),
            (
                r#"{"k":"Private-Lines: 1\nAAAAgQCVFakeKey0\nPrivate-MAC: 0a1b"}"#,
                r#"{"k":"Private-Lines: 1<redacted:private_key>"}"#,
            ),
            (
                concat!(r#"{"kty":"RSA","n":"x","e":"AQAB","d":""#, fake!(alnum 40), r#"","k":1}"#),
                r#"{"kty":"RSA","n":"x","e":"AQAB","d":"<redacted:private_key>","k":1}"#,
            ),
            (
                concat!(
                    "-----BEGIN RSA PRIVATE KEY----- Proc-Type: 4,ENCRYPTED DEK-Info: AES-128-CBC,0A1B  ",
                    fake!(alnum 40),
                    " -----END RSA PRIVATE KEY-----"
                ),
                "<redacted:private_key>",
            ),
            (
                r#"["---- BEGIN SSH2 PRIVATE KEY ----", "Comment: \"ada\"", "P2/56wAAAgIAAAAm", "---- END SSH2 PRIVATE KEY ----"]"#,
                r#"["<redacted:private_key>"]"#,
            ),
            (
                "-----BEGIN PRIVATE KEY-----<br>MIIEow<br/>abc^Mdef#012ghi\\x0ajkl\u{2028}-----END PRIVATE KEY-----",
                "<redacted:private_key>",
            ),
            (
                "k=Private-Lines:+1\nAAAAgQCVFakeKey0\nPrivate-MAC:+0a1b&a=b",
                "k=Private-Lines:+1<redacted:private_key>&a=b",
            ),
            ("k=-----BEGIN+EC+PRIVATE+KEY-----MHc-----END+EC+PRIVATE+KEY-----&a=b", "k=<redacted:private_key>&a=b"),
        ],
        negatives: &[
            "-----BEGIN PUBLIC KEY-----MIIB-----END PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----MIIB",
            "NO PRIVATE KEY FOUND",
            concat!(r#"{"d":""#, fake!(alnum 40), r#"","kind":"x"}"#),
        ],
    },
    Detector {
        name: "jwt",
        group: Group::Secrets,
        description: "JSON Web Tokens and encrypted ones (RFC 7519): eyJ…, with at least two parts",
        not_matched: "",
        patterns: &[plain(r"(?-u)eyJ[A-Za-z0-9_-]{6,}={0,2}\.[A-Za-z0-9_-]{4,}(?:={0,2}\.[A-Za-z0-9_-]*)*")],
        positives: &[
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K ok", "jwt <redacted:jwt> ok"),
            ("c=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.;", "c=<redacted:jwt>;"),
        ],
        negatives: &["eyJ", "eyJhbGciOiJIUzI1NiJ9 alone", "keyJar.open(file.txt)"],
    },
    Detector {
        name: "bearer",
        group: Group::Secrets,
        description: "text that looks like a token after the word Bearer (RFC 6750)",
        not_matched: "prose such as \"bearer authentication\"",
        patterns: &[checked(
            r#"(?xi-u)bearer(?:[\ \t+"':=\\]|%20|%3a){1,6}([a-z0-9._~+/%-]{6,}=*)"#,
            validators::token,
        )],
        positives: &[
            ("Authorization: Bearer abc123def", "Authorization: Bearer <redacted:bearer>"),
            ("&authorization=Bearer+00ff00ff HTTP/1.1", "&authorization=Bearer+<redacted:bearer> HTTP/1.1"),
            ("bearer%200a1b2c3d&", "bearer%20<redacted:bearer>&"),
            (r#"{"bearer":"mF_9.B5f-4.1JqM=="}"#, r#"{"bearer":"<redacted:bearer>"}"#),
        ],
        negatives: &[
            "bearer authentication failed",
            "Bearer token expired",
            "the bearer of this",
            "forbearer=1",
            "token_type=bearer expires_in=3600",
            "SASL_OAUTHBEARER OAUTHBEARER_OIDC ZSTD, SASL_OAUTHBEARER CRC32C_HW,",
        ],
    },
];
