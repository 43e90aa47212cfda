//! Detectors of what opens doors.

use super::super::check;
use super::{Detector, Group, Pattern};

/// Names whose value is a secret, as the end of a longer name too (`db_password`, `X-Auth-Token`, `accessKey`), and what
/// may close a name before its `=` or `:`. A macro because only literals can be joined in a table.
macro_rules! telling {
    () => {
        r"(?:pass(?:word|wd|phrase|code)(?:[_.-]?(?:confirm(?:ation)?|again|repeat))?|pwd|secret|token|authorization|credentials?|(?:api|access|secret|private|auth|account|encryption|signing|shared|master|session)[_.\ -]?key)[0-9]?"
    };
}

/// After a telling name: its closing quote or bracket, then what sets the value apart.
macro_rules! sets {
    () => {
        r#"(?:\\*["'])?(?:\]|%5d)?[\ \t]*(?:=>|:=|={1,2}|:|%3[ad])[\ \t]*"#
    };
}

/// The rows of the group `secrets`.
pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "private_key",
        group: Group::Secrets,
        doc: "PEM private keys, in one line or over several, up to their END line or the end of the text; not public keys \
              or certificates",
        trigger: r"(?-u)PRIVATE(?:[ +]|%20)KEY",
        patterns: &[Pattern {
            regex: r"(?xs-u)
                -----BEGIN[A-Z0-9\ +%]*PRIVATE(?:[\ +]|%20)KEY(?:(?:[\ +]|%20)BLOCK)?-----
                .*?
                (?:-----END[A-Z0-9\ +%]*PRIVATE(?:[\ +]|%20)KEY(?:(?:[\ +]|%20)BLOCK)?-----|\z)",
            check: None,
        }],
        hits: &[
            (
                r#"{"key":"-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\n","n":1}"#,
                r#"{"key":"<redacted:private_key>\n","n":1}"#,
            ),
            ("key: -----BEGIN PRIVATE KEY-----\nMIIEow\nabc", "key: <redacted:private_key>"),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "<redacted:private_key>"),
            ("k=-----BEGIN+EC+PRIVATE+KEY-----MHc-----END+EC+PRIVATE+KEY-----&a=b", "k=<redacted:private_key>&a=b"),
        ],
        misses: &[
            "-----BEGIN PUBLIC KEY-----MIIB-----END PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----MIIB",
            "NO PRIVATE KEY FOUND",
        ],
    },
    Detector {
        name: "password",
        group: Group::Secrets,
        doc: "values of telling names (password, passwd, pwd, secret, token, api_key, access_key, authorization … and names \
              that end so) after = or :, bare or quoted, in JSON, in JSON within a string, in a URL's query or XML; what \
              follows an option such as --password; the password of scheme://user:password@host; Basic credentials; not \
              null, true or false",
        trigger: concat!(
            r"(?xi-u)",
            telling!(),
            r#"(?:\\*["'])?(?:\]|%5d)?[\ \t]*(?:[=:>]|%3[ad]) | --[a-z0-9_.-]*"#,
            telling!(),
            r#"[\ \t] | ://[^\s"'<>/?@:]*:[^\s"'<>/?]*@ | basic(?:[\ \t+]|%20)+[a-z0-9+/]{6}"#
        ),
        patterns: &[
            // "…", up to the closing quote or the end of the text.
            Pattern {
                regex: concat!(r"(?xi-u)", telling!(), sets!(), r#""((?s:[^"\\]|\\.?)*)"#),
                check: Some(check::unmasked),
            },
            // \"…\": JSON within a string. A quote within it has three backslashes.
            Pattern {
                regex: concat!(r"(?xi-u)", telling!(), sets!(), r#"\\"((?s:[^"\\]|\\[^"\\]|\\\\(?:\\.|[^\\"])?)*)"#),
                check: Some(check::unmasked),
            },
            // \\\"…\\\": once more within a string.
            Pattern {
                regex: concat!(r"(?xi-u)", telling!(), sets!(), r#"\\{2,}"((?:[^"\\]|\\+[^"\\]|\\{4,}")*)"#),
                check: Some(check::unmasked),
            },
            // '…', where a quote within is \' or ''.
            Pattern {
                regex: concat!(r"(?xi-u)", telling!(), sets!(), r"'((?s:[^'\\]|''|\\.?)*)"),
                check: Some(check::unmasked),
            },
            Pattern {
                regex: concat!(r"(?xi-u)", telling!(), sets!(), r"\\+'((?:[^'\\]|\\+[^'\\])*)"),
                check: Some(check::unmasked),
            },
            // Bare, up to a delimiter; a scheme's name belongs to the value.
            Pattern {
                regex: concat!(
                    r"(?xi-u)",
                    telling!(),
                    sets!(),
                    r#"((?:(?:bearer|basic|digest|negotiate|token|apikey)(?:[\ \t+]|%20)+)?
                       (?:[^\s"'\\&,;<>(){}\[\]]|\\+[^\s"'\\])(?:[^\s"'\\&,;>)}\]]|\\+[^\s"'\\])*)"#
                ),
                check: Some(check::bare),
            },
            // <password>…</password>
            Pattern { regex: concat!(r"(?xi-u)<[a-z0-9:_.-]*", telling!(), r">([^<]+)"), check: Some(check::element) },
            // --password …
            Pattern {
                regex: concat!(
                    r"(?xi-u)--[a-z0-9_.-]*",
                    telling!(),
                    r#"[\ \t]+(?:"([^"]+)|'([^']+)|([^\s"'<-][^\s"']*))"#
                ),
                check: Some(check::unmasked),
            },
            // scheme://user:…@host
            Pattern { regex: r#"(?i-u)[a-z]://[^\s"'<>/?@:]*:([^\s"'<>/?]+)@"#, check: None },
            Pattern {
                regex: r"(?xi-u)basic(?:[\ \t+]|%20)+([a-z0-9+/_-]{6,}(?:=|%3D){0,2})",
                check: Some(check::basic_credentials),
            },
        ],
        hits: &[
            ("login password=hunter2 ok", "login password=<redacted:password> ok"),
            ("Password: hunter2", "Password: <redacted:password>"),
            (r#"{"password":"a \"b\" c","n":1}"#, r#"{"password":"<redacted:password>","n":1}"#),
            (r#"{"db_passwd":12345,"n":1}"#, r#"{"db_passwd":<redacted:password>,"n":1}"#),
            (
                r#"{"m":"{\"password\":\"a\\\"b\",\"n\":1}"}"#,
                r#"{"m":"{\"password\":\"<redacted:password>\",\"n\":1}"}"#,
            ),
            (r#"m=\\\"token\\\":\\\"ab c\\\",\\\"n\\\""#, r#"m=\\\"token\\\":\\\"<redacted:password>\\\",\\\"n\\\""#),
            ("pwd='it''s me' n=1", "pwd='<redacted:password>' n=1"),
            ("{'secret': 'a b'}", "{'secret': '<redacted:password>'}"),
            (r"x=\'secret\': \'a b\', y", r"x=\'secret\': \'<redacted:password>\', y"),
            ("GET /?token=abc&x=1", "GET /?token=<redacted:password>&x=1"),
            ("?authorization=Bearer+0a1b2c3d HTTP/1.1", "?authorization=<redacted:password> HTTP/1.1"),
            ("Authorization: Basic dXNlcjpwYXNz", "Authorization: <redacted:password>"),
            ("sent Basic dXNlcjpwYXNz to", "sent Basic <redacted:password> to"),
            ("X-Api-Key: 0a1b", "X-Api-Key: <redacted:password>"),
            (
                "accessToken=a apikey=b client_secret=c",
                "accessToken=<redacted:password> apikey=<redacted:password> client_secret=<redacted:password>",
            ),
            ("postgres://app:p@ss#1@db:5432/x", "postgres://app:<redacted:password>@db:5432/x"),
            ("redis://:abc@cache", "redis://:<redacted:password>@cache"),
            ("<soap:Password>a b</soap:Password>", "<soap:Password><redacted:password></soap:Password>"),
            ("run --db-password hunter2 --n 1", "run --db-password <redacted:password> --n 1"),
            ("run --token 'a b' c", "run --token '<redacted:password>' c"),
            (":password=>\"x\", n", ":password=>\"<redacted:password>\", n"),
            ("user%5Bpassword%5D=abc&n=1", "user%5Bpassword%5D=<redacted:password>&n=1"),
            ("password%3Dabc done", "password%3D<redacted:password> done"),
            ("password=\"no end", "password=\"<redacted:password>"),
            (r"password=ab\cd e", r"password=<redacted:password> e"),
            (r"password=\\ab\ e", r"password=<redacted:password> e"),
            ("password_confirmation=abc", "password_confirmation=<redacted:password>"),
        ],
        misses: &[
            "Token refreshed",
            "password reset for user 7",
            "max_tokens: 4096, tokens=512",
            r#"{"password":null,"token":false}"#,
            "password=<redacted:password>",
            r#"{"password":"<redacted:password>"}"#,
            "?token=&x=1",
            "secretName=db-creds",
            "http://shop.example.com:8080/users/@me",
            "see https://example.com/a:b",
            "Basic authentication failed",
            "author: ada",
            "tokenizer=bpe passwordless=1",
        ],
    },
    Detector {
        name: "bearer",
        group: Group::Secrets,
        doc: "what follows the word Bearer and looks like a token (RFC 6750); not prose such as \"bearer authentication\"",
        trigger: r#"(?i-u)bearer(?:[ \t+"':=\\]|%20)"#,
        patterns: &[Pattern {
            regex: r#"(?xi-u)bearer(?:[\ \t+"':=\\]|%20|%3a){1,6}([a-z0-9._~+/%-]{6,}=*)"#,
            check: Some(check::token),
        }],
        hits: &[
            ("Authorization: Bearer abc123def", "Authorization: Bearer <redacted:bearer>"),
            ("&authorization=Bearer+00ff00ff HTTP/1.1", "&authorization=Bearer+<redacted:bearer> HTTP/1.1"),
            ("bearer%200a1b2c3d&", "bearer%20<redacted:bearer>&"),
            (r#"{"bearer":"mF_9.B5f-4.1JqM=="}"#, r#"{"bearer":"<redacted:bearer>"}"#),
        ],
        misses: &["bearer authentication failed", "Bearer token expired", "the bearer of this", "forbearer=1"],
    },
    Detector {
        name: "jwt",
        group: Group::Secrets,
        doc: "JSON Web Tokens and encrypted ones (RFC 7519): eyJ…, with at least two parts",
        trigger: r"(?-u)eyJ[A-Za-z0-9_-]",
        patterns: &[Pattern {
            regex: r"(?-u)eyJ[A-Za-z0-9_-]{6,}={0,2}\.[A-Za-z0-9_-]{4,}(?:={0,2}\.[A-Za-z0-9_-]*)*",
            check: None,
        }],
        hits: &[
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K ok", "jwt <redacted:jwt> ok"),
            ("c=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.;", "c=<redacted:jwt>;"),
        ],
        misses: &["eyJ", "eyJhbGciOiJIUzI1NiJ9 alone", "keyJar.open(file.txt)"],
    },
    Detector {
        name: "aws",
        group: Group::Secrets,
        doc: "AWS access key ids (AKIA…, ASIA…) and the 40 characters of a secret key after a telling name; not 40 \
              characters on their own, which may be a commit's hash",
        trigger: r#"(?-u)A(?:KI|SI|BI|CC)A[A-Z0-9]{16}|(?i:secret|aws)[A-Za-z_. -]*(?:\\*["'])?\]?[ \t]*(?:[=:]|%3[ad])"#,
        patterns: &[
            Pattern { regex: r"(?-u)A(?:KI|SI|BI|CC)A[A-Z0-9]{16}", check: None },
            Pattern {
                regex: r#"(?x-u)
                    (?i:secret|aws)[A-Za-z_.\ -]*(?:\\*["'])?\]?[\ \t]*(?:=>|[=:]|%3[aAdD])[\ \t]*(?:\\*["'])?
                    ([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|\z)"#,
                check: None,
            },
        ],
        hits: &[
            ("id AKIAIOSFODNN7EXAMPLE used", "id <redacted:aws> used"),
            (
                "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "aws_secret_access_key = <redacted:aws>",
            ),
            (
                r#"{"SecretAccessKey":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}"#,
                r#"{"SecretAccessKey":"<redacted:aws>"}"#,
            ),
        ],
        misses: &[
            "commit 9f31c2aa00000000000000000000000000000000",
            "ASIA is a continent",
            "secret: 9f31c2aa000000000000000000000000000000001",
        ],
    },
];
