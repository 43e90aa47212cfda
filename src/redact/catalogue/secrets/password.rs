//! The values of telling names: passwords, secrets, tokens and keys of whatever kind.

use super::super::super::check;
use super::super::{Detector, Group, Pattern, Trigger};

/// Names whose value is a secret, as the end of a longer name too (`db_password`, `X-Auth-Token`, `accessKey`), and what
/// may close a name before its `=` or `:`. A macro because only literals can be joined in a table.
macro_rules! telling {
    () => {
        r"(?:pass(?:word|wd|phrase|code)(?:[_.-]?(?:confirm(?:ation)?|again|repeat))?|pwd|secret|token|authorization|credentials?|(?:api|app|access|secret|private|auth|account|client|consumer|deploy|ssh|jwt|hmac|cipher|encryption|decryption|signing|shared|master|session)[_.\ -]?key)[0-9]?"
    };
}

/// After a telling name: its closing quote or bracket, then what sets the value apart.
macro_rules! sets {
    () => {
        r#"(?:\\*["'])?(?:\]|%5d)?[\ \t]*(?:=>|:=|={1,2}|:|%3[ad])[\ \t]*"#
    };
}

/// One row: whatever a provider calls its tokens, people call them so.
pub(super) const DETECTORS: &[Detector] = &[Detector {
    name: "password",
    group: Group::Secrets,
    finds: "values of telling names (password, passwd, pwd, secret, token, api_key, access_key, authorization … and names \
                that end so) after = or :, bare or quoted, in JSON, in JSON within a string, in YAML, in a URL's query or XML; \
                what follows an option such as --password",
    leaves: "null, true or false; names that do not tell, whatever their value looks like",
    trigger: Trigger::Shape(concat!(
        r"(?xi-u)",
        telling!(),
        r#"(?:\\*["'])?(?:\]|%5d)?[\ \t]*(?:[=:>]|%3[ad]) | --[a-z0-9_.-]*"#,
        telling!(),
        r"[\ \t]"
    )),
    patterns: &[
        // "…", up to the closing quote or the end of the text.
        Pattern {
            regex: concat!(r"(?xi-u)", telling!(), sets!(), r#""((?s:[^"\\]|\\.?)*)"#),
            needs: "\"",
            check: Some(check::unmasked),
        },
        // \"…\": JSON within a string. A quote within it has three backslashes.
        Pattern {
            regex: concat!(r"(?xi-u)", telling!(), sets!(), r#"\\"((?s:[^"\\]|\\[^"\\]|\\\\(?:\\.|[^\\"])?)*)"#),
            needs: "\\",
            check: Some(check::unmasked),
        },
        // \\\"…\\\": once more within a string.
        Pattern {
            regex: concat!(r"(?xi-u)", telling!(), sets!(), r#"\\{2,}"((?:[^"\\]|\\+[^"\\]|\\{4,}")*)"#),
            needs: "\\",
            check: Some(check::unmasked),
        },
        // '…', where a quote within is \' or ''.
        Pattern {
            regex: concat!(r"(?xi-u)", telling!(), sets!(), r"'((?s:[^'\\]|''|\\.?)*)"),
            needs: "'",
            check: Some(check::unmasked),
        },
        Pattern {
            regex: concat!(r"(?xi-u)", telling!(), sets!(), r"\\+'((?:[^'\\]|\\+[^'\\])*)"),
            needs: "\\",
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
            needs: "",
            check: Some(check::bare),
        },
        // <password>…</password>
        Pattern {
            regex: concat!(r"(?xi-u)<[a-z0-9:_.-]*", telling!(), r">([^<]+)"),
            needs: "<",
            check: Some(check::element),
        },
        // --password …
        Pattern {
            regex: concat!(r"(?xi-u)--[a-z0-9_.-]*", telling!(), r#"[\ \t]+(?:"([^"]+)|'([^']+)|([^\s"'<-][^\s"']*))"#),
            needs: "--",
            check: Some(check::unmasked),
        },
    ],
    hits: &[
        ("login password=hunter2 ok", "login password=<redacted:password> ok"),
        ("Password: hunter2", "Password: <redacted:password>"),
        (r#"{"password":"a \"b\" c","n":1}"#, r#"{"password":"<redacted:password>","n":1}"#),
        (r#"{"db_passwd":12345,"n":1}"#, r#"{"db_passwd":<redacted:password>,"n":1}"#),
        (r#"{"m":"{\"password\":\"a\\\"b\",\"n\":1}"}"#, r#"{"m":"{\"password\":\"<redacted:password>\",\"n\":1}"}"#),
        (r#"m=\\\"token\\\":\\\"ab c\\\",\\\"n\\\""#, r#"m=\\\"token\\\":\\\"<redacted:password>\\\",\\\"n\\\""#),
        ("pwd='it''s me' n=1", "pwd='<redacted:password>' n=1"),
        ("{'secret': 'a b'}", "{'secret': '<redacted:password>'}"),
        (r"x=\'secret\': \'a b\', y", r"x=\'secret\': \'<redacted:password>\', y"),
        ("GET /?token=abc&x=1", "GET /?token=<redacted:password>&x=1"),
        ("?authorization=Bearer+0a1b2c3d HTTP/1.1", "?authorization=<redacted:password> HTTP/1.1"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: <redacted:password>"),
        ("X-Api-Key: 0a1b", "X-Api-Key: <redacted:password>"),
        (
            "accessToken=a apikey=b client_secret=c",
            "accessToken=<redacted:password> apikey=<redacted:password> client_secret=<redacted:password>",
        ),
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
        "author: ada",
        "tokenizer=bpe passwordless=1",
        concat!("build=", fake!(alnum 40), " cache_key=", fake!(hex 64)),
    ],
}];
